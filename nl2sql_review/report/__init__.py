"""The public, versioned result of a review, and the exit codes that go with it."""
