"""Datasets and frames."""
