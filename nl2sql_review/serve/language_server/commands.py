"""Names of the commands behind the code lenses, as clients call them."""

PLAN, PROMPT, MEMORY, ROWS = (f"nl2sql-review.{name}" for name in ("plan", "prompt", "memory", "rows"))
