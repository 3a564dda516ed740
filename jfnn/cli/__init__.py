"""What grid.py is made of: flags and their values, data, printing, files."""
