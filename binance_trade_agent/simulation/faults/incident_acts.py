"""IncidentActs: lets incidents happen to an exchange."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Protocol, TypeVar

from binance_trade_agent.domain.errors import ExchangeRefusedError, MoneyError
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.clocks import SkewedClock
from binance_trade_agent.simulation.engine.amounts import floor_amount
from binance_trade_agent.simulation.engine.listing import Listing, TradingStatus
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.symbol_filters import LotSize, MinNotional, Notional, PriceFilter, SymbolFilter
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.faults.incident import End, Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault, FaultPlan

E = TypeVar("E", bound=StrEnum)

MOST_SHIFT_MS = 60_000
"""How far the clock can be set in one step: the engine's own time never goes back, so it would stand still so long."""

_COARSER = 10
_DRAWN_SHIFT_MS = 5_000
_SMALL_PART = Decimal("0.01")


class Doors(Protocol):
    """Open connections, of a server or in process."""

    def announce_shutdown(self) -> None:
        """Tell everybody that the server is about to go."""
        ...

    def cut(self, path: str | None = None) -> None:
        """Break connections off."""
        ...


class IncidentActs:
    """Each kind of incident as a method. `accounts` gives the numbers of all accounts."""

    def __init__(self, engine: Engine, clock: SkewedClock, faults: FaultPlan, accounts: Callable[[], Sequence[int]]) -> None:
        self._engine = engine
        self._listings = engine.rulebook.listings
        self._clock = clock
        self._faults = faults
        self._accounts = accounts
        self._changed: set[tuple[str, str]] = set()
        self.doors: list[Doors] = []

    def happen(self, incident: Incident, random: Random) -> End | None:
        """See Act. The engine has been brought to the present."""
        acts: dict[IncidentKind, Callable[[Incident, Random], End | None]] = {
            IncidentKind.SHIFT_CLOCK: self._shift_clock,
            IncidentKind.MAINTENANCE: self._maintain,
            IncidentKind.SYMBOL_STATUS: self._set_status,
            IncidentKind.CHANGE_FILTER: self._change_filter,
            IncidentKind.MOVE_FUNDS: self._move_funds,
            IncidentKind.FOREIGN_ORDER: self._trade,
            IncidentKind.FOREIGN_CANCEL: self._cancel,
            IncidentKind.RESET_ACCOUNTS: self._reset_accounts,
            IncidentKind.CUT_CONNECTIONS: self._cut,
            IncidentKind.SHUTDOWN: self._announce_shutdown,
        }
        try:
            return acts[incident.kind](incident, random)
        except ExchangeRefusedError as refusal:
            raise ValueError(f"{incident.kind}: {refusal.message}") from None

    # --- the exchange ------------------------------------------------------------------------------------------------------------------

    def _shift_clock(self, incident: Incident, random: Random) -> End:
        drawn = random.randint(-_DRAWN_SHIFT_MS, _DRAWN_SHIFT_MS)
        shift_ms = drawn if incident.value is None else _integer(incident.value)
        if abs(shift_ms) > MOST_SHIFT_MS:
            raise ValueError(f"the clock is shifted by {-MOST_SHIFT_MS} to {MOST_SHIFT_MS} ms, not by {shift_ms}")
        self._clock.shift(shift_ms)

        return lambda: self._clock.shift(-shift_ms)

    def _maintain(self, _incident: Incident, _random: Random) -> End:
        """Nothing is answered, nobody comes in, and who is in is told to go and then cut off."""
        numbers = [
            self._faults.append(Fault(FaultKind.UNAVAILABLE, times=None)),
            self._faults.append(Fault(FaultKind.REFUSE_UPGRADE, times=None)),
        ]
        for doors in tuple(self.doors):
            doors.announce_shutdown()
            doors.cut()

        def end() -> None:
            for number in numbers:
                with suppress(LookupError):  # lifted by hand
                    self._faults.lift(number)

        return end

    def _cut(self, incident: Incident, _random: Random) -> None:
        for doors in tuple(self.doors):
            doors.cut(incident.target)

    def _announce_shutdown(self, _incident: Incident, _random: Random) -> None:
        for doors in tuple(self.doors):
            doors.announce_shutdown()

    # --- symbols -----------------------------------------------------------------------------------------------------------------------

    def _set_status(self, incident: Incident, random: Random) -> End:
        listing = self._listing(incident, random)
        status = TradingStatus.HALT if incident.value is None else _member(TradingStatus, incident.value)
        return self._relisted(replace(listing, status=status), listing, "status")

    def _change_filter(self, incident: Incident, random: Random) -> End:
        """Prices, quantities or least values become ten times as coarse."""
        listing = self._listing(incident, random)
        changed = {_NAMES[type(entry)]: _coarser(entry) for entry in listing.filters if type(entry) in _NAMES}
        if not changed:
            raise ValueError(f"{listing.symbol} has no filter that could change")
        name = random.choice(sorted(changed)) if incident.value is None else incident.value
        if name not in changed:
            raise ValueError(f"{listing.symbol} has no filter {name}; it has {', '.join(sorted(changed))}")
        return self._relisted(listing.with_filter(changed[name]), listing, "filters")

    def _relisted(self, listing: Listing, before: Listing, what: str) -> End:
        """List a symbol in another way, until the end puts back what it was."""
        changed = (listing.symbol, what)
        if changed in self._changed or listing == before:
            raise ValueError(f"the {what} of {listing.symbol} are as they should become, or changed until something ends")
        self._changed.add(changed)
        self._listings.put(listing)

        def end() -> None:
            self._changed.discard(changed)
            with suppress(ExchangeRefusedError):  # the market has the symbol no more
                now = self._listings.listing(listing.symbol)
                self._listings.put(replace(now, status=before.status) if what == "status" else replace(now, filters=before.filters))

        return end

    def _listing(self, incident: Incident, random: Random) -> Listing:
        if incident.target is not None:
            return self._listings.listing(incident.target)
        return random.choice(sorted(self._listings.all(), key=lambda listing: listing.symbol))

    # --- accounts ----------------------------------------------------------------------------------------------------------------------

    def _move_funds(self, incident: Incident, random: Random) -> None:
        account_id = self._account(incident, random)
        balances = self._engine.balances(account_id)
        if incident.value is None:
            held = sorted(asset for asset, balance in balances.items() if floor_amount(balance.free * _SMALL_PART) > 0)
            if not held:
                raise ValueError(f"account {account_id} has nothing to move")
            asset = random.choice(held)
            amount = floor_amount(balances[asset].free * _SMALL_PART) * random.choice((-1, 1))
        else:
            number, _, asset = incident.value.partition(" ")
            amount = _decimal(number)
        free = balances[asset].free if asset in balances else Decimal(0)
        if not asset or amount == 0 or free + amount < 0:
            raise ValueError("funds are moved as AMOUNT ASSET, such as -5 USDT, and no more is taken than is free")
        self._engine.move(account_id, asset, amount)

    def _trade(self, incident: Incident, random: Random) -> None:
        """A market order of somebody else who trades on the account: SIDE QUANTITY SYMBOL."""
        account_id = self._account(incident, random)
        if incident.value is None:
            request = self._drawn_order(account_id, random)
        else:
            side, quantity, symbol = (*incident.value.split(" "), "", "")[:3]
            request = NewOrder(symbol, _member(Side, side), OrderType.MARKET, quantity=_decimal(quantity))
        self._engine.place(account_id, request, self._clock.now_ms())

    def _drawn_order(self, account_id: int, random: Random) -> NewOrder:
        """Sells a hundredth of something that the account holds, or buys for a hundredth of it."""
        balances = self._engine.balances(account_id)
        choices = []
        for listing in sorted(self._listings.all(), key=lambda each: each.symbol):
            for side, asset in ((Side.SELL, listing.base_asset), (Side.BUY, listing.quote_asset)):
                if asset in balances and balances[asset].free > 0:
                    choices.append((listing, side, balances[asset].free * _SMALL_PART))
        if not choices:
            raise ValueError(f"account {account_id} has nothing to trade with")
        listing, side, amount = random.choice(choices)
        if side is Side.BUY:
            return NewOrder(listing.symbol, side, OrderType.MARKET, quote_quantity=floor_amount(amount))
        lot = listing.filter(LotSize)
        step = lot.step_size if lot is not None and lot.step_size else Decimal("1e-8")
        return NewOrder(listing.symbol, side, OrderType.MARKET, quantity=amount // step * step)

    def _cancel(self, incident: Incident, random: Random) -> None:
        account_id = self._account(incident, random)
        orders = self._engine.open_orders(account_id)
        if not orders:
            raise ValueError(f"account {account_id} has no open order")
        order = random.choice(orders)
        self._engine.cancel(account_id, order.symbol, order_id=order.order_id, client_order_id=None, now_ms=self._clock.now_ms())

    def _reset_accounts(self, _incident: Incident, _random: Random) -> None:
        """As a testnet does now and then."""
        self._engine.start_again()

    def _account(self, incident: Incident, random: Random) -> int:
        accounts = self._accounts()
        if incident.target is None:
            if not accounts:
                raise ValueError("there is no account")
            return random.choice(accounts)
        number = _integer(incident.target)
        if number not in accounts:
            raise ValueError(f"there is no account {number}")
        return number


_NAMES: Mapping[type[SymbolFilter], str] = MappingProxyType(
    {PriceFilter: "PRICE_FILTER", LotSize: "LOT_SIZE", MinNotional: "MIN_NOTIONAL", Notional: "NOTIONAL"}
)


def _coarser(entry: SymbolFilter) -> SymbolFilter:
    match entry:
        case PriceFilter():
            return replace(entry, tick_size=entry.tick_size * _COARSER)
        case LotSize():
            return replace(entry, step_size=entry.step_size * _COARSER, min_quantity=entry.min_quantity * _COARSER)
        case MinNotional() | Notional():
            return replace(entry, min_notional=entry.min_notional * _COARSER)
    return entry


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _decimal(text: str) -> Decimal:
    try:
        amount = money(text)
    except MoneyError:
        raise ValueError(f"{text!r} is no amount") from None
    if floor_amount(amount) != amount:
        raise ValueError(f"{text!r} has more than eight decimals")
    return amount


def _member(kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(kind)}") from None
