"""A small stand-in for MLX over NumPy: as much of it as generated files use, by its documentation."""
