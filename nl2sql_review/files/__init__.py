"""What is on the disk, asked through one door."""
