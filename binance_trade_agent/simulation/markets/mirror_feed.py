"""MirrorFeed: brings books and trades of the real exchange into the mirror, asked anew without keys, and keeps silent when told to."""

import asyncio
import math
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TypeVar

import msgspec

from binance_trade_agent.binance.error_codes import NO_CODE, TOO_MANY_REQUESTS, error_for
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse, RestTransport
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import BadAnswerError, RateLimitedError
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.simulation.markets.market import TakerOrder
from binance_trade_agent.simulation.markets.mirror import MirrorMarket

Answer = TypeVar("Answer")

DEPTH_LIMIT = 100
REFRESH_DEADLINE_S = 5.0
MAX_ANSWER_BYTES = 1024 * 1024
REFRESHES_AT_ONCE = 8

TRADES_AT_ONCE = 1_000
TRADE_PAGES = 5
"""Requests for trades in one refresh at most; what is still missing then comes with the next."""

_OK = 200
_TOO_MANY = 429
_SILENCING = frozenset({_TOO_MANY, 418})


class _Depth(msgspec.Struct):
    """Source: Binance rest-api.md, "Order book"; (price, quantity) per level."""

    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class _AggregateTrade(msgspec.Struct):
    """Source: Binance rest-api.md, "Compressed/Aggregate trades list"."""

    id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    quantity: Decimal = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    time_ms: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class MirrorFeed:
    """What is asked of `upstream`, and how far the trades of each symbol are known. Trades are asked for only while orders rest there."""

    def __init__(self, upstream: RestTransport, upstream_base_url: str, mirror: MirrorMarket, clock: Clock) -> None:
        self._upstream = upstream
        self._route = Route(upstream_base_url, {})
        self._mirror = mirror
        self._clock = clock
        self._slots = asyncio.Semaphore(REFRESHES_AT_ONCE)
        self._quiet_until_ms = -math.inf
        self._next_trade_ids: dict[str, int] = {}
        self._trades_since_ms: dict[str, int] = {}

    async def ask(self, path: str, query: str, timeout_s: float) -> RestResponse:
        """A public request made anew: nothing of the caller's headers, so no key.

        RateLimitedError while the real exchange wants silence (429, 418).
        """
        quiet_ms = self._quiet_until_ms - self._clock.monotonic_ms()
        if quiet_ms > 0:
            raise RateLimitedError(TOO_MANY_REQUESTS, "not sent: the real exchange asked for silence", _TOO_MANY, quiet_ms / 1_000)
        response = await self._upstream.fetch(RestRequest("GET", path, query, self._route, Lane.MARKET_DATA, timeout_s))
        if response.status in _SILENCING:
            limited = error_for(response.status, NO_CODE, "", response.headers.get("retry-after"), changes_orders=False)
            if isinstance(limited, RateLimitedError):
                self._quiet_until_ms = max(self._quiet_until_ms, self._clock.monotonic_ms() + limited.retry_after_s * 1_000)
        return response

    async def refresh(self, symbol: str, timeout_s: float, resting: Collection[str]) -> None:
        """Bring the present book of `symbol` into the mirror, and before it what was traded since the last time, if it is `resting`.

        The book is asked for first: a trade that it does not show yet moves the queue now, and the next book agrees; the other way
        round it would move the queue twice. Raises ExchangeError or TimeoutError, and then nothing of it is shown.
        """
        timeout_s = min(timeout_s, REFRESH_DEADLINE_S)
        async with asyncio.timeout(timeout_s), self._slots:
            depth = await self._depth(symbol, timeout_s)
            trades = await self._trades(symbol, timeout_s) if symbol in resting else []
        now_ms = self._clock.now_ms()
        if symbol not in resting:
            self._next_trade_ids.pop(symbol, None)
            self._trades_since_ms[symbol] = now_ms
        if trades:
            self._next_trade_ids[symbol] = trades[-1].id + 1
            self._mirror.trade(symbol, now_ms, [_taker_order(trade) for trade in trades])
        self._mirror.update(symbol, now_ms, depth.bids, depth.asks)

    async def _depth(self, symbol: str, timeout_s: float) -> _Depth:
        response = await self.ask("/api/v3/depth", f"symbol={symbol}&limit={DEPTH_LIMIT}", timeout_s)
        depth = _decoded(response, _Depth, f"depth of {symbol}")
        _require_positive(f"depth of {symbol}", (number for level in depth.bids + depth.asks for number in level))
        return depth

    async def _trades(self, symbol: str, timeout_s: float) -> list[_AggregateTrade]:
        """Oldest first: those after the last that is known, or after the book that the first resting order met."""
        since_ms = self._trades_since_ms.setdefault(symbol, self._clock.now_ms())
        next_id = self._next_trade_ids.get(symbol)
        found: list[_AggregateTrade] = []
        for _ in range(TRADE_PAGES):
            start = f"startTime={since_ms + 1}" if next_id is None else f"fromId={next_id}"
            response = await self.ask("/api/v3/aggTrades", f"symbol={symbol}&{start}&limit={TRADES_AT_ONCE}", timeout_s)
            page = _decoded(response, list[_AggregateTrade], f"trades of {symbol}")
            _require_positive(f"trades of {symbol}", (number for trade in page for number in (trade.price, trade.quantity)))
            found += page
            if len(page) < TRADES_AT_ONCE:
                break
            next_id = page[-1].id + 1
        return found


def _taker_order(trade: _AggregateTrade) -> TakerOrder:
    """What one taker traded; how it fell into single trades is not known."""
    return TakerOrder(trade.id, trade.first_trade_id, trade.time_ms, trade.price, (trade.quantity,), trade.is_buyer_maker)


def _decoded(response: RestResponse, kind: type[Answer], what: str) -> Answer:
    if response.status != _OK:
        raise BadAnswerError(f"{what}: HTTP {response.status}")
    if len(response.body) > MAX_ANSWER_BYTES:
        raise BadAnswerError(f"{what}: more than {MAX_ANSWER_BYTES} bytes")
    try:
        return msgspec.json.decode(response.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswerError(f"{what}: not what the documents promise") from error


def _require_positive(what: str, numbers: Iterable[Decimal]) -> None:
    if not all(number.is_finite() and number > 0 for number in numbers):
        raise BadAnswerError(f"{what}: prices and quantities must be above 0")
