"""Measurements against named peers in the same run; `python bench/run.py` anywhere."""
