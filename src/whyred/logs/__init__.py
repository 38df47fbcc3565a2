"""Bytes of a log -> masked lines, steps and hits, in one pass and flat memory. Pure: no disk, no clock."""
