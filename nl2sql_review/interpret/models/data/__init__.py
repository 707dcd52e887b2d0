"""Data sets and frames."""
