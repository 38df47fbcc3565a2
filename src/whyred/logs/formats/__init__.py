"""One file per form of log: `FORMAT` says how to see it, what stands before a line and how steps are marked."""
