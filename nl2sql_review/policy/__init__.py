"""The policy: rules, expectations and settings."""
