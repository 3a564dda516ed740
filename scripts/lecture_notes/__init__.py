"""Sections of notes.py: the replay of the experiment, and comparisons with published figures."""
