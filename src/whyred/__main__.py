"""`python -m whyred` is the same program as `whyred`."""

from whyred.faces.cli.main import main

main()
