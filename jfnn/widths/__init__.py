"""Width as an axis: networks in two parametrisations, the coordinate check."""
