"""AsyncBinanceClient: Binance Spot over REST, the Exchange port over the wire.

Source of every method: rest-api.md, the section of the endpoint it asks. Errors are those of domain/errors (ExchangeError);
reads are repeated after passing failures, orders and cancellations are sent once.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Self, TypeVar, overload

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.calls.account import AccountCalls
from binance_trade_agent.binance.calls.basic_order import order_params
from binance_trade_agent.binance.calls.market import MarketCalls
from binance_trade_agent.binance.calls.one_send import OneSend
from binance_trade_agent.binance.calls.order_lists import OrderListCalls
from binance_trade_agent.binance.calls.orders import OrderCalls
from binance_trade_agent.binance.calls.protective_calls import ProtectiveCalls
from binance_trade_agent.binance.connection import Connection, OrderEntry
from binance_trade_agent.binance.error_codes import NO_SUCH_ORDER
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.symbol_lists import json_list, portions
from binance_trade_agent.binance.websocket_api.assembly import api_access
from binance_trade_agent.binance.websocket_api.order_entry import OrderSender, WebSocketOrderEntry
from binance_trade_agent.binance.websocket_api.user_data_stream import UserDataStream
from binance_trade_agent.domain.account import AccountInfo, Balance
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
)
from binance_trade_agent.domain.market import BookTicker, Candle, OrderBook
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Fill, OrderIntent, OrderReport, OrderType, Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.account_events import AccountEvents
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.defaults import default
from binance_trade_agent.ports.exchange import LastLook
from binance_trade_agent.ports.observer import Observer

__all__ = ["AsyncBinanceClient", "Connection"]

T = TypeVar("T")

Params = dict[str, str]

_MY_TRADES_LIMIT = 1_000


class AsyncBinanceClient:
    """The exchange, as an async context manager: `async with AsyncBinanceClient() as client: ...`.

    Without a connection it takes the one registered as default ("connection" in ports.defaults) when it is entered. Everything
    but the constructor needs the client to be open and raises RuntimeError otherwise.
    """

    def __init__(self, connection: Connection | None = None) -> None:
        self._given = connection
        self._connection: Connection | None = None
        self._rest_caller: RestCaller | None = None
        self._order_sender: OrderSender
        self._connects: ConnectBudget
        self._stack = AsyncExitStack()
        self._own_ids = 0

    async def __aenter__(self) -> Self:
        if self._rest_caller is not None:
            raise RuntimeError("this AsyncBinanceClient is open already")
        if self._given is not None:
            connection = self._given
        else:
            connection = await self._stack.enter_async_context(default("connection"))
        if connection.owns_transport:
            self._stack.push_async_callback(connection.transport.aclose)
        self._connection = connection
        self._rest_caller = rest = RestCaller(connection)
        self._connects = ConnectBudget(lambda: connection.clock.monotonic_ms() / 1_000)
        if connection.order_entry is OrderEntry.WEBSOCKET:
            order_entry = WebSocketOrderEntry(api_access(connection, rest, self._connects), rest)
            self._order_sender = await self._stack.enter_async_context(order_entry.running())
        else:
            self._order_sender = rest
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what the client owns; a second call does nothing."""
        self._rest_caller = None
        await self._stack.aclose()

    @property
    def clock(self) -> Clock:
        """The clock of the connection."""
        return self._open_connection.clock

    @property
    def observer(self) -> Observer:
        """Where the client reports its facts."""
        return self._open_connection.observer

    @property
    def recv_window_ms(self) -> int:
        """The recvWindow that signed requests carry."""
        return self._open_connection.recv_window_ms

    @property
    def market(self) -> MarketCalls:
        """Public market data beyond what this class has by itself."""
        return MarketCalls(self._rest)

    @property
    def account(self) -> AccountCalls:
        """Account data beyond what this class has by itself."""
        return AccountCalls(self._rest)

    @property
    def orders(self) -> OrderCalls:
        """Orders of every type by hand, outside the journal."""
        return OrderCalls(OneSend(self._rest, self._next_own_id))

    @property
    def order_lists(self) -> OrderListCalls:
        """Order lists (OCO, OTO, OTOCO, OPO, OPOCO) by hand, outside the journal."""
        return OrderListCalls(OneSend(self._rest, self._next_own_id))

    @property
    def protective_orders(self) -> ProtectiveCalls:
        """The pairs that protect positions, placed for the journal."""
        return ProtectiveCalls(OneSend(self._rest, self._next_own_id), self._open_connection.max_clock_error_ms)

    def user_data_stream(self, listener: AccountEvents) -> UserDataStream:
        """What the exchange says of the account by itself, told to `listener` while the stream's `run` runs, beside this client.

        Raises ConfigurationError where there is no WebSocket API or no key.
        """
        return UserDataStream(api_access(self._open_connection, self._rest, self._connects), listener)

    def server_time_ms(self) -> int:
        """Our best estimate of the exchange's clock now, ms UTC, without a request; our own clock before the first `sync_clock`."""
        return self._rest.server_clock.now_ms()

    async def sync_clock(self) -> int:
        """Measure the offset of the exchange's clock (ms), to be called at start and from time to time; reports ClockSynced."""
        return await self._rest.clock_sync.measure()

    def clock_error_ms(self) -> float:
        """How far `server_time_ms` can be off, ms; infinite while the exchange's clock is not known, and after our own was set."""
        return self._rest.clock_sync.error_bound_ms()

    async def ensure_synced(self) -> None:
        """Measure the offset only when it is not known, which is so at first and after the exchange has called a timestamp wrong."""
        await self._rest.clock_sync.ensure()

    # -- public data ----------------------------------------------------------------------------------------------------------

    async def ping(self) -> None:
        """Return when the exchange answers."""
        await self._rest.read(endpoints.PING, {})

    async def get_server_time(self) -> int:
        """The exchange's clock, milliseconds UTC."""
        return await self._rest.read(endpoints.SERVER_TIME, {})

    async def get_exchange_info(self, symbols: Sequence[str] = ()) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol; all symbols when none is named. One unknown symbol fails the whole request (-1121)."""
        if not symbols:
            return await self._exchange_info({"showPermissionSets": "false"})
        rules: dict[str, SymbolRules] = {}
        for chunk in portions(symbols):
            rules.update(await self._exchange_info({"symbols": json_list(chunk), "showPermissionSets": "false"}))
        return rules

    async def _exchange_info(self, params: Params) -> Mapping[str, SymbolRules]:
        info = await self._rest.read(endpoints.EXCHANGE_INFO, params)
        self._rest.governor.learn_limits(info.rate_limits)
        return info.rules

    async def get_latest_price(self, symbol: str) -> Decimal:
        """Last trade price, in quote; 0 when the symbol never traded."""
        prices = await self._rest.read(endpoints.TICKER_PRICE, {"symbol": symbol})
        if symbol not in prices:
            raise BadAnswerError(f"ticker_price: asked for {symbol}, the answer is for another symbol - at `$.symbol`")
        return prices[symbol]

    async def get_latest_prices(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        """Last trade prices by symbol, in as few requests as fit; one unknown symbol fails the call (ExchangeRefusedError -1121)."""
        return await self._by_symbol(endpoints.TICKER_PRICE, symbols)

    async def get_book_tickers(self, symbols: Sequence[str]) -> Mapping[str, BookTicker]:
        """Best bids and asks by symbol, in as few requests as fit; one unknown symbol fails the call (-1121)."""
        return await self._by_symbol(endpoints.BOOK_TICKER, symbols)

    async def _by_symbol(self, endpoint: endpoints.Endpoint[dict[str, T]], symbols: Sequence[str]) -> dict[str, T]:
        answers: dict[str, T] = {}
        for chunk in portions(symbols):
            answers.update(await self._rest.read(endpoint, {"symbols": json_list(chunk)}))
        missing = [symbol for symbol in symbols if symbol not in answers]
        if missing:
            raise BadAnswerError(f"{endpoint.name}: the answer lacks {', '.join(missing[:5])}")
        return {symbol: answers[symbol] for symbol in symbols}

    async def get_order_book(self, symbol: str, limit: int = 100) -> OrderBook:
        """Depth, best level first; `limit` 1 to 5000 levels a side."""
        book = await self._rest.read(endpoints.DEPTH, {"symbol": symbol, "limit": str(limit)})
        return replace(book, symbol=symbol)

    async def get_klines(
        self, symbol: str, interval: str, *, limit: int = 500, start_time_ms: int | None = None, end_time_ms: int | None = None
    ) -> tuple[Candle, ...]:
        """Candles, oldest first, the last one usually still open; `limit` 1 to 1000."""
        params = {"symbol": symbol, "interval": interval, "limit": str(limit)}
        if start_time_ms is not None:
            params["startTime"] = str(start_time_ms)
        if end_time_ms is not None:
            params["endTime"] = str(end_time_ms)
        return await self._rest.read(endpoints.KLINES, params)

    # -- account --------------------------------------------------------------------------------------------------------------

    async def get_account(self) -> AccountInfo:
        """Balances that hold something, the right to trade, and commission rates."""
        return await self._rest.read(endpoints.ACCOUNT, {"omitZeroBalances": "true"})

    @overload
    async def get_balance(self, asset: str) -> Balance: ...
    @overload
    async def get_balance(self, asset: None = None) -> Mapping[str, Balance]: ...
    async def get_balance(self, asset: str | None = None) -> Balance | Mapping[str, Balance]:
        """The balance of `asset` (zeros when the account holds none), or of every asset that is held, by asset."""
        balances = (await self.get_account()).balances
        return balances if asset is None else balances.get(asset, Balance(asset, ZERO, ZERO))

    async def get_order(self, symbol: str, client_order_id: str | None = None, *, order_id: int | None = None) -> OrderReport | None:
        """The order by one of its ids as the exchange has it, without fills; None when it knows none by that id (-2013).

        Queries read replicas that lag, so None soon after sending proves nothing (rest-api.md, "Data Sources").
        """
        params = {"symbol": symbol}
        if client_order_id is not None:
            params["origClientOrderId"] = client_order_id
        if order_id is not None:
            params["orderId"] = str(order_id)
        try:
            report = await self._rest.read(endpoints.QUERY_ORDER, params)
        except ExchangeRefusedError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise
        if order_id not in {None, report.order_id}:
            raise BadAnswerError("the answer speaks of another order - at `$.orderId`")
        return _of_this_order(report, symbol, report.client_order_id if client_order_id is None else client_order_id)

    async def get_open_orders(self, symbol: str | None = None) -> tuple[OrderReport, ...]:
        """All open orders of the account (request weight 80) or of one symbol (6), also those we did not place."""
        return await self._rest.read(endpoints.OPEN_ORDERS, {"symbol": symbol} if symbol else {})

    async def get_my_trades(self, symbol: str, *, from_trade_id: int | None = None, order_id: int | None = None) -> tuple[Fill, ...]:
        """Our trades in `symbol`, ascending by trade id, at most 1000, from `from_trade_id` on or of one order; else the newest.

        `Fill.client_order_id` is empty, because the exchange does not send it with trades.
        """
        params = {"symbol": symbol, "limit": str(_MY_TRADES_LIMIT)}
        if from_trade_id is not None:
            params["fromId"] = str(from_trade_id)
        if order_id is not None:
            params["orderId"] = str(order_id)
        return await self._rest.read(endpoints.MY_TRADES, params)

    # -- orders ---------------------------------------------------------------------------------------------------------------

    async def place_order(self, intent: OrderIntent, *, send_deadline_ms: int, last_look: LastLook | None = None) -> OrderReport:
        """Send the order exactly once; never repeated, whatever happens.

        Not signed with a timestamp after `send_deadline_ms` (server time). `last_look` is asked when the connection is there, with nothing
        awaited between it and the write. Raises NotSentError when it provably was not sent (also
        while the exchange's clock is not known well enough: see `sync_clock`), ExchangeRefusedError for a definite no,
        FateUnknownError for all else.
        """
        bound_ms, allowed_ms = self._rest.clock_sync.error_bound_ms(), self._open_connection.max_clock_error_ms
        if bound_ms > allowed_ms:
            raise NotSentError(f"the exchange's clock is known to {bound_ms:g} ms, orders need {allowed_ms} ms; call sync_clock")
        params = order_params(
            intent.symbol, intent.side, intent.type, intent.quantity, intent.price, intent.time_in_force, intent.client_order_id
        )
        return await self._place(params, send_deadline_ms, last_look)

    async def create_order(
        self,
        symbol: str,
        side: Side | str,
        type: OrderType | str,
        quantity: Decimal | str | int,
        *,
        price: Decimal | str | int | None = None,
        time_in_force: TimeInForce | str | None = None,
        client_order_id: str | None = None,
    ) -> OrderReport:
        """Place an order by hand, outside the journal, sent once under the rules of `place_order`.

        A LIMIT order without a time in force is GTC. Without `client_order_id` one is made, because an order without it could not be
        looked for; FateUnknownError names it. The clock is synchronised first when it never was.
        """
        try:
            await self._rest.clock_sync.ensure()
        except ExchangeError as error:
            raise NotSentError(f"the order was not sent: the exchange's clock is not known: {error}") from None
        params = order_params(symbol, side, type, quantity, price, time_in_force, client_order_id or self._next_own_id())
        return await self._place(params, None)

    async def test_order(
        self,
        symbol: str,
        side: Side | str,
        type: OrderType | str,
        quantity: Decimal | str | int,
        *,
        price: Decimal | str | int | None = None,
        time_in_force: TimeInForce | str | None = None,
    ) -> None:
        """Have the exchange check an order, key, signature and clock without placing anything; raises ExchangeRefusedError for a no."""
        params = order_params(symbol, side, type, quantity, price, time_in_force, self._next_own_id())
        await self._rest.read(endpoints.TEST_ORDER, params)

    async def cancel_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel an open order, sent once. ExchangeRefusedError -2011 when there is no such open order; FateUnknownError when no
        trustworthy answer came, NotSentError when it provably did not leave.
        """
        try:
            await self._rest.clock_sync.ensure()
        except ExchangeError as error:
            raise NotSentError(f"the cancellation was not sent: the exchange's clock is not known: {error}") from None
        params = {"symbol": symbol, "origClientOrderId": client_order_id}
        report = await self._order_sender.change(endpoints.CANCEL_ORDER, params)
        return _told_of(report, symbol, client_order_id)

    async def _place(self, params: Params, send_deadline_ms: int | None, last_look: LastLook | None = None) -> OrderReport:
        client_order_id = params["newClientOrderId"]
        try:
            report = await self._order_sender.change(endpoints.NEW_ORDER, params, send_deadline_ms=send_deadline_ms, last_look=last_look)
            return _told_of(report, params["symbol"], client_order_id)
        except FateUnknownError as error:
            raise FateUnknownError(f"order {client_order_id}: {error}") from None

    def _next_own_id(self) -> str:
        """A client order id for orders placed by hand, in a form that the journal's ids never have."""
        self._own_ids += 1
        return f"manual-{self.clock.now_ms()}-{self._own_ids}"

    @property
    def _rest(self) -> RestCaller:
        if self._rest_caller is None:
            raise RuntimeError("this AsyncBinanceClient is not open; use it inside `async with AsyncBinanceClient(...) as client:`")
        return self._rest_caller

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("this AsyncBinanceClient was never opened; use it inside `async with AsyncBinanceClient(...) as client:`")
        return self._connection


def _of_this_order(report: OrderReport, symbol: str, client_order_id: str) -> OrderReport:
    """The report, provided that it speaks of the order asked about; another one's answer must never be booked as ours."""
    if (report.symbol, report.client_order_id) != (symbol, client_order_id):
        raise BadAnswerError("the answer speaks of another order - at `$.clientOrderId`")
    return report


def _told_of(report: OrderReport, symbol: str, client_order_id: str) -> OrderReport:
    """The same for an answer to a change of the order: what became of ours is then unknown."""
    try:
        return _of_this_order(report, symbol, client_order_id)
    except BadAnswerError as error:
        raise FateUnknownError(str(error)) from None
