"""What a broken wire or a strange machine on the way makes of bytes."""

from collections.abc import Callable
from random import Random

import orjson

Mutation = Callable[[bytes, Random], bytes]

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>The request could not be satisfied.</h1></body></html>"
_DEPTH = 2_000
_ONE, _NINE = ord("1"), ord("9")


def mutated(content: bytes, random: Random) -> bytes:
    """`content` damaged in one of MUTATIONS' ways, so that it is no longer an object or an array of JSON."""
    damaged = random.choice(MUTATIONS)(content, random)
    return damaged + b"}" if _is_readable(damaged) else damaged


def with_a_wrong_digit(content: bytes, random: Random) -> bytes:
    """`content` with another digit in one place: as readable as it was, and not true. What has no digit comes as it is."""
    digits = [position for position, byte in enumerate(content) if _ONE <= byte <= _NINE]
    if not digits:
        return content
    position = random.choice(digits)
    other = _ONE + (content[position] - _ONE + random.randrange(1, 9)) % 9
    return content[:position] + bytes((other,)) + content[position + 1 :]


def _is_readable(content: bytes) -> bool:
    try:
        return isinstance(orjson.loads(content), dict | list)
    except orjson.JSONDecodeError:
        return False


def _flipped(content: bytes, random: Random) -> bytes:
    """One bit of one byte is another."""
    if not content:
        return b"\x00"
    position = random.randrange(len(content))
    return content[:position] + bytes((content[position] ^ 1 << random.randrange(8),)) + content[position + 1 :]


def _cut_off(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))] if content else content


def _hole(content: bytes, random: Random) -> bytes:
    begin = random.randrange(len(content) + 1)
    return content[:begin] + content[begin + random.randrange(1, 17) :]


def _inserted(content: bytes, random: Random) -> bytes:
    position = random.randrange(len(content) + 1)
    return content[:position] + random.randbytes(random.randrange(1, 9)) + content[position:]


def _page(content: bytes, random: Random) -> bytes:
    return HTML_PAGE


def _empty(content: bytes, random: Random) -> bytes:
    return b""


def _doubled(content: bytes, random: Random) -> bytes:
    return content + content


def _deep(content: bytes, random: Random) -> bytes:
    """Nested deeper than any decoder likes."""
    return b"[" * _DEPTH + content + b"]" * _DEPTH


def _null(content: bytes, random: Random) -> bytes:
    return b"null"


MUTATIONS: tuple[Mutation, ...] = (_flipped, _cut_off, _hole, _inserted, _page, _empty, _doubled, _deep, _null)
