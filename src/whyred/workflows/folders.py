"""Where a checkout has its workflows."""

FOLDERS = (".forgejo/workflows", ".gitea/workflows", ".github/workflows")
"""Of every forge, in the order in which Forgejo looks (modules/actions/workflows.go)."""
