"""Starts of a training: command lines with their places, and the settings of the run that they give.

    launch_files.of_source(source)         the launches in a shell script, Makefile, Slurm or SkyPilot file, or notebook
    launch_files.beside(script, root)      the launches of a script that files beside it hold
    Launchers(text, place, …).of(commands) the launches among the commands of a text
    callers.of(script, root, drafts)       the scripts that import it, and so run its code

Each is a `CommandLine` (`source/command_line.py`): the words that the script gets, each a value with its place, and the
settings of the launcher: the number of training processes, the precision, the accelerate file.
"""
