"""Configuration libraries."""
