"""Spreadsheets 电子表格 as offices make them: XLSX and delimited text, read within bounds and written."""
