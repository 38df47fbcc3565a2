"""Experiments: what is run to settle a question. `execute` is the only unit that runs the user's commands."""
