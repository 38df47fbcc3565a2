"""One file per route to runs and logs; a source is found by its file."""
