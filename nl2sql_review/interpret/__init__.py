"""Abstract interpretation of a training script: from source to recorded calls.

`interpret.interpret` is the entry point, `recording` holds its result, `objects` the kinds of abstract values.
"""
