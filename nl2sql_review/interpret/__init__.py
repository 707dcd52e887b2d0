"""Source → recorded calls: abstract interpretation of a training script.

`interpret.interpret` is the door, `recording` what comes out of it, `objects` what values may stand for.
"""
