"""Interpretation of Python itself: expressions, statements, calls, classes, built-in types."""
