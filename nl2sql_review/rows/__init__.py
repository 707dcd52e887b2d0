"""Rows of questions with their SQL. `engine` runs untrusted SQL, `scoring` judges predictions."""
