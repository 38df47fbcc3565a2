"""The refusal matrix: each reason of the closed list and each source that can produce it, made for real."""
