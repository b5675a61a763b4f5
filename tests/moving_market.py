"""A market that a test moves by hand, one price after the other, and a user who trades on it by REST."""

from collections.abc import Mapping
from decimal import Decimal

from one_quote_exchange import KEY, START_MS, Client, OneQuoteMarket

from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.market import Ladder, Quote

HALF_SPREAD = Decimal("0.5")
STEP_MS = 1_000


class MovingMarket:
    """BTCUSDT from START_MS on, at 100 at first; `size` of it stand on either side of every price."""

    has_queues = False
    rules: Mapping[str, SymbolRules] = {"BTCUSDT": OneQuoteMarket.rules["BTCUSDT"]}

    def __init__(self, size: str = "1000") -> None:
        self._size = Decimal(size)
        self._quotes = [self._quote(START_MS, Decimal(100))]

    def move(self, time_ms: int, price: str) -> None:
        """From `time_ms` on the price is another one."""
        self._quotes.append(self._quote(time_ms, Decimal(price)))

    def _quote(self, time_ms: int, price: Decimal) -> Quote:
        return Quote(time_ms, price, Ladder(((price - HALF_SPREAD, self._size),), ((price + HALF_SPREAD, self._size),)))

    def quote(self, symbol, time_ms):
        return next((quote for quote in reversed(self._quotes) if quote.time_ms <= time_ms), None)

    def quotes(self, symbol, after_ms, until_ms):
        return iter([quote for quote in self._quotes if after_ms < quote.time_ms <= until_ms])

    def taker_orders(self, symbol, after_ms, until_ms):
        return iter(())

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        return []


class MovingClient(Client):
    """The user of the moving market; every step of it takes a second."""

    def __init__(self, store: ExchangeStore | None = None, size: str = "1000") -> None:
        self.market = MovingMarket(size)
        super().__init__(market=self.market, store=store)

    def move(self, *prices: str) -> None:
        """Let the market go through these prices."""
        for price in prices:
            self.clock.time_ms += STEP_MS
            self.market.move(self.clock.time_ms, price)
        self.exchange.advance()

    def placed(self, kind: str, **params):
        """The answer to a new order list; `kind` is the end of its path."""
        return self.signed("POST", f"orderList/{kind}", symbol="BTCUSDT", **params)

    def states(self, placed) -> list[str]:
        """What the orders of a list are now, in its order."""
        orders = [self.signed("GET", "order", symbol="BTCUSDT", orderId=order["orderId"]) for order in placed["orders"]]
        return [" ".join(filter(None, (order["status"], order.get("expiryReason")))) for order in orders]

    def list_status(self, placed) -> str:
        """What the list itself is now."""
        return str(self.signed("GET", "orderList", orderListId=placed["orderListId"])["listOrderStatus"])

    def locked(self) -> dict[str, Decimal]:
        """What is locked of each asset, without those of which nothing is."""
        return {asset: balance.locked for asset, balance in self.exchange.balances(KEY).items() if balance.locked}
