"""Language server: shows the results of a review in the editor.

`server` implements the protocol; `documents` holds the open files, `reviews` examines them, one document at a time, and
`recorded` finds the values at a place. Each kind of answer is a file: `diagnostics`, `hover`, `hints`, `lens`,
`definition`, `actions`, `completion`.
"""
