"""Exchange: everything the stations ask of Binance Spot, in domain values. Errors are those of domain/errors (ExchangeError)."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.market import BookTicker, Candle, OrderBook
from binance_trade_agent.domain.order import Fill, OrderIntent, OrderReport
from binance_trade_agent.domain.symbol_rules import SymbolRules

LastLook = Callable[[], None]
"""Asked of an order in the moment in which it leaves: raises NotSentError where it may not leave any more, and then nothing of it does."""


class MarketDataSource(Protocol):
    """The public half of the exchange."""

    async def get_exchange_info(self, symbols: Sequence[str] = ()) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol; all symbols when none is named."""
        ...

    async def get_latest_price(self, symbol: str) -> Decimal:
        """Last trade price."""
        ...

    async def get_latest_prices(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        """Last trade prices in one request. One unknown symbol fails the whole request (ExchangeRefusedError -1121)."""
        ...

    async def get_book_tickers(self, symbols: Sequence[str]) -> Mapping[str, BookTicker]:
        """Best bids and asks in one request."""
        ...

    async def get_order_book(self, symbol: str, limit: int = 100) -> OrderBook:
        """Depth, best level first; `limit` 1 to 5000."""
        ...

    async def get_klines(
        self, symbol: str, interval: str, *, limit: int = 500, start_time_ms: int | None = None, end_time_ms: int | None = None
    ) -> tuple[Candle, ...]:
        """Candles, oldest first, the last one usually still open; `limit` 1 to 1000."""
        ...

    async def get_server_time(self) -> int:
        """The exchange's clock, milliseconds UTC."""
        ...


class Exchange(MarketDataSource, Protocol):
    """The whole exchange: market data, account and orders."""

    def server_time_ms(self) -> int:
        """Our best estimate of the exchange's clock now, without a request."""
        ...

    @property
    def recv_window_ms(self) -> int:
        """The recvWindow that signed requests carry; a part of the fence of unknown orders."""
        ...

    async def get_account(self) -> AccountInfo:
        """Balances and permissions."""
        ...

    async def place_order(self, intent: OrderIntent, *, send_deadline_ms: int, last_look: LastLook | None = None) -> OrderReport:
        """Send the order exactly once; never retried, whatever happens.

        `last_look` is asked when the connection is there, with nothing awaited between it and the write.

        No request is signed with a timestamp after `send_deadline_ms` (server time): NotSentError is raised instead.
        Raises NotSentError when it provably was not sent, ExchangeRefusedError for a definite no, FateUnknownError for all else.
        """
        ...

    async def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an open order of ours. ExchangeRefusedError -2011 when there is no such open order."""
        ...

    async def get_order(self, symbol: str, client_order_id: str | None = None, *, order_id: int | None = None) -> OrderReport | None:
        """The order by one of its ids as the exchange has it (without fills); None when it knows none by that id (-2013)."""
        ...

    async def get_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        """All open orders of the account, also those we did not place."""
        ...

    async def get_my_trades(self, symbol: str, *, from_trade_id: int | None = None, order_id: int | None = None) -> tuple[Fill, ...]:
        """Our trades in `symbol`, ascending by trade id, at most 1000 a call, from `from_trade_id` on or of one order.

        `Fill.client_order_id` is empty here, because the exchange does not send it with trades.
        """
        ...
