"""Meaning of each program's keys: the library calls of a configuration, and the facts that no call shows."""
