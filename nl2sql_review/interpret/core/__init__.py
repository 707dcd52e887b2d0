"""The abstract machine that runs a script, and its values."""
