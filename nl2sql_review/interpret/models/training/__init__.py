"""The training stack."""
