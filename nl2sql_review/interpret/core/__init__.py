"""The machine that a script runs on, and what its values are."""
