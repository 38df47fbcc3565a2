"""Whether bytes are a log at all, told by how they begin. A program, a picture or an archive is refused by its name."""

from collections.abc import Iterator

from whyred.model.source import Missing, MissingLogError

SAMPLE = 1 << 16
"""Bytes at the beginning that are looked at."""
_BINARY = 0.05
"""The share of control characters from which bytes are no text. Random bytes have 10 %, programs 30 % and more; logs
full of colour and progress bars have below 1 %, because ESC, BS, BEL, tabs and line ends are not counted."""
_CONTROLS = bytes({*range(32), 127} - set(b"\a\b\t\n\v\f\r\x1b"))
_UNPACK = "Unpack it and name the log inside"
_DECODE = "Decode it first: {} FILE | whyred why -"
_KINDS = (
    (b"\x7fELF", "an ELF program", "Name the log instead"),
    (b"PK\x03\x04", "a zip archive", f"{_UNPACK}; a bundle is read as a file only, not from a pipe"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"\xfd7zXZ\x00", "xz data", _DECODE.format("xz -dc")),
    (b"\x04\x22\x4d\x18", "lz4 data", _DECODE.format("lz4 -dc")),
    (b"%PDF-", "a PDF", "Name the log instead"),
    (b"\x89PNG\r\n", "a picture", "Name the log instead"),
    (b"SQLite format 3\x00", "an SQLite database", "Name the log instead"),
)
"""First bytes (file(1) knows them too), what they are, what to do."""


def checked(chunks: Iterator[bytes], label: str) -> Iterator[bytes]:
    """The chunks, unless they are no log. Raises MissingLogError (refused-content)."""
    first = next(chunks, b"")
    told = _no_log(first)
    if told is not None:
        raise MissingLogError(Missing.REFUSED_CONTENT, f"read {label}", "it is {}. {}".format(*told))
    yield first
    yield from chunks


def _no_log(first: bytes) -> tuple[str, str] | None:
    for magic, kind, how in _KINDS:
        if first.startswith(magic):
            return kind, how
    if first[:3] == b"BZh" and first[4:10] == b"1AY&SY":
        return "bzip2 data", _DECODE.format("bzip2 -dc")
    if first[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    sample = first[:SAMPLE]
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\x00" in sample:
        return "UTF-16 text", _DECODE.format("iconv -f UTF-16 -t UTF-8")
    if len(sample) - len(sample.translate(None, _CONTROLS)) > _BINARY * len(sample):
        return "binary data, not text", "Name the log instead; `file` tells what it is"
    if b"\n" not in first and first.count(b"\r") > 1:
        return "text whose lines end in CR alone", "Convert it: tr '\\r' '\\n' < FILE | whyred why -"
    return None
