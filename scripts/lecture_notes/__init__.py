"""What notes.py is made of: the notes' experiment, their sections, and the tables."""
