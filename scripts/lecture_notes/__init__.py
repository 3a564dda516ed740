"""Sections of notes.py: the replay of the experiment, the figures compared, and their verdicts."""
