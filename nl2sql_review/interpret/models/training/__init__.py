"""Models of the training stack."""
