"""One file per command: its docstring's first line is its short help, `command` is the click command."""
