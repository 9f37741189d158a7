"""What the columns of an office's table mean, and how a run through such a table goes on."""
