"""Powers lists 权责清单: what an organ may do and by which law, and through which items it does so where somebody applies."""
