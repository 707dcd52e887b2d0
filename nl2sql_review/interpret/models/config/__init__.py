"""Models of configuration libraries."""
