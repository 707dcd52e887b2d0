"""Entry points for every front end: one script, many, fixes, memory."""
