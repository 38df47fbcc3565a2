"""A forge that takes all rows: `python bench/tap_forge.py` prints its port and serves until it is ended."""

import asyncio
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\nContent-Length: %d\r\n\r\n%s"


def varint(value: int) -> bytes:
    """A number of a protobuf message."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def field(number: int, data: bytes) -> bytes:
    """Bytes in a protobuf message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def request(index: int, rows: list[bytes]) -> bytes:
    """The `UpdateLog` call with these rows."""
    stamp = field(1, b"\x08" + varint(1_767_322_845 + index // 1000) + b"\x10" + varint(123_456_700))
    body = b"\x08\x07\x10" + varint(index) + b"".join(field(3, stamp + field(2, row)) for row in rows)
    head = (
        "POST /api/actions/runner.v1.RunnerService/UpdateLog HTTP/1.1\r\nHost: forge\r\nx-runner-uuid: u\r\n"
        f"x-runner-token: t\r\nContent-Type: application/proto\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            # The index that the call begins with, and its rows, make the answer: so many rows are there now.
            index, rows = _counted(body)
            reply = b"\x08" + varint(index + rows)
            writer.write(_HEAD % (len(reply), reply))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _counted(body: bytes) -> tuple[int, int]:
    from whyred.sources._protobuf import Message

    message = Message(body)
    return message.number(2), len(message.all(3))


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
