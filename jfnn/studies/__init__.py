"""Studies of training itself: its derivatives, the growth of small differences, and the role of width."""
