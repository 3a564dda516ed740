"""Who trains on: rules that look at scores between segments."""
