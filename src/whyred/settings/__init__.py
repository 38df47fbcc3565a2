"""Folders, configuration files and credentials of the user."""
