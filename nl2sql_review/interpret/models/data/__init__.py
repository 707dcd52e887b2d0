"""Models of datasets and data frames."""
