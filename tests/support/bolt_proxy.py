"""A proxy before Neo4j that breaks a connection when the database has just carried out a COMMIT."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""A Bolt message of its own: a chunk of two bytes, the structure COMMIT without fields, and the end."""


class BoltProxy:
    """Passes Bolt on between clients and one database.

    Attributes:
        cuts: how many of the coming commits are cut: they are carried out, and their answer is lost.
        alternates: cut every second commit, the next one first.
        committed: how many were cut.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.cuts = 0
        self.alternates = False
        self.committed = 0
        self._seen = 0
        self._fatal = False
        self._dead = False
        self._clients: set[asyncio.StreamWriter] = set()

    def cut_and_die(self) -> None:
        """Cut the next commit; after it the database answers nobody, until ``mend``."""
        self.cuts, self._fatal, self._dead = 1, True, False

    def die(self) -> None:
        """Answer nobody any more, until ``mend``; what is under way breaks off."""
        self._dead = True
        for client in self._clients:
            client.close()

    def mend(self) -> None:
        """Let the database answer again."""
        self._fatal = self._dead = False

    def _cuts(self) -> bool:
        """Whether the commit that passes now is cut."""
        if self.alternates:
            self._seen += 1
            return self._seen % 2 == 1
        self.cuts -= 1
        return self.cuts >= 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection until either side ends it."""
        if self._dead:
            writer.close()
            return
        self._clients.add(writer)
        down_reader, down_writer = await asyncio.open_connection(*self._target)
        cut = asyncio.Event()

        async def up() -> None:
            while data := await reader.read(1 << 16):
                if data.endswith(_COMMIT) and self._cuts():
                    cut.set()
                down_writer.write(data)
                await down_writer.drain()

        async def down() -> None:
            while data := await down_reader.read(1 << 16):
                if cut.is_set():
                    self.committed += 1
                    self._dead = self._fatal
                    return
                writer.write(data)
                await writer.drain()

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        down_writer.close()
        writer.close()
        self._clients.discard(writer)
        if self._dead:
            self.die()


@asynccontextmanager
async def bolt_proxy(host: str, port: int) -> AsyncGenerator[tuple[BoltProxy, str]]:
    """A proxy before a database, and the address to use instead of the database's own."""
    proxy = BoltProxy(host, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, f"bolt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
