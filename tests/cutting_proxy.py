"""A proxy between a client and a server that cuts a connection between a message of the client and the server's answer to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class CuttingProxy:
    """Passes bytes on both ways. After `cut_next_answer` the first connection on which the client says anything is cut as soon as the
    server answers there: the message has arrived, and its answer never does.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._armed = False
        self._doomed: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def cut_next_answer(self) -> None:
        self._armed = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        ways = [
            asyncio.ensure_future(self._pass_on(reader, there_writer, writer, from_client=True)),
            asyncio.ensure_future(self._pass_on(there_reader, writer, writer, from_client=False)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, there_writer):
            end.transport.abort()
        await asyncio.wait(ways)
        self._tasks.difference_update(ways)

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, client: asyncio.StreamWriter, *, from_client: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                if from_client and self._armed:
                    self._armed = False
                    self._doomed.add(client)
                elif not from_client and client in self._doomed:
                    return
                target.write(data)
                await target.drain()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()


@asynccontextmanager
async def cutting(server_port: int) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(server_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
