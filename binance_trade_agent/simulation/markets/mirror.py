"""Paper mode: a mirror of a real exchange's books, and a transport that trades on the mirror with real market data.

Market data comes from the real exchange, without keys; accounts and orders live on the embedded exchange, whose market is the mirror.
No order can reach the real exchange: only listed public GET requests are ever sent there, made anew without the caller's headers.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import parse_qs

import msgspec

from binance_trade_agent.binance.error_codes import NO_CODE, TOO_MANY_REQUESTS, error_for
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse, RestTransport
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import BadAnswerError, ExchangeError, NotSentError, RateLimitedError
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.money import floor_to_step
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.simulation.markets.market import Ladder, MarketCandle, Quote, TakerOrder

QUOTES_KEPT = 256
"""Books remembered per symbol, so that resting orders see each that came between two looks."""

DEPTH_LIMIT = 100
REFRESH_DEADLINE_S = 5.0
MAX_DEPTH_BYTES = 1024 * 1024
REFRESHES_AT_ONCE = 8

_TICKER_PATH = "/api/v3/ticker"
_PUBLIC_PATHS = frozenset(
    f"/api/v3/{name}" for name in ("ping", "exchangeInfo", "depth", "klines", "uiKlines", "avgPrice", "trades", "aggTrades", "ticker")
)
_OK = 200
_TOO_MANY = 429
_SILENCING = frozenset({_TOO_MANY, 418})
_PLACING_PATH = "/api/v3/order"  # and what lies below it: order lists, cancel and replace, tests
_READING_PATHS = frozenset({"/api/v3/order", "/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades", "/api/v3/account"})


class MirrorMarket:
    """The Market that a real exchange last showed; `update` tells it. It has no candles: those are asked of the real exchange."""

    def __init__(self, rules: Mapping[str, SymbolRules]) -> None:
        self._rules = MappingProxyType(dict(rules))
        self._quotes: dict[str, deque[Quote]] = {symbol: deque(maxlen=QUOTES_KEPT) for symbol in rules}

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """See Market."""
        return False

    def update(self, symbol: str, time_ms: int, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]) -> None:
        """Show a book, best level first, from `time_ms` on; KeyError for an unknown symbol.

        The price is the middle of the book, rounded down to the tick. A book that is empty on both sides says nothing of the price: it
        keeps the last one, and is ignored before the first.
        """
        quotes = self._quotes[symbol]
        newest = quotes[-1] if quotes else None
        best = [side[0][0] for side in (bids, asks) if side]
        if best:
            price = floor_to_step(sum(best, Decimal(0)) / len(best), self._rules[symbol].tick_size)
        elif newest is not None:
            price = newest.price
        else:
            return
        if newest is not None and time_ms <= newest.time_ms:
            # The same millisecond, or a clock that was set back: the newer book takes the place of the older one.
            time_ms = newest.time_ms
            quotes.pop()
        quotes.append(Quote(time_ms, price, Ladder(tuple(bids), tuple(asks))))

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The newest book that is not after `time_ms`; None before the first and for an unknown symbol."""
        return next((quote for quote in reversed(self._quotes.get(symbol, ())) if quote.time_ms <= time_ms), None)

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every remembered book with after_ms < time_ms <= until_ms, oldest first."""
        return iter([quote for quote in self._quotes.get(symbol, ()) if after_ms < quote.time_ms <= until_ms])

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """None: in paper mode candles come from the real exchange."""
        return ()

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """None: a mirror shows books only."""
        return iter(())


class _Depth(msgspec.Struct):
    """Source: Binance rest-api.md, "Order book"; (price, quantity) per level."""

    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class PaperTransport:
    """RestTransport that sends public market data requests upstream and everything else to the local exchange, whose mirror it keeps fresh.

    `resting_symbols` names the symbols in which the local exchange has open orders: these books are fetched again before orders or
    balances are read without a symbol. A read goes on with the book it has when a refresh fails, because the local account is known in
    any case; an order does not: NotSentError is raised, and nothing was placed. When the real exchange asks for silence (429, 418),
    nothing is sent there until its time is over, and requests for market data raise RateLimitedError.
    """

    def __init__(
        self,
        upstream: RestTransport,
        upstream_base_url: str,
        local: RestTransport,
        mirror: MirrorMarket,
        clock: Clock,
        *,
        resting_symbols: Callable[[], Collection[str]],
    ) -> None:
        self._upstream = upstream
        self._route = Route(upstream_base_url, {})
        self._local = local
        self._mirror = mirror
        self._clock = clock
        self._resting_symbols = resting_symbols
        self._slots = asyncio.Semaphore(REFRESHES_AT_ONCE)
        self._quiet_until_ms = -math.inf

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Answer one request from where it belongs."""
        path, method = request.path, request.method
        if method == "GET" and (path in _PUBLIC_PATHS or path.startswith(f"{_TICKER_PATH}/")):
            return await self._ask_upstream(path, request.query, request.timeout_s)
        deadline_ms = self._clock.monotonic_ms() + request.timeout_s * 1_000
        if method == "POST" and path.startswith(_PLACING_PATH):
            symbol = _symbol_of(request)
            if symbol in self._mirror.rules:  # else the local exchange refuses it, as the real one would
                await self._refresh_to_place(symbol, request.timeout_s)
        elif method == "GET" and path in _READING_PATHS:
            symbol = _symbol_of(request)
            await self._refresh_to_read([symbol] if symbol else sorted(self._resting_symbols()), request.timeout_s / 2)
        remaining_s = max(0.0, (deadline_ms - self._clock.monotonic_ms()) / 1_000)
        return await self._local.fetch(msgspec.structs.replace(request, timeout_s=remaining_s))

    async def aclose(self) -> None:
        """Close both sides."""
        try:
            await self._upstream.aclose()
        finally:
            await self._local.aclose()

    async def _ask_upstream(self, path: str, query: str, timeout_s: float) -> RestResponse:
        """A public request made anew: nothing of the caller's headers, so no key."""
        quiet_ms = self._quiet_until_ms - self._clock.monotonic_ms()
        if quiet_ms > 0:
            raise RateLimitedError(TOO_MANY_REQUESTS, "not sent: the real exchange asked for silence", _TOO_MANY, quiet_ms / 1_000)
        response = await self._upstream.fetch(RestRequest("GET", path, query, self._route, Lane.MARKET_DATA, timeout_s))
        if response.status in _SILENCING:
            limited = error_for(response.status, NO_CODE, "", response.headers.get("retry-after"), changes_orders=False)
            if isinstance(limited, RateLimitedError):
                self._quiet_until_ms = max(self._quiet_until_ms, self._clock.monotonic_ms() + limited.retry_after_s * 1_000)
        return response

    async def _refresh_to_place(self, symbol: str, timeout_s: float) -> None:
        try:
            await self._refresh(symbol, timeout_s)
        except (ExchangeError, TimeoutError) as error:
            raise NotSentError(f"paper order in {symbol} not placed, its book could not be fetched: {type(error).__name__}") from error

    async def _refresh_to_read(self, symbols: Sequence[str], timeout_s: float) -> None:
        known = [symbol for symbol in symbols if symbol in self._mirror.rules]
        outcomes = await asyncio.gather(*(self._refresh(symbol, timeout_s) for symbol in known), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None and not isinstance(outcome, (ExchangeError, TimeoutError)):
                raise outcome

    async def _refresh(self, symbol: str, timeout_s: float) -> None:
        """Fetch the book of one symbol into the mirror."""
        timeout_s = min(timeout_s, REFRESH_DEADLINE_S)
        async with asyncio.timeout(timeout_s), self._slots:
            response = await self._ask_upstream("/api/v3/depth", f"symbol={symbol}&limit={DEPTH_LIMIT}", timeout_s)
        if response.status != _OK:
            raise BadAnswerError(f"depth of {symbol}: HTTP {response.status}")
        if len(response.body) > MAX_DEPTH_BYTES:
            raise BadAnswerError(f"depth of {symbol}: more than {MAX_DEPTH_BYTES} bytes")
        try:
            depth = msgspec.json.decode(response.body, type=_Depth)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadAnswerError(f"depth of {symbol}: not an order book") from error
        if not all(number.is_finite() and number > 0 for level in depth.bids + depth.asks for number in level):
            raise BadAnswerError(f"depth of {symbol}: prices and quantities must be above 0")
        self._mirror.update(symbol, self._clock.now_ms(), depth.bids, depth.asks)


def _symbol_of(request: RestRequest) -> str:
    """The `symbol` parameter of the query or the form body; empty when there is none."""
    for pairs in (request.query, request.body.decode("utf-8", "replace")):
        symbols = parse_qs(pairs).get("symbol")
        if symbols:
            return symbols[0]
    return ""
