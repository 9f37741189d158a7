"""Base forms 基础表单: the fields that many items ask for, written once; an item adds its own fragment."""
