"""Applications before anybody has received them: what is handed in, and every defect a machine can find in it."""
