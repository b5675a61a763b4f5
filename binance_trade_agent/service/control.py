"""Control: the three orders an operator can give over HTTP (halt, resume, reduce), for the holder of the token only."""

import hmac
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, TradingMode
from binance_trade_agent.service.json_answer import json_answer, refusal

MODE_OF_ACTION = {"halt": TradingMode.HALTED, "resume": TradingMode.ACTIVE, "reduce": TradingMode.REDUCING}
MAX_REASON_CHARS = 200
_SYMBOL = re.compile(r"[A-Z0-9._-]{1,20}")
_SCHEME = "Bearer "


class ControlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body: why, and for which symbol (the whole account when none is named)."""

    reason: str
    symbol: str | None = None


class Control:
    """Checks who asks and what is asked, then sets the trading mode."""

    def __init__(self, token: str, set_mode: Callable[[str, TradingMode, str], Awaitable[ModeChange]]) -> None:
        """`set_mode(scope, mode, reason)` is durable when it returns."""
        self._token = token.encode()
        self._set_mode = set_mode
        self._log = structlog.get_logger(component="control")

    async def answer(self, request: web.Request) -> web.Response:
        """POST /control/{halt,resume,reduce}: 200 with the new mode, or 400, 401, 403, 404, 503 with a sentence."""
        refused = self._refuse(request)
        if refused is not None:
            return refused
        mode = MODE_OF_ACTION.get(request.match_info["action"])
        if mode is None:
            return refusal(404, f"actions are {', '.join(MODE_OF_ACTION)}")
        try:
            asked = msgspec.json.decode(await request.read(), type=ControlRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return refusal(400, 'the body is JSON: {"reason": "...", "symbol": "..."}; the symbol may be left out')
        reason = asked.reason.strip()
        # A reason goes into the journal and the log, where a line break could pretend to be another entry.
        if not 1 <= len(reason) <= MAX_REASON_CHARS or not reason.isprintable():
            return refusal(400, f"a reason of 1 to {MAX_REASON_CHARS} printable characters is required")
        if asked.symbol is not None and not _SYMBOL.fullmatch(asked.symbol):
            return refusal(400, "the symbol is not one: capital letters and digits, such as BTCUSDT")
        return await self._apply(asked.symbol or ACCOUNT_SCOPE, mode, reason)

    def _refuse(self, request: web.Request) -> web.Response | None:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return refusal(403, "requests from pages of another origin are refused")
        given = request.headers.get("Authorization", "")
        token = given[len(_SCHEME) :].encode(errors="surrogateescape") if given.startswith(_SCHEME) else b""
        if not hmac.compare_digest(token, self._token):
            self._log.warning("a control request without the right token was refused", path=request.path, peer=request.remote)
            answer = refusal(401, "the control token is required: Authorization: Bearer ...")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    async def _apply(self, scope: str, mode: TradingMode, reason: str) -> web.Response:
        try:
            change = await self._set_mode(scope, mode, reason)
        except AgentError as error:
            self._log.error("a mode could not be set", scope=scope, mode=str(mode), error=str(error))
            return refusal(503, f"the mode was not set: {error}")
        self._log.info("the trading mode was set by hand", scope=change.scope, mode=str(change.mode), reason=change.reason)
        return json_answer({"scope": change.scope, "mode": str(change.mode), "reason": change.reason, "time_ms": change.time_ms})
