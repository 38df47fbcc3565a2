"""The library: patterns, causes, secrets and classes as data files, and what reads them into nouns."""
