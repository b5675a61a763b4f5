"""A simulated exchange with one quote for all time, and a user with keys who asks its REST face."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import orjson
from hand_clocks import HandClock

from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.market import Ladder, Market, MarketCandle, Quote

D = Decimal
KEY, SECRET = "k" * 64, "s" * 64
START_MS = 1_700_000_000_000
BALANCES = {"USDT": D(10_000), "BTC": D(10)}


def _rules(symbol: str, base: str, status: SymbolStatus = SymbolStatus.TRADING, max_notional: str = "9000000") -> SymbolRules:
    return SymbolRules(
        symbol=symbol,
        base_asset=base,
        quote_asset="USDT",
        status=status,
        tick_size=D("0.01"),
        min_price=D("0.01"),
        max_price=D(1_000_000),
        step_size=D("0.001"),
        min_quantity=D("0.001"),
        max_quantity=D(1_000),
        market_max_quantity=D(50),
        min_notional=D(5),
        max_notional=D(max_notional),
    )


class OneQuoteMarket:
    """The same book for all time, on three symbols of which one has no market and one does not trade."""

    has_queues = False

    rules: Mapping[str, SymbolRules] = {
        "BTCUSDT": _rules("BTCUSDT", "BTC"),
        "ETHUSDT": _rules("ETHUSDT", "ETH", max_notional="0"),
        "OLDUSDT": _rules("OLDUSDT", "OLD", SymbolStatus.BREAK),
    }

    def quote(self, symbol, time_ms):
        if symbol == "OLDUSDT":
            return None
        bids = ((D("99.5"), D(1)), (D(99), D(2)))
        asks = ((D("100.5"), D(1)), (D(101), D(2)))
        return Quote(START_MS, D(100), Ladder(bids, asks))

    def quotes(self, symbol, after_ms, until_ms):
        return iter(())

    def taker_orders(self, symbol, after_ms, until_ms):
        return iter(())

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        if interval_ms < 60_000:
            raise ValueError("finer than the data")
        open_ms = now_ms - now_ms % interval_ms
        candle = MarketCandle(open_ms, D(100), D(101), D("99.5"), D(100), D(10), open_ms + interval_ms - 1, D(1_000), 3)
        return [candle][:limit]


def sign(payload: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Client:
    """A user with keys, written apart from the client that ships."""

    def __init__(
        self,
        start_ms: int = START_MS,
        market: Market | None = None,
        balances: Mapping[str, Decimal] = BALANCES,
        store: ExchangeStore | None = None,
    ) -> None:
        self.clock = HandClock(start_ms)
        self.exchange = SimulatedExchange(market or OneQuoteMarket(), self.clock, store=store)
        self.exchange.open_account(KEY, SECRET, balances)

    def raw(self, method: str, path: str, query: str = "", body: bytes = b"", key: str | None = KEY, ip: str = "1.1.1.1"):
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        return self.exchange.face.handle(method, f"/api/v3/{path}", query, body, headers, ip)

    def get(self, path: str, **params) -> Any:
        return orjson.loads(self.raw("GET", path, urlencode(params)).body)

    def signed_raw(self, method: str, path: str, **params):
        query = urlencode({"timestamp": self.clock.time_ms, **params})
        return self.raw(method, path, f"{query}&signature={sign(query)}")

    def signed(self, method: str, path: str, **params) -> Any:
        return orjson.loads(self.signed_raw(method, path, **params).body)

    def order(self, **params) -> Any:
        return self.signed("POST", "order", **{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", **params})


def code_of(answer) -> tuple[int, int]:
    return answer.status, orjson.loads(answer.body).get("code")


LIMIT = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90"}
