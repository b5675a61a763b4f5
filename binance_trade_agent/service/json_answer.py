"""JSON answers of the HTTP face."""

from collections.abc import Mapping

import orjson
from aiohttp import web


def json_answer(body: Mapping[str, object], status: int = 200) -> web.Response:
    """`body` as JSON that no one may keep in a cache."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers={"Cache-Control": "no-store"})


def refusal(status: int, why: str) -> web.Response:
    """An error answer: {"error": why}."""
    return json_answer({"error": why}, status)
