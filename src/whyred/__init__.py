"""whyred tells you why a CI run is red when the same commit passes on your machine."""
