"""One file per kind of file that can set a variable: each has a `LAYER`."""
