"""One file a command: `parser()` says what can be said, `run(args)` does it and returns the exit code."""
