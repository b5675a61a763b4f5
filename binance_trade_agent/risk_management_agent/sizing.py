"""Sizing: how much to buy or sell, fitted to limits, money and filters, so that nothing is left that cannot be sold."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import partial

import msgspec
from msgspec.structs import replace

from binance_trade_agent.domain.errors import RuleViolationError
from binance_trade_agent.domain.money import ZERO, ceil_to_step, floor_to_step, plain, times
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.room import WHOLE, Room

# The fall that an entry must survive sellable when no stop-loss says how far a price may fall.
FALL_WITHOUT_STOP = Decimal("0.10")

_FLOOR = Context(prec=76, rounding=ROUND_FLOOR)
_CEILING = Context(prec=76, rounding=ROUND_CEILING)


class Money(msgspec.Struct, frozen=True, gc=False):
    """What a purchase is measured against, in the accounting asset; `committed` is held back for orders not settled yet.

    `correlated` is what is left for symbols that move with this one, fee not counted; None where nothing limits that.
    """

    equity: Decimal
    cash: Decimal
    exposure: Decimal
    committed: Decimal
    held_value: Decimal
    correlated: Room | None = None


class Sizing(msgspec.Struct, frozen=True, gc=False):
    """Sizes market orders of one symbol at one price."""

    limits: RiskLimits
    rules: SymbolRules
    price: Decimal

    def entry(self, money: Money, requested: Decimal | None, share: Decimal = WHOLE, target: Room | None = None) -> Decimal | Refused:
        """The quantity to buy: `requested` if every rule has room for it, else as much as all rules leave, of one trade `share` only.

        `target` is what the sizing means, where that is not as much as the limits allow; a request is not sized by it.
        """
        smallest = self.smallest_entry()
        if requested is None:
            return self._largest_entry(money, smallest, share, target)
        return self._requested_entry(money, requested, smallest)

    def exit(self, held: Decimal, requested: Decimal | None) -> Decimal | Refused:
        """The quantity to sell of `held`: `requested` at most, and everything when the rest could not be sold later."""
        wanted = held if requested is None else min(requested, held)
        quantity = self._leave_sellable_rest(self._floor(wanted), held)
        try:
            self.rules.check(quantity, self.price, market=True)
        except RuleViolationError as error:
            return Refused(RiskRule.FILTERS, f"{plain(wanted)} {self.rules.base_asset} cannot be sold at {plain(self.price)}: {error}")
        return quantity

    def is_dust(self, held: Decimal) -> bool:
        """True for less than one step, which stays in the book until a later exit takes it along."""
        return self._floor(held) == 0

    def is_sellable(self, held: Decimal) -> bool:
        """True when the filters let `held`, or most of it, be sold at this price."""
        return not self.is_dust(held) and isinstance(self.exit(held, None), Decimal)

    def parts(self, held: Decimal, largest: Decimal | None, most_parts: int) -> tuple[Decimal, ...]:
        """`held` in as few parts of nearly one size as orders of at most `largest` allow; `most_parts` of the largest if those are more."""
        everything = self._floor(held)
        if largest is None or everything <= largest:
            return (everything,)
        count = int(_CEILING.divide(everything, largest).to_integral_value(ROUND_CEILING))
        if count > most_parts:
            return (largest,) * most_parts
        each = self._floor(_FLOOR.divide(everything, Decimal(count)))
        longer = int((everything - times(each, Decimal(count))) / self._step)
        return (each + self._step,) * longer + (each,) * (count - longer)

    def largest_order(self) -> Decimal | None:
        """What one order may hold by LOT_SIZE, MARKET_LOT_SIZE and NOTIONAL; None when nothing bounds it."""
        bounds = [bound for bound in (self.rules.most_quantity(market=True),) if bound > 0]
        if self.rules.max_notional > 0:
            bounds.append(_FLOOR.divide(self.rules.max_notional, self.price))
        return self._floor(min(bounds)) if bounds else None

    def smallest_entry(self) -> Decimal:
        """The least that can be bought so that, after a fee in the base asset and a fall to the stop-loss, it can still be sold."""
        return ceil_to_step(_CEILING.divide(self._smallest_after_fall(), 1 - self.limits.taker_rate), self._step)

    def _smallest_after_fall(self) -> Decimal:
        fall = self.limits.stop_loss_pct or FALL_WITHOUT_STOP
        return ceil_to_step(self.rules.smallest_quantity_at(times(self.price, 1 - fall)), self._step)

    @property
    def _step(self) -> Decimal:
        return self.rules.quantity_step(market=True) or Decimal(1).scaleb(-self.rules.base_precision)

    def _floor(self, quantity: Decimal) -> Decimal:
        return floor_to_step(max(quantity, ZERO), self._step)

    def _rooms(self, money: Money, share: Decimal = WHOLE) -> tuple[Room, ...]:
        limits, equity = self.limits, money.equity
        with_fee = times(self.price, 1 + limits.taker_rate)
        trade = times(limits.max_single_trade_size, equity)
        position = times(limits.max_position_per_symbol, equity) - money.held_value
        exposure = times(limits.max_total_exposure, equity) - money.exposure - money.committed
        cash = money.cash - times(limits.cash_reserve, equity) - money.committed
        correlated = () if money.correlated is None else (replace(money.correlated, unit_cost=with_fee),)
        return (
            Room(RiskRule.TRADE_SIZE, trade, self.price, partial(self._trade_text, money)).part(share),
            Room(RiskRule.POSITION_LIMIT, position, self.price, partial(self._position_text, money)),
            Room(RiskRule.EXPOSURE_LIMIT, exposure, with_fee, partial(self._exposure_text, money)),
            *correlated,
            Room(RiskRule.CASH, cash, with_fee, partial(self._cash_text, money)),
        )

    def _trade_text(self, money: Money) -> str:
        return f"one trade may be {percent(self.limits.max_single_trade_size)} of equity {amount(money.equity)}"

    def _position_text(self, money: Money) -> str:
        share = f"{percent(self.limits.max_position_per_symbol)} of equity {amount(money.equity)}"
        return f"one symbol may be {share}, and {amount(money.held_value)} is held"

    def _exposure_text(self, money: Money) -> str:
        share = f"{percent(self.limits.max_total_exposure)} of equity {amount(money.equity)}"
        return f"all positions together may be {share}, and {amount(money.exposure)} is held and {amount(money.committed)} on order"

    def _cash_text(self, money: Money) -> str:
        kept = f"{percent(self.limits.cash_reserve)} of equity {amount(money.equity)} is kept"
        return f"of {amount(money.cash)} in cash {amount(money.committed)} is on order and {kept}"

    def _largest_entry(self, money: Money, smallest: Decimal, share: Decimal, target: Room | None) -> Decimal | Refused:
        limiting = self._rooms(money, share)
        rooms = limiting if target is None else (target.part(share), *limiting)
        step = self._step
        fitting = [room.quantity(step) for room in rooms]
        quantity, largest = min(fitting), self.largest_order()
        if quantity < smallest:
            return self._too_small(rooms[fitting.index(quantity)], quantity, smallest)
        if largest is None or quantity <= largest:
            return quantity
        if largest < smallest:
            return Refused(
                RiskRule.FILTERS, f"one order may hold {plain(largest)} at most, and less than {plain(smallest)} may not stay sellable"
            )
        return largest

    def _requested_entry(self, money: Money, requested: Decimal, smallest: Decimal) -> Decimal | Refused:
        quantity, largest = self._floor(requested), self.largest_order()
        asked = f"{plain(requested)} {self.rules.base_asset} was asked for"
        if largest is not None and quantity > largest:
            return Refused(RiskRule.FILTERS, f"{asked}, and one order may hold {plain(largest)} at most")
        if quantity < smallest:
            return Refused(RiskRule.FILTERS, f"{asked}, and less than {plain(smallest)} at {plain(self.price)} may not stay sellable")
        for room in self._rooms(money):
            if not room.holds(quantity):
                return Refused(room.rule, f"{asked}, worth {amount(times(quantity, self.price))}, but {room.text()}")
        return quantity

    def _too_small(self, room: Room, quantity: Decimal, smallest: Decimal) -> Refused:
        base = self.rules.base_asset
        left = f"{room.text()}: at {plain(self.price)} that leaves {plain(quantity)} {base}"
        return Refused(room.rule, f"{left}, and less than {plain(smallest)} may not stay sellable")

    def _leave_sellable_rest(self, quantity: Decimal, held: Decimal) -> Decimal:
        """`quantity`, or more or less of it, so that the rest of `held` is nothing or can be sold even after a fall."""
        everything, largest = self._floor(held), self.largest_order()
        if quantity > 0 and 0 < everything - quantity < self._smallest_after_fall():
            quantity = everything
        if largest is None or quantity <= largest:
            return quantity
        # More than one order may hold: this one leaves enough for the next.
        smallest_rest = self._smallest_after_fall()
        return largest if everything - largest >= smallest_rest else max(self._floor(everything - smallest_rest), ZERO)
