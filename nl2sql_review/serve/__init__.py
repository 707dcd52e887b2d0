"""Thin adapters over the review for programs that ask: hooks and servers. They decide nothing themselves."""
