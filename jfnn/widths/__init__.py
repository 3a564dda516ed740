"""Width as an axis: networks in two parametrisations, transfer of learning rates, the coordinate check."""
