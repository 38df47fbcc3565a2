"""Comparers: what a failing attempt says and does that no green one did. One file each; bytes in, nouns out."""
