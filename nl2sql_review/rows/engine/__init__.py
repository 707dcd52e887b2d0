"""Untrusted SQL in SQLite: parsed, run within limits, and never able to change anything.

`guarded` is a connection that only answers queries, `process` runs work in child processes that are killed at
their limit, `schema` makes an empty database from a schema's text. A query may hang SQLite while it is being
prepared, when no handler is called, so SQL from a model or from data is always run through `process`.
"""
