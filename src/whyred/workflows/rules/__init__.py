"""What is looked for in the workflows of a checkout: one rule a file, found by its name."""
