"""Models of the standard library."""
