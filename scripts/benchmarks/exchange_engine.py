"""`bench exchange`, engine: orders that rest, trade and are canceled in a book of a thousand levels on each side, without any wire."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from benchmarks.measuring import Plan, frozen_heap
from benchmarks.report import Table, Target
from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.markets.market import MarketCandle, Quote, TakerOrder

LEVELS = 1_000
"""On each side of the book."""

ACCOUNTS = 50
ORDERS_PER_MS = 100
LEAST_ORDERS = 100_000

SYMBOL = "BTCUSDT"
_MIDDLE, _TICK = 30_000, Decimal("0.01")
_QUANTITY = Decimal("0.01")
_START_MS = 1_790_000_000_000
_OPENING_MS = _START_MS - 3_000  # the book is filled, and has traded, in a second before: filters go by the mean of the newest trades
_RICH = Decimal(10**12)
_NOTES = (
    f"CPU time of one core, orders made beforehand. The book holds {LEVELS:,} levels of accounts' orders on each side, of {ACCOUNTS} "
    "accounts; nobody else trades, nothing is written to disk, nobody listens. `rests`: a limit order somewhere in the book. `canceled`: "
    "it is taken out again. `matched`: one order rests at the best price and the next takes one whole, with fees and four balances, so "
    "that the book stays as it is; the orders are those of both sides. What limits it is Python: an order that trades makes some eighty "
    "calls and dozens of operations on exact decimals, and no one of them stands out.",
)


class SilentMarket:
    """One symbol of which nobody else wants anything."""

    has_queues = False

    def __init__(self) -> None:
        step = Decimal("0.00001")
        most = Decimal(1_000_000)
        self.rules: Mapping[str, SymbolRules] = {
            SYMBOL: SymbolRules(SYMBOL, "BTC", "USDT", SymbolStatus.TRADING, _TICK, _TICK, most, step, step, most, min_notional=Decimal(5))
        }

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """Nothing."""
        return None

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Nothing."""
        return iter(())

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """Nothing."""
        return iter(())

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """Nothing."""
        return []


class Pit:
    """An engine with a full book, and accounts that place orders in turn."""

    def __init__(self) -> None:
        self.engine = Engine(SilentMarket(), MemoryHistory(), rates=Rates(Decimal("0.001"), Decimal("0.001")), seed=1, first_fill=_nothing)
        for account_id in range(ACCOUNTS):
            self.engine.adopt_account(account_id, tuple(Balance(asset, _RICH, ZERO) for asset in ("BTC", "USDT")))
        self._placed = 0
        self._chance = random.Random(1)  # noqa: S311 - a load, no secret
        self._began_ms = _OPENING_MS
        for level in range(LEVELS):
            for side in Side:
                self.place(limit(side, level))
        for request in pairs(1):
            self.place(request)
        self._began_ms = _START_MS

    def place(self, request: NewOrder) -> int:
        """Place an order of the account whose turn it is; returns its order id."""
        self._placed += 1
        now_ms = self._began_ms + self._placed // ORDERS_PER_MS
        return self.engine.place(self._placed % ACCOUNTS, request, now_ms).order.order_id

    def resting(self, count: int) -> list[NewOrder]:
        """Orders for levels somewhere in the book."""
        return [limit(self._chance.choice((Side.BUY, Side.SELL)), self._chance.randrange(LEVELS)) for _ in range(count)]

    def cancel(self, order_id: int) -> None:
        """Take the order with this id out of the book."""
        self.engine.cancel(order_id % ACCOUNTS, SYMBOL, order_id=order_id, client_order_id=None, now_ms=0)


def limit(side: Side, level: int) -> NewOrder:
    """A limit order so many levels away from the middle."""
    away = (level + 1) * _TICK
    price = Decimal(_MIDDLE) + (away if side is Side.SELL else -away)
    return NewOrder(SYMBOL, side, OrderType.LIMIT, quantity=_QUANTITY, price=price)


def _nothing(account_id: int, is_maker: bool, time_ms: int) -> None:
    """Who does not count unfilled orders."""


def crossing(side: Side) -> NewOrder:
    """An order that takes the best resting one of the other side whole."""
    price = Decimal(_MIDDLE) + (_TICK if side is Side.BUY else -_TICK)
    return NewOrder(SYMBOL, side, OrderType.LIMIT, quantity=_QUANTITY, price=price)


def pairs(count: int) -> list[NewOrder]:
    """Orders two by two: one rests at the best price, the next takes it. Behind all others at its price, it makes those wait in turn."""
    sides = [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)]
    return [order for number in range(count) for order in (limit(sides[number % 2][0], 0), crossing(sides[number % 2][1]))]


def measure(plan: Plan) -> list[Table]:
    """Costs and orders a second, by what becomes of the orders."""
    count = max(int(plan.turn_s * LEAST_ORDERS / 5), 20)
    rounds = [_round(count) for _ in range(plan.rounds)]
    costs = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    rows = [(name, cost_us, 1e6 / cost_us) for name, cost_us in costs.items()]
    target = Target("matched: orders/s in process on one core", 1e6 / costs["matched"], LEAST_ORDERS, at_least=True)
    return [Table("The matching engine", ("order", "µs each", "orders/s"), rows, [target], _NOTES)]


def _round(count: int) -> dict[str, float]:
    """Every cost once, in microseconds, in an engine of its own."""
    pit = Pit()
    resting, matched = pit.resting(count), pairs(count // 2)
    with frozen_heap():
        first_id = pit.place(resting[0]) + 1
        return {
            "rests": _cost_us(count - 1, lambda: [pit.place(request) for request in resting[1:]]),
            "canceled": _cost_us(count - 1, lambda: [pit.cancel(first_id + number) for number in range(count - 1)]),
            "matched": _cost_us(len(matched), lambda: [pit.place(request) for request in matched]),
        }


def _cost_us(count: int, work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) / count * 1e6
