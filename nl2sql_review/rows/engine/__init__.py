"""SQL that nobody vouches for, given to SQLite: read, run within limits, and never able to change anything.

`guarded` is a connection that only answers queries, `process` runs work in child processes that are killed at their
limit, `schema` makes an empty database of a schema's text. A query may hang SQLite while it is being prepared, where no
handler is asked, so whoever takes SQL from a model or from data runs it through `process`.
"""
