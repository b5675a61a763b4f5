"""ExchangeBox: the simulated exchange's own matching engine with one account, asked directly: no wire, no clock, no store."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Fill, OrderEvent, OrderIntent
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import ExchangeTrade, NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.markets.market import Market

_ACCOUNT = 1


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What became of an order: the event that it amounts to, its number on the exchange (None when it was refused), and its trades."""

    event: OrderEvent
    order_id: int | None
    fills: tuple[Fill, ...]


class ExchangeBox:
    """One account that begins with `balances` and pays `rate` of what it receives."""

    def __init__(self, market: Market, balances: Mapping[str, Decimal], *, rate: Decimal, seed: int, time_ms: int) -> None:
        self._market = market
        history = MemoryHistory()
        given = tuple(Balance(asset, amount, ZERO) for asset, amount in sorted(balances.items()))
        history.open_account(_ACCOUNT, "", given, time_ms)
        self._engine = Engine(market, history, rates=Rates(rate, rate), seed=seed, first_fill=lambda *_: None)

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._market.rules

    @property
    def balances(self) -> Mapping[str, Decimal]:
        """What the account holds, by asset."""
        return {asset: balance.total for asset, balance in self._engine.balances(_ACCOUNT).items()}

    def place(self, intent: OrderIntent, time_ms: int) -> Answer:
        """Match a market order at `time_ms`, which never goes back."""
        order = NewOrder(intent.symbol, intent.side, OrderType.MARKET, quantity=intent.quantity, client_order_id=intent.client_order_id)
        try:
            placement = self._engine.place(_ACCOUNT, order, time_ms)
        except ExchangeRefusedError:
            return Answer(OrderEvent.REJECT, None, ())
        placed = placement.order
        return Answer(placed.status.event, placed.order_id, tuple(_fill(trade, placed.client_order_id) for trade in placement.trades))


def _fill(trade: ExchangeTrade, client_order_id: str) -> Fill:
    return Fill(
        symbol=trade.symbol,
        trade_id=trade.trade_id,
        order_id=trade.order_id,
        client_order_id=client_order_id,
        side=trade.side,
        price=trade.price,
        quantity=trade.quantity,
        quote_quantity=trade.quote_quantity,
        commission=trade.commission,
        commission_asset=trade.commission_asset,
        time_ms=trade.time_ms,
        is_maker=trade.is_maker,
    )
