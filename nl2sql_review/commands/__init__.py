"""Commands, one file each: `parser()` defines the arguments, `run(args)` runs the command and returns the exit code."""
