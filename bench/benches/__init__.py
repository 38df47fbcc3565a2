"""One file per bench: `bench(given) -> Result | Skipped`; its docstring's first line says what is measured."""
