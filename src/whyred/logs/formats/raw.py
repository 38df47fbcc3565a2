"""Any text that no other format claims."""

from whyred.logs.format import STAMP, Format

FORMAT = Format(name="raw", signs=(), prefix=rb"^" + STAMP, marks=(), source="plain text")
