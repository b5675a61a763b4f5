"""RunningBook: the book of a backtest while it runs, in memory, by the same arithmetic as the daemon's."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from binance_trade_agent.backtest.fast.exchange_box import Answer
from binance_trade_agent.domain.facts import FillBooked
from binance_trade_agent.domain.ledger import post_external
from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderIntent, OrderState, next_state
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.portfolio_manager.holdings import Holdings


class RunningBook:
    """Orders, fills, holdings and modes. Orders are market orders, so each ends in the pass that decides it."""

    def __init__(self, rules: Mapping[str, SymbolRules], quote_asset: str, cash: Decimal, send_delay_ms: int) -> None:
        self._rules = rules
        self._send_delay_ms = send_delay_ms
        self.quote_asset = quote_asset
        self.holdings = Holdings()
        self.holdings.take_transaction(post_external(quote_asset, cash, f"opening:{quote_asset}", 0))
        self.orders: list[JournaledOrder] = []
        self.fills: list[Fill] = []
        self.modes: dict[str, ModeChange] = {}
        self.mode_changes: list[ModeChange] = []

    @property
    def cash(self) -> Decimal:
        """What there is of the quote asset."""
        return self.holdings.balances.get(self.quote_asset, ZERO)

    @property
    def positions(self) -> Mapping[str, Position]:
        """By symbol, also those that nothing is left of."""
        return self.holdings.positions

    def view(self, time_ms: int, marks: Mapping[str, Decimal]) -> PortfolioView:
        """The book as it stands; it must not change while the view is looked at."""
        return PortfolioView(time_ms, self.quote_asset, self.cash, self.holdings.positions, marks)

    def take_modes(self, changes: tuple[ModeChange, ...]) -> None:
        """Keep changes of mode that are in force."""
        for change in changes:
            self.modes[change.scope] = change
        self.mode_changes.extend(changes)

    def take_answer(self, intent: OrderIntent, answer: Answer, time_ms: int) -> list[FillBooked]:
        """Book what became of an order."""
        state = next_state(next_state(OrderState.INTENDED, OrderEvent.SEND), answer.event)
        executed = total(fill.quantity for fill in answer.fills)
        self.orders.append(JournaledOrder(intent, state, time_ms + self._send_delay_ms, answer.order_id, executed, time_ms))
        rules = self._rules[intent.symbol]
        booked = [self.holdings.take_fill(fill, rules, 0.0) for fill in answer.fills]
        self.fills.extend(answer.fills)
        return booked

    def copied_positions(self) -> dict[str, Position]:
        """The positions as they stand, apart from what comes later."""
        return {symbol: replace(position) for symbol, position in self.holdings.positions.items()}
