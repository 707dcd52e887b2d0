"""Thin adapters between the review and other programs: hooks and servers. They decide nothing themselves."""
