"""Rows of questions with their SQL. `engine` runs SQL that nobody vouches for, `scoring` judges predictions."""
