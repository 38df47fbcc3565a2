"""Where whyred keeps things for its user: folders, and the credentials of forge servers."""
