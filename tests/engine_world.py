"""A matching engine over a market that a test writes down, with two rich accounts to place orders for."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.reports import OrderReport
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.markets.market import Ladder, Quote

D = Decimal
ANN, BEN = 1, 2
SYMBOL = "BTCUSDT"
RULES = SymbolRules(
    symbol=SYMBOL,
    base_asset="BTC",
    quote_asset="USDT",
    status=SymbolStatus.TRADING,
    tick_size=D("0.01"),
    min_price=D("0.01"),
    max_price=D(1_000_000),
    step_size=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(1_000),
    market_max_quantity=D(50),
    min_notional=D(5),
    max_notional=D(90_000),
)


def levels(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """`100x1 101x2` as price and quantity pairs."""
    return tuple((D(price), D(quantity)) for price, quantity in (level.split("x") for level in text.split()))


def quote(time_ms: int, *, bids: str = "", asks: str = "", price: str = "100") -> Quote:
    return Quote(time_ms, D(price), Ladder(levels(bids), levels(asks)))


class ScriptedMarket:
    """Quotes written down in the test."""

    has_queues = False

    def __init__(self, *quotes: Quote, rules: SymbolRules = RULES) -> None:
        self.rules: Mapping[str, SymbolRules] = {rules.symbol: rules}
        self._quotes = quotes

    def quote(self, symbol, time_ms):
        return next((quote for quote in reversed(self._quotes) if quote.time_ms <= time_ms), None)

    def quotes(self, symbol, after_ms, until_ms):
        return iter([quote for quote in self._quotes if after_ms < quote.time_ms <= until_ms])

    def taker_orders(self, symbol, after_ms, until_ms):
        return iter(())

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        return []


class World:
    """An engine with two rich accounts; `reports` tell everything that happens."""

    def __init__(self, *quotes: Quote, rules: SymbolRules = RULES, usdt: str = "100000", btc: str = "1000") -> None:
        history = MemoryHistory()
        self.first_fills: list[tuple[int, bool, int]] = []
        self.engine = Engine(
            ScriptedMarket(*quotes, rules=rules),
            history,
            rates=Rates(maker=D("0.001"), taker=D("0.002")),
            seed=7,
            first_fill=lambda *fill: self.first_fills.append(fill),
        )
        self.reports: list[OrderReport] = []
        self.engine.feed.subscribe(lambda changes, _: self.reports.extend(changes.reports))
        for account_id in (ANN, BEN):
            self.engine.adopt_account(account_id, (Balance("BTC", D(btc), D(0)), Balance("USDT", D(usdt), D(0))))
        self.archive = history.archive

    def place(self, account_id: int, side: str, quantity: str, price: str | None = None, *, at: int = 10, **more):
        kind = more.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
        request = NewOrder(SYMBOL, Side(side), kind, quantity=D(quantity), price=D(price) if price else None, **more)
        return self.engine.place(account_id, request, at)

    def balance(self, account_id: int, asset: str) -> tuple[Decimal, Decimal]:
        balance = self.engine.balances(account_id)[asset]
        return balance.free, balance.locked

    def told(self, order_id: int) -> list[tuple[str, str]]:
        """What was told of an order: kind and status, one after the other."""
        return [(report.kind.value, report.order.status.value) for report in self.reports if report.order.order_id == order_id]

    def order(self, account_id: int, order_id: int):
        return self.engine.find_order(account_id, SYMBOL, order_id, None)


def prices(placement) -> list[tuple[str, str]]:
    return [(plain(trade.price), plain(trade.quantity)) for trade in placement.trades]


def refusal(code: int, text: str = ""):
    return pytest.raises(ExchangeRefusedError, match=rf"code {code} .*{text}")


BOOK = quote(1, bids="99x1 98x2", asks="101x1 102x2")
