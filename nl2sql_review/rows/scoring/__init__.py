"""Predictions against databases: what a model's SQL is worth, by what it returns.

`evaluate` is the door, `evaluation` the public result; `inputs` reads files, `extraction` finds the SQL in an answer,
`pairs` judges in a child process, `comparison` says whether two results are the same.
"""
