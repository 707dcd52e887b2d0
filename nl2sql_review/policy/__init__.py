"""What is wanted: rules, expectations, settings."""
