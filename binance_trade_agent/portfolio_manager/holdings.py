"""Holdings: the sums and positions that follow from what is booked, in memory."""

from dataclasses import dataclass, field
from decimal import Decimal

from binance_trade_agent.domain.facts import FillBooked, PositionWrittenDown
from binance_trade_agent.domain.ledger import Account, LedgerTransaction, post_fill
from binance_trade_agent.domain.money import ZERO, plus, times, total
from binance_trade_agent.domain.order import Fill
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.book import BookState


@dataclass(slots=True)
class Holdings:
    """Changed only by what the database has committed.

    `balances` are the wallet sums and `commissions` what was paid, both by asset; `last_trade_ids` is each symbol's newest booked trade,
    `fills` how many are booked.
    """

    balances: dict[str, Decimal] = field(default_factory=dict)
    commissions: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    last_trade_ids: dict[str, int] = field(default_factory=dict)
    fills: int = 0

    @classmethod
    def of(cls, state: BookState) -> "Holdings":
        """What was read from the book."""
        return cls(dict(state.balances), dict(state.commissions), dict(state.positions), dict(state.last_trade_ids), state.fills)

    def positions_in(self, quote_asset: str) -> dict[str, Position]:
        """Positions of the symbols that are priced in `quote_asset`."""
        return {symbol: position for symbol, position in self.positions.items() if position.quote_asset == quote_asset}

    def shortfalls(self) -> dict[str, Decimal]:
        """See OrderJournal.shortfalls."""
        missing: dict[str, Decimal] = {}
        held = [position for _, position in sorted(self.positions.items()) if position.quantity > 0]
        for asset in dict.fromkeys(position.base_asset for position in held):
            of_asset = [position for position in held if position.base_asset == asset]
            short = total(position.quantity for position in of_asset) - max(self.balances.get(asset, ZERO), ZERO)
            for position in of_asset:
                taken = min(short, position.quantity)
                if taken > 0:
                    missing[position.symbol] = taken
                    short -= taken
        return missing

    def take_fill(self, fill: Fill, rules: SymbolRules, booked_ms: float) -> FillBooked:
        """Take over a trade that is booked since `booked_ms` of the monotonic clock."""
        before = self.positions.get(fill.symbol) or Position(fill.symbol, rules.base_asset, rules.quote_asset)
        after = before.apply(fill)
        self.positions[fill.symbol] = after
        self.take_transaction(post_fill(fill, rules.base_asset, rules.quote_asset))
        self.last_trade_ids[fill.symbol] = max(fill.trade_id, self.last_trade_ids.get(fill.symbol, fill.trade_id))
        self.fills += 1
        return FillBooked(fill, after.realized - before.realized, booked_ms)

    def take_write_down(self, position: Position, quantity: Decimal, mark: Decimal | None) -> PositionWrittenDown:
        """Take over a position that was written down by `quantity`; it was worth its average price when it has no mark."""
        price = self.positions[position.symbol].average_price if mark is None else mark
        self.positions[position.symbol] = position
        return PositionWrittenDown(position.symbol, quantity, times(quantity, price))

    def take_transaction(self, transaction: LedgerTransaction) -> None:
        """Take over what was posted."""
        sums = {Account.WALLET: self.balances, Account.COMMISSION: self.commissions}
        for posting in transaction.postings:
            account = sums.get(posting.account)
            if account is not None:
                account[posting.asset] = plus(account.get(posting.asset, ZERO), posting.amount)
