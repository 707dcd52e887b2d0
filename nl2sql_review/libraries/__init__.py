"""Interfaces of the training libraries, per released version, and the versions that a script runs on.

`store` gives signatures from `signatures.json`, which `build` makes from released wheels; `changes` compares
the tables; `replacements` lists what replaced what; `declared` finds the versions that a project states,
`versions` those that a statement allows.
"""
