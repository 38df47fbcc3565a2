"""Generators and house lints; each is a program of its own and is tested."""
