"""WebSocket servers on raw sockets: the upgrade and single frames, so that a test can send what no proper server would."""

import base64
import hashlib
import struct
from collections.abc import Awaitable, Callable

from misbehaving_server import Peer, hang

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv1: bool = False) -> bytes:
    """One unmasked frame, as servers send them."""
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    if len(payload) < 126:
        head = bytes([first, len(payload)])
    elif len(payload) < 65_536:
        head = struct.pack(">BBH", first, 126, len(payload))
    else:
        head = struct.pack(">BBQ", first, 127, len(payload))
    return head + payload


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def acceptance(request: bytes) -> bytes:
    """The 101 answer to an upgrade request."""
    key = next(line.partition(b":")[2].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    token = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + token + b"\r\n\r\n"


async def upgrade(peer: Peer) -> None:
    peer.send(acceptance(await peer.request()))


async def received(peer: Peer) -> tuple[int, bytes]:
    """Opcode and unmasked payload of the next frame that the client sends."""
    first, second = await peer.reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await peer.reader.readexactly(2), "big")
    elif length == 127:
        length = int.from_bytes(await peer.reader.readexactly(8), "big")
    assert second & 0x80, "a client masks its frames"
    mask = await peer.reader.readexactly(4)
    payload = await peer.reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def sending(*frames: bytes, hold: bool = True) -> Callable[[Peer], Awaitable[None]]:
    """Upgrade, wait for a message, send `frames` in one piece, then do nothing more, or without `hold` close the socket."""

    async def behave(peer: Peer) -> None:
        await upgrade(peer)
        await received(peer)
        peer.send(b"".join(frames))
        if hold:
            await hang()

    return behave
