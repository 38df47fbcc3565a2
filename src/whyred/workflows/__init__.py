"""Workflow files: what a workflow says, before anything of it is run."""
