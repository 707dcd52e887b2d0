"""What each program makes of its keys: the library calls of a configuration, and the facts that no call says."""
