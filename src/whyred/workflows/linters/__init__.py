"""Linters of workflows that may be installed: with which arguments each is run, and what its answer means."""
