"""TLS between a socket and who talks through it, for connections that are ended without a farewell.

Event loops bring a layer of their own, which serves every protocol there is. This one takes all that has come in one go, and never asks for
more when nothing is left, which OpenSSL answers with an error and Python with an exception.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast


class AboveTls(Protocol):
    """Who talks through TLS: a BufferedProtocol that is handed the function by which it writes."""

    def connection_made(self, transport: asyncio.BaseTransport, write: Callable[[bytes], None]) -> None:
        """TLS is up. `transport` is the socket's, to be looked at and ended; only `write` sends."""
        ...

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        ...

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        ...

    def eof_received(self) -> bool:
        """The other side will send no more."""
        ...

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        ...


class TlsLayer(asyncio.BufferedProtocol):
    """The protocol of a socket to `host`. `up` is done when TLS is, or holds the OSError (ssl.SSLError among them) that ended it before.

    What comes is read into `buffer`, which all connections of an event loop may share, because it is taken out again in the same go.
    """

    def __init__(self, context: ssl.SSLContext, host: str, above: AboveTls, buffer: memoryview) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._above = above
        self._buffer = buffer
        self._transport: asyncio.Transport | None = None
        self._is_up = False
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        """Encrypt and send; where that cannot be, the connection ends."""
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            self._end(error)
        else:
            self._flush()

    def abort(self) -> None:
        """Close the socket at once; nobody waits for `up` any more."""
        self.up.cancel()
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self._transport = cast("asyncio.Transport", transport)  # by its methods: uvloop's are not of that class
        if self.up.done():  # given up while it was connecting
            self._transport.abort()
        else:
            self._shake_hands()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Encrypted bytes came."""
        self._incoming.write(self._buffer[:nbytes])
        if self._is_up:
            self._read()
        elif not self.up.done():  # else it was given up in this very moment
            self._shake_hands()

    def eof_received(self) -> bool:
        """The server will send no more; without TLS having said so, somebody else may have cut it off."""
        if self._is_up:
            self._above.eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        if self._is_up:
            self._above.connection_lost(exc)
        elif not self.up.done():
            self.up.set_exception(exc or ConnectionResetError("the connection was closed during the TLS handshake"))

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # which tells the server why
            self._end(error)
        else:
            self._flush()
            self._is_up = True
            self._above.connection_made(cast("asyncio.Transport", self._transport), self.write)
            self.up.set_result(None)
            if self._incoming.pending:
                self._read()

    def _read(self) -> None:
        """Decrypt all that has come, and hand it on as one where it fits."""
        above = self._above
        space, used, count = above.get_buffer(-1), 0, 1
        try:
            while count:
                count = self._tls.read(len(space) - used, space[used:] if used else space)  # type: ignore[assignment] # into a buffer: a count
                used += count
                if used == len(space):
                    above.buffer_updated(used)
                    used = 0
                if not (self._incoming.pending or self._tls.pending()):
                    break
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still to come
        except ssl.SSLError as error:
            self._end(error)
        if used:
            above.buffer_updated(used)
        if not count:
            above.eof_received()
        if self._outgoing.pending:
            self._flush()

    def _flush(self) -> None:
        transport = self._transport
        if transport is not None and self._outgoing.pending:
            transport.write(self._outgoing.read())

    def _end(self, error: ssl.SSLError) -> None:
        """Give up on a connection whose TLS is broken."""
        if not self.up.done():
            self.up.set_exception(error)
        if self._transport is not None:
            self._transport.abort()
