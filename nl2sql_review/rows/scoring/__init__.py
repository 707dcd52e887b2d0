"""Predictions against databases: the quality of a model's SQL, by its results.

`evaluate` is the entry point, `evaluation` the public result; `inputs` reads files, `extraction` finds the
SQL in an answer, `pairs` judges in a child process, `comparison` decides whether two results are the same.
"""
