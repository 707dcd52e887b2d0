"""Findings that do not count yet: those in a baseline, and those that a change did not touch."""
