"""Service items by the thousand 批量导入导出: one spreadsheet in as drafts, what is in force out as one."""
