"""The nouns of whyred and the protocols that rooms with I/O fulfil.

Standard library only; frozen; everything else in the program speaks in these words.
"""
