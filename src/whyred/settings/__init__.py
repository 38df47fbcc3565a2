"""Where whyred keeps things for its user; configuration and credentials come with the sources that need them."""
