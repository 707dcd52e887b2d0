"""Starts of a training: command lines with their places, and the settings of the run that they give.

    launch_files.of_text(text, source)     the launches of a shell script, Makefile, Slurm or SkyPilot file
    launch_files.beside(path, root)        the launches of a script that files beside it hold
    command_line.said(words, script)       the script's own command line, as it was given to us

A `CommandLine` holds the words that the script gets, each a value with its place, and the settings of the launcher:
the number of training processes, the precision, the accelerate file.
"""
