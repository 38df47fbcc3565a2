"""What makes a server far: it says yes to everything, so many seconds after it was asked; nginx asks it before every
answer (`auth_request`), so that the bytes themselves go no longer way.

`python bench/far.py SECONDS` prints the port it listens on, and answers until it is ended.
"""

import asyncio
import sys

YES = b"HTTP/1.1 204 No Content\r\n\r\n"


class Late(asyncio.Protocol):
    """One connection; a request is whatever comes up to an empty line."""

    def __init__(self, delay: float) -> None:
        self.delay, self.held = delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers each request that is whole, late."""
        *whole, self.held = (self.held + data).split(b"\r\n\r\n")
        for _ in whole:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, YES)


async def serve(delay: float) -> None:
    """For ever."""
    server = await asyncio.get_running_loop().create_server(lambda: Late(delay), "127.0.0.1", 0, backlog=64)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
