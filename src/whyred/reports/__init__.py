"""One file per report: `render(verdict) -> str`, with no clock, colour or width inside."""
