"""The faces over one program: they parse input, call `app` and render; no logic."""
