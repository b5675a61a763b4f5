"""An exchange that does as a test tells it, behind the Exchange port: what it shows may lag behind what it has done."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.account import AccountInfo, Balance
from binance_trade_agent.domain.errors import FateUnknownError
from binance_trade_agent.domain.order import ExchangeStatus, Fill, OrderReport, Side

ZERO = Decimal(0)
PAGE = 1_000
PRICE = Decimal(100)
START_CASH = Decimal(1_000_000)


class ScriptedClock:
    """Time that moves when somebody sleeps, and by `pass_ms`; shared by us and the exchange."""

    def __init__(self, start_ms: int) -> None:
        self.time_ms = start_ms

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    async def sleep_until(self, time_ms: int) -> None:
        self.time_ms = max(self.time_ms, time_ms)


class ScriptedExchange:
    """Orders and trades of one account. Every symbol is quoted in USDT and trades at PRICE without fees.

    `hidden` client order ids are not shown by any query, `unseen` ones by none of orders though their trades are listed, `stale` ones
    are shown as they were to queries by the exchange's number, `stale_open` reports are shown as open though they have ended, and
    `account_trades_shown` is how many trades the account's balances know of (None: all). `failing` counts down the requests until one
    fails with FateUnknownError (None: none does); `refusals` are raised for queries of a client order id.
    """

    recv_window_ms = 5_000

    def __init__(self, clock: ScriptedClock) -> None:
        self.clock = clock
        self.clock_error_ms = 0
        self.orders: dict[int, OrderReport] = {}
        self.trades: list[Fill] = []
        self.deposits: dict[str, Decimal] = {"USDT": START_CASH}
        self.hidden: set[str] = set()
        self.unseen: set[str] = set()
        self.stale: dict[str, OrderReport] = {}
        self.stale_open: list[OrderReport] = []
        self.refusals: dict[str, Exception] = {}
        self.account_trades_shown: int | None = None
        self.failing: int | None = None
        self.requests: list[str] = []
        self._trade_ids = self._ids()

    def _ids(self) -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    # -- what happens there ----------------------------------------------------------------------------------------------------

    def place(
        self,
        client_order_id: str,
        symbol: str = "AAAUSDT",
        *,
        side: Side = Side.BUY,
        quantity: int = 1,
        fills: int = 1,
        status: ExchangeStatus | None = None,
    ) -> OrderReport:
        """An order of `quantity`, of which `fills` parts of one unit trade at once."""
        order_id = len(self.orders) + 1
        default = ExchangeStatus.FILLED if fills == quantity else ExchangeStatus.NEW if fills == 0 else ExchangeStatus.PARTIALLY_FILLED
        self.orders[order_id] = OrderReport(
            symbol, order_id, client_order_id, side, "MARKET", status or default, PRICE, Decimal(quantity), ZERO, ZERO, self.clock.now_ms()
        )
        return self.fill(order_id, fills, status or default)

    def fill(self, order_id: int, fills: int, status: ExchangeStatus) -> OrderReport:
        """Let `fills` more units of an order trade."""
        order = self.orders[order_id]
        new = tuple(self._trade(order) for _ in range(fills))
        self.trades += new
        executed = order.executed_quantity + fills
        self.orders[order_id] = replace(
            order, status=status, executed_quantity=executed, cumulative_quote_quantity=executed * PRICE, time_ms=self.clock.now_ms()
        )
        return replace(self.orders[order_id], fills=tuple(replace(fill, client_order_id=order.client_order_id) for fill in new))

    def _trade(self, order: OrderReport) -> Fill:
        now_ms = self.clock.now_ms()
        return Fill(
            order.symbol, next(self._trade_ids), order.order_id, "", order.side, PRICE, Decimal(1), PRICE, ZERO, "USDT", now_ms, False
        )

    @property
    def wallet(self) -> dict[str, Decimal]:
        """What the account truly holds."""
        return self._wallet(self.trades)

    def _wallet(self, trades: list[Fill]) -> dict[str, Decimal]:
        held = dict(self.deposits)
        for trade in trades:
            sign = 1 if trade.side is Side.BUY else -1
            base = trade.symbol.removesuffix("USDT")
            held[base] = held.get(base, ZERO) + sign * trade.quantity
            held["USDT"] -= sign * trade.quote_quantity
        return {asset: amount for asset, amount in held.items() if amount}

    # -- what it says ----------------------------------------------------------------------------------------------------------

    def server_time_ms(self) -> int:
        return self.clock.now_ms() + self.clock_error_ms

    async def get_server_time(self) -> int:
        self._request("time")
        return self.clock.now_ms()

    async def get_order(self, symbol: str, client_order_id: str | None = None, *, order_id: int | None = None) -> OrderReport | None:
        self._request("get_order")
        if client_order_id in self.refusals:
            raise self.refusals[client_order_id]
        for order in self.orders.values():
            is_meant = order.client_order_id == client_order_id if client_order_id is not None else order.order_id == order_id
            if is_meant and order.symbol == symbol and order.client_order_id not in self.hidden | self.unseen:
                return order if client_order_id is not None else self.stale.get(order.client_order_id, order)
        return None

    async def get_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        self._request("open_orders")
        open_now = [order for order in self.orders.values() if not order.status.event.ends_order]
        return tuple(order for order in (*open_now, *self.stale_open) if order.client_order_id not in self.hidden)

    async def get_my_trades(self, symbol: str, *, from_trade_id: int | None = None, order_id: int | None = None) -> tuple[Fill, ...]:
        self._request("my_trades")
        hidden = {number for number, order in self.orders.items() if order.client_order_id in self.hidden}
        meant = [trade for trade in self.trades if trade.symbol == symbol and order_id in {None, trade.order_id}]
        seen = [trade for trade in meant if trade.order_id not in hidden]
        if from_trade_id is None:
            return tuple(seen[-PAGE:])
        return tuple([trade for trade in seen if trade.trade_id >= from_trade_id][:PAGE])

    async def get_account(self) -> AccountInfo:
        self._request("account")
        held = self._wallet(self.trades[: self.account_trades_shown])
        return AccountInfo({asset: Balance(asset, amount, ZERO) for asset, amount in held.items()}, can_trade=True)

    def _request(self, name: str) -> None:
        self.requests.append(name)
        if self.failing is not None:
            self.failing -= 1
            if self.failing < 0:
                self.failing = None
                raise FateUnknownError("a planned fault")
