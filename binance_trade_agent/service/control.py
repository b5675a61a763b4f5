"""Control: what an operator can order over HTTP, from a halt to a choice of symbols, for the holder of the token only."""

import asyncio
import hmac
import re
from collections import deque
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from binance_trade_agent.domain.errors import AgentError, ModeUnwrittenError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, TradingMode
from binance_trade_agent.domain.symbol_facts import SymbolsTraded
from binance_trade_agent.service.json_answer import json_answer, refusal
from binance_trade_agent.service.operator_verbs import MODE_OF_VERB, OperatorVerbs, Verb

MAX_REASON_CHARS = 200
MOST_CALLS = 30
CALLS_WINDOW_S = 10.0
"""Calls with the token beyond so many within this time are refused, but never a halt; those without it have a count of their own."""

_SYMBOLS_NAMED = 20
_SYMBOL = re.compile(r"[A-Z0-9._-]{1,20}")
_ORDER = re.compile(r"[A-Za-z0-9_-]{1,36}")
_SCHEME = "Bearer "


class ControlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body: why, and for which symbol (the whole account when none is named); `settle` is for an `order` of ours instead."""

    reason: str
    symbol: str | None = None
    order: str | None = None


class Control:
    """Checks who asks and what is asked, then has it done."""

    def __init__(self, token: str, verbs: OperatorVerbs) -> None:
        self._token = token.encode()
        self._verbs = verbs
        self._calls = _Pace()
        self._strangers = _Pace()
        self._log = structlog.get_logger(component="control")

    async def answer(self, request: web.Request) -> web.Response:
        """POST /control/VERB: 200 with what is in force now, or 400, 401, 403, 404, 409, 429, 503 with a sentence.

        Only a 503 may follow something that was done, and says so where a mode is in force that the book has not taken.
        """
        refused = self._refuse(request)
        if refused is not None:
            return refused
        try:
            verb = Verb(request.match_info["action"])
        except ValueError:
            return refusal(404, f"actions are {', '.join(Verb)}")
        if self._calls.is_too_much() and verb is not Verb.HALT:
            return refusal(429, f"at most {MOST_CALLS} control calls are taken within {CALLS_WINDOW_S:g} s; nothing was done")
        try:
            asked = msgspec.json.decode(await request.read(), type=ControlRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return refusal(400, 'the body is JSON: {"reason": "...", "symbol": "..."}; the symbol may be left out')
        reason = asked.reason.strip()
        # A reason goes into the journal and the log, where a line break could pretend to be another entry.
        if not 1 <= len(reason) <= MAX_REASON_CHARS or not reason.isprintable():
            return refusal(400, f"a reason of 1 to {MAX_REASON_CHARS} printable characters is required")
        unfit = _unfit_order(verb, asked) or self._unfit_refresh(verb, asked.symbol) or self._unfit(verb, asked.symbol)
        return unfit if unfit is not None else await self._carry_out(verb, asked.order or asked.symbol or ACCOUNT_SCOPE, reason)

    def _refuse(self, request: web.Request) -> web.Response | None:
        if _comes_from_elsewhere(request):
            return refusal(403, "requests from pages of another origin are refused")
        given = request.headers.get("Authorization", "")
        token = given[len(_SCHEME) :].encode(errors="surrogateescape") if given.startswith(_SCHEME) else b""
        if hmac.compare_digest(token, self._token):
            return None
        if self._strangers.is_too_much():
            return refusal(429, "too many requests without the right token")
        self._log.warning("a control request without the right token was refused", path=request.path, peer=request.remote)
        answer = refusal(401, "the control token is required: Authorization: Bearer ...")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _unfit_refresh(self, verb: Verb, symbol: str | None) -> web.Response | None:
        """`refresh` is for all symbols together, where they are chosen."""
        if verb is not Verb.REFRESH:
            return None
        if symbol is not None:
            return refusal(400, "refresh is for all symbols together; none is named. Nothing was done")
        if self._verbs.refresh is None:
            return refusal(409, "SYMBOL_SELECTION is static: symbols are named by TRADING_SYMBOLS, and there is nothing to choose")
        return None

    def _unfit(self, verb: Verb, symbol: str | None) -> web.Response | None:
        """Why the verb makes no sense for this symbol: a halt of a name that nobody trades would stop nothing, and say that it did."""
        if symbol is None:
            return None
        if not _SYMBOL.fullmatch(symbol):
            return refusal(400, "the symbol is not one: capital letters and digits, such as BTCUSDT")
        known = sorted(self._verbs.symbols())
        if symbol not in known:
            named = ", ".join(known[:_SYMBOLS_NAMED]) + (", ..." if len(known) > _SYMBOLS_NAMED else "")
            return refusal(400, f"{symbol} is neither traded nor held here; symbols are {named}. Nothing was done")
        if verb is Verb.FLATTEN and self._verbs.account_mode() is TradingMode.HALTED:
            return refusal(409, "the account is halted, so nothing would be sold: reduce or flatten the account first. Nothing was done")
        return None

    async def _carry_out(self, verb: Verb, scope: str, reason: str) -> web.Response:
        try:
            told = await self._told(verb, scope, reason)
        except ModeUnwrittenError as error:
            self._log.error("what the operator wanted is in force, and not in the book yet", verb=verb.value, scope=scope, error=str(error))
            sold = " and what is held sold" if verb is Verb.FLATTEN else ""
            return refusal(503, f"{verb} is in force, and not in the book yet; it is written{sold} as soon as the book takes it: {error}")
        except AgentError as error:
            self._log.error("what the operator wanted could not be done", verb=verb.value, scope=scope, error=str(error))
            # Of orders to be cancelled some may have been asked for.
            return refusal(503, f"{verb} was not carried out{' in full' if verb is Verb.CANCEL else ''}: {error}")
        self._log.info("the operator's word was carried out", verb=verb.value, **told)
        return json_answer(told)

    async def _told(self, verb: Verb, scope: str, reason: str) -> dict[str, object]:
        if verb is Verb.CANCEL:
            canceled = await self._verbs.cancel(scope, reason)
            return {"scope": scope, "reason": reason, "ended": list(canceled.ended), "still_open": list(canceled.still_open)}
        if verb is Verb.SETTLE:
            order = await self._verbs.settle(scope, reason)
            return {"order": scope, "reason": reason, "state": order.state.value, "executed": plain(order.executed_quantity)}
        if verb is Verb.REFRESH and self._verbs.refresh is not None:
            return _symbols_told(await self._verbs.refresh(), reason)
        if verb is Verb.FLATTEN:
            flattening = await self._verbs.flatten(scope, reason)
            return {**_mode_told(flattening.change), "selling": list(flattening.selling), "halted": list(flattening.halted)}
        return _mode_told(await self._verbs.set_mode(scope, MODE_OF_VERB[verb], reason))


class _Pace:
    """Counts calls within the window, on the event loop's clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_CALLS)

    def is_too_much(self) -> bool:
        """True when this call is one too many; it is counted only when it is not."""
        now_s = asyncio.get_running_loop().time()
        if len(self._times) == MOST_CALLS and now_s - self._times[0] < CALLS_WINDOW_S:
            return True
        self._times.append(now_s)
        return False


def _comes_from_elsewhere(request: web.Request) -> bool:
    """True when a browser says that a page of another origin asks; programs that are no browsers say neither."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def _unfit_order(verb: Verb, asked: ControlRequest) -> web.Response | None:
    """`settle` is for one order, and nothing else is."""
    if verb is not Verb.SETTLE and asked.order is None:
        return None
    if verb is Verb.SETTLE and asked.symbol is None and asked.order is not None and _ORDER.fullmatch(asked.order):
        return None
    return refusal(400, "settle is for one `order`, named by its client order id alone; no other action takes one. Nothing was done")


def _symbols_told(told: SymbolsTraded, reason: str) -> dict[str, object]:
    lists = {"chosen": told.chosen, "exits_only": told.exits_only, "stranded": told.stranded, "joined": told.joined, "left": told.left}
    return {"reason": reason, **{name: list(symbols) for name, symbols in lists.items()}}


def _mode_told(change: ModeChange) -> dict[str, object]:
    return {"scope": change.scope, "mode": str(change.mode), "rule": change.rule, "reason": change.reason, "time_ms": change.time_ms}
