"""Models of paths and files."""
