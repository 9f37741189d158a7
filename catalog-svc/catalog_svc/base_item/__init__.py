"""Base items 基本目录事项: the names and codes that are the same in every region."""
