"""Self-trade prevention: what becomes of two orders of one account or trade group that were about to trade with each other.

Source: faqs/stp_faq.md. The taker's mode decides; TRANSFER needs both, and is DECREMENT otherwise.
"""

from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.simulation.engine.account_terms import AccountBook
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP, ExchangeOrder, PreventedMatch
from binance_trade_agent.simulation.engine.terms import SelfTradePrevention

_MAKER_EXPIRES = frozenset({SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH})
_TAKER_EXPIRES = frozenset({SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH})


class TradeGroups:
    """Which accounts count as one when they meet each other in the book, by their terms."""

    def __init__(self, terms: AccountBook) -> None:
        self._terms = terms

    def of(self, account_id: int) -> int:
        """The account's trade group; NO_TRADE_GROUP when it has none."""
        return self._terms.of(account_id).trade_group

    def are_one(self, one: int, other: int) -> bool:
        """True for an account with itself, and for two of the same group."""
        if one == other:
            return True
        group = self.of(one)
        return group != NO_TRADE_GROUP and group == self.of(other)


def effective_mode(taker: SelfTradePrevention, maker: SelfTradePrevention) -> SelfTradePrevention:
    """What happens between two orders with these modes."""
    if taker is SelfTradePrevention.TRANSFER and maker is not SelfTradePrevention.TRANSFER:
        return SelfTradePrevention.DECREMENT
    return taker


def losses(mode: SelfTradePrevention, taker_left: Decimal, maker_left: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """What the taker and the maker lose of what is left of them; None for one that goes on as before."""
    if mode in {SelfTradePrevention.DECREMENT, SelfTradePrevention.TRANSFER}:
        both = min(taker_left, maker_left)
        return both, both
    return taker_left if mode in _TAKER_EXPIRES else None, maker_left if mode in _MAKER_EXPIRES else None


def prevented(order: ExchangeOrder, quantity: Decimal | None, match: PreventedMatch) -> ExchangeOrder:
    """The order after it lost `quantity` by a match; when nothing is left of it, it has expired."""
    if quantity is None:
        return order
    left = order.remaining_quantity - quantity
    visible = order.visible_quantity
    after = replace(
        order,
        prevented_match_id=match.prevented_match_id,
        prevented_quantity=order.prevented_quantity + quantity,
        updated_ms=match.time_ms,
        locked_amount=order.locked_after(left, _moved(match)) if order.locked_amount else order.locked_amount,
        visible_quantity=None if visible is None else min(visible, left),
    )
    return after if left else after.ended(ExchangeStatus.EXPIRED_IN_MATCH, match.time_ms)


def _moved(match: PreventedMatch) -> Decimal:
    """What the buyer of a match pays all the same: between accounts of a trade group the quantity is transferred."""
    is_transfer = match.mode is SelfTradePrevention.TRANSFER and match.taker_account_id != match.maker_account_id
    return notional(match.price, match.quantity) if is_transfer else ZERO
