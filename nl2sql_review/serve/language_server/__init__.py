"""The language server: what a review knows, shown where the script is written.

`server` speaks the protocol; `documents` holds what is open, `reviews` examines it, one document at a time, and
`recorded` finds the values that stand at a place. Each kind of answer is a file: `diagnostics`, `hover`, `hints`,
`lens`, `definition`, `actions`, `completion`.
"""
