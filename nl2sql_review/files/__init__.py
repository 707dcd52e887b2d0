"""Access to the disk: every question about files goes through this package."""
