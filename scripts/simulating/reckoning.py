"""The reckoning at the end: book and exchange compared in full, by code that is not the daemon's."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from binance_trade_agent.domain.order import TRANSITIONS, OrderEvent, OrderState
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.exchange import SimulatedExchange
from simulating.book_file import BookFile, BookOrder, BookTrade
from simulating.plan import SeedPlan
from simulating.watch import OURS

_ENDED = frozenset({"NOT_SENT", "NEVER_PLACED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"})
_RESTING = frozenset({"NEW", "PARTIALLY_FILLED"})
_NOWHERE = frozenset({"NOT_SENT", "NEVER_PLACED", "INTENDED"})
_STATUS_OF = {"FILLED": {"FILLED"}, "CANCELED": {"CANCELED"}, "EXPIRED": {"EXPIRED", "EXPIRED_IN_MATCH"}}


class Reckoning:
    """Compares a book with what the exchange knows of the account with `api_key`.

    By `plan` it knows what may have happened: where nothing can be late no order comes back from the dead, and where no query lags far
    no deposit is made up.
    """

    def __init__(self, exchange: SimulatedExchange, api_key: str, account_id: int, book: BookFile, plan: SeedPlan) -> None:
        self._book = book
        self._plan = plan
        self._orders = exchange.orders(api_key)
        self._trades = exchange.trades(api_key)
        self._balances = {asset: balance.total for asset, balance in exchange.balances(api_key).items() if balance.total}
        self._movements = list(exchange.venue.archive.movements(account_id))
        self._rules = exchange.venue.market.rules
        self._opened_ms = book.opened_ms()

    def findings(self) -> Iterator[str]:
        """One sentence for each difference."""
        if self._opened_ms is None:
            yield "there is no open book at the end"
            return
        yield from self._order_findings()
        yield from self._trade_findings()
        yield from self._money_findings()
        yield from self._position_findings()
        yield from self._event_findings()
        if self._plan.is_timely:
            yield from self._resurrections()
        if self._plan.is_current:
            yield from self._made_up_deposits()

    # -- orders ---------------------------------------------------------------------------------------------------------------

    def _order_findings(self) -> Iterator[str]:
        theirs: dict[str, list[ExchangeOrder]] = defaultdict(list)
        for order in self._orders:
            if order.client_order_id.startswith(OURS):
                theirs[order.client_order_id].append(order)
        known = set()
        for ours in self._book.orders():
            known.add(ours.client_order_id)
            yield from self._one_order(ours, theirs.get(ours.client_order_id, []))
        for name in sorted(theirs.keys() - known):
            yield f"order {name} is on the exchange, and not in the book"

    def _one_order(self, ours: BookOrder, theirs: list[ExchangeOrder]) -> Iterator[str]:
        name = ours.client_order_id
        if ours.state not in _ENDED | _RESTING:
            yield f"order {name} is still {ours.state} after the calm"
        if ours.state in _NOWHERE and theirs:
            yield f"order {name} is {ours.state} in the book, and the exchange has it as {theirs[0].status}"
        if ours.state == "REJECTED" and any(order.executed_quantity for order in theirs):
            yield f"order {name} is REJECTED in the book, and has traded on the exchange"
        if ours.state in _STATUS_OF or ours.state in _RESTING:
            match = next((order for order in theirs if order.order_id == ours.order_id), None)
            if match is None:
                yield f"order {name} is {ours.state} in the book, and the exchange does not have it"
                return
            statuses = _STATUS_OF.get(ours.state, {ours.state})
            if match.status not in statuses or match.executed_quantity != ours.executed:
                yield f"order {name} is {ours.state} with {ours.executed}, on the exchange {match.status} with {match.executed_quantity}"

    def _resurrections(self) -> Iterator[str]:
        theirs = {order.client_order_id for order in self._orders}
        for name, event, _, _ in self._book.events():
            if event == "PROVE_ABSENT" and name in theirs:
                yield f"order {name} was held to be never placed, and is on the exchange"
        for scope, reason in self._book.alarms():
            yield f"{scope} was halted without need: {reason}"

    # -- trades and money -------------------------------------------------------------------------------------------------------

    def _trade_findings(self) -> Iterator[str]:
        ours = {(trade.symbol, trade.trade_id): trade for trade in self._book.trades()}
        theirs = {(trade.symbol, trade.trade_id): trade for trade in self._trades}
        if len(ours) != len(self._book.trades()):
            yield "a trade is booked twice"
        for key in sorted(ours.keys() - theirs.keys()):
            yield f"trade {key} is in the book, and the exchange does not know it"
        for key in sorted(theirs.keys() - ours.keys()):
            if not self._was_before_the_book(theirs[key]):
                yield f"trade {key} of order {theirs[key].order_id} is not in the book"
        for key in sorted(ours.keys() & theirs.keys()):
            if ours[key] != _as_booked(theirs[key]):
                yield f"trade {key} is booked as {ours[key]}, and was {_as_booked(theirs[key])}"

    def _was_before_the_book(self, trade: ExchangeTrade) -> bool:
        return self._opened_ms is not None and trade.time_ms <= self._opened_ms

    def _money_findings(self) -> Iterator[str]:
        wallet = self._book.wallet()
        for asset in sorted(wallet.keys() | self._balances.keys()):
            ours, theirs = wallet.get(asset, Decimal(0)), self._balances.get(asset, Decimal(0))
            if ours != theirs:
                yield f"the book has {ours} {asset}, and the exchange {theirs}"
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for movement in self._movements:
            if self._opened_ms is not None and movement.time_ms > self._opened_ms:
                moved[movement.asset] += movement.amount
        external = self._book.external()
        for asset in sorted(moved.keys() | external.keys()):
            if moved.get(asset, Decimal(0)) != external.get(asset, Decimal(0)):
                yield f"{moved.get(asset, 0)} {asset} came from outside, and {external.get(asset, 0)} is booked as such"
        yield from self._ledger_findings(wallet)

    def _made_up_deposits(self) -> Iterator[str]:
        """Each entry from outside has a movement of its asset of its own; several movements may share one."""
        moved = Counter(movement.asset for movement in self._movements)
        booked = Counter(asset for _, kind, name, account, asset, _ in self._book.postings() if _is_deposit(kind, name, account))
        for asset, entries in sorted(booked.items()):
            if entries > moved[asset]:
                yield f"{entries} deposits or withdrawals of {asset} are booked, and there were {moved[asset]}"

    def _ledger_findings(self, wallet: dict[str, Decimal]) -> Iterator[str]:
        legs: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for transaction, _, _, account, asset, amount in self._book.postings():
            legs[transaction, asset] += amount
            if account == "wallet":
                sums[asset] += amount
        for (transaction, asset), amount in legs.items():
            if amount:
                yield f"ledger transaction {transaction} is off by {amount} {asset}"
        for asset in sorted(sums.keys() | wallet.keys()):
            if sums.get(asset, Decimal(0)) != wallet.get(asset, Decimal(0)):
                yield f"{wallet.get(asset, 0)} {asset} is kept, and the postings make {sums.get(asset, 0)}"

    def _position_findings(self) -> Iterator[str]:
        """A position is the sum of the fills less the fees that were taken in the base asset, and less what was written down."""
        reckoned: dict[str, Decimal] = defaultdict(Decimal)
        for trade in self._book.trades():
            fee = trade.commission if trade.commission_asset == self._rules[trade.symbol].base_asset else Decimal(0)
            reckoned[trade.symbol] += (trade.quantity if trade.side == "BUY" else -trade.quantity) - fee
        for symbol, quantity in self._book.write_downs():
            reckoned[symbol] -= quantity
        kept = self._book.positions()
        for symbol in sorted(kept.keys() | reckoned.keys()):
            if kept.get(symbol, Decimal(0)) != reckoned.get(symbol, Decimal(0)):
                yield f"position {symbol} is kept as {kept.get(symbol, 0)}, and its fills make {reckoned.get(symbol, 0)}"

    def _event_findings(self) -> Iterator[str]:
        """The journal replayed: states move along the table, and end where the order is kept."""
        reached: dict[str, str] = {}
        for name, event, before, after in self._book.events():
            if before != reached.get(name, "INTENDED") or TRANSITIONS.get((OrderState(before), OrderEvent(event))) != after:
                yield f"order {name}: {event} leads from {before} to {after}, after {reached.get(name)}"
            reached[name] = after
        for order in self._book.orders():
            end = reached.get(order.client_order_id, "INTENDED")
            if order.state != end:
                yield f"order {order.client_order_id} is kept as {order.state}, and its journal ends at {end}"


def _is_deposit(kind: str, reference: str, account: str) -> bool:
    return kind == "external" and account == "wallet" and not reference.startswith("opening:")


def _as_booked(trade: ExchangeTrade) -> BookTrade:
    return BookTrade(
        trade.symbol,
        trade.trade_id,
        trade.order_id,
        trade.side.value,
        trade.price,
        trade.quantity,
        trade.quote_quantity,
        trade.commission,
        trade.commission_asset,
    )
