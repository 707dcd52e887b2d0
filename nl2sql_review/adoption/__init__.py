"""What does not count yet: baselines, what a change did not touch."""
