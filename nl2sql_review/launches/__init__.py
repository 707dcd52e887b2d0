"""How a training is started: command lines where they stand, and what they say of the run.

    launch_files.of_text(text, source)     the launches of a shell script, Makefile, Slurm or SkyPilot file
    launch_files.beside(path, root)        the launches of a script that files beside it hold
    command_line.said(words, script)       the script's own command line, as it was given to us

A `CommandLine` has the words that the script sees, each a value with its place, and what the launcher says: how many
processes train, in which precision, by which accelerate file.
"""
