"""The tools: one file each, found by this folder."""
