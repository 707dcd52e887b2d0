"""What the libraries of the training stack accept, per released version, and which versions a script runs on.

`store` answers questions about signatures, from `signatures.json`, which `build` makes from released wheels; `changes`
says what replaced what; `declared` finds the versions a project states, `versions` what a statement allows.
"""
