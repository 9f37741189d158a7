"""What a spreadsheet is to the catalogue: sheets of numbered rows of cells, whatever the file that they came in."""
