"""Thin adapters over the review for programs that ask: hooks and servers. What is right or wrong is decided elsewhere."""
