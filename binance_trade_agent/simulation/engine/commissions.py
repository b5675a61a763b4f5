"""Commissions: what the exchange takes of a trade, by account and symbol, and in which asset.

Source: faqs/commission_faq.md. Three commissions are added up: standard, special and tax; each has a rate for makers and takers, and one
for buyers and sellers on top. Paid in BNB the standard one is multiplied by the discount, as that page's example does it, and all of them
are converted at the market's last price.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.account_terms import AccountBook
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amounts import QUANTUM, commission
from binance_trade_agent.simulation.engine.terms import BUY
from binance_trade_agent.simulation.markets.market import Market

DISCOUNT_ASSET = "BNB"
STANDARD_DISCOUNT = Decimal("0.75")
BRIDGES = ("USDT", "USDC", "FDUSD", "BTC")
"""Assets by way of which a commission is converted when it has no market with BNB of its own."""

_WIDE = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Rates:
    """Commission rates as fractions, 0.001 for a tenth of a percent; an order pays one of the first two and one of the last two."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal = ZERO
    seller: Decimal = ZERO

    def of(self, side: Side, *, is_maker: bool) -> Decimal:
        """What a trade on `side` pays."""
        rate, extra = self.maker if is_maker else self.taker, self.buyer if side is BUY else self.seller
        return rate + extra if extra else rate


NOTHING = Rates(ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class CommissionTerms:
    """The rates of an account on a symbol; `discount` is what is left of the standard commission when it is paid in BNB."""

    standard: Rates
    special: Rates = NOTHING
    tax: Rates = NOTHING
    discount: Decimal = STANDARD_DISCOUNT
    is_discounted: bool = True
    """Whether the symbol's commissions may be paid in BNB at all."""


class Commissions:
    """Who pays what. Whatever nobody set follows `rates`; what was set is not stored."""

    def __init__(self, rates: Rates, market: Market, accounts: Accounts, book: AccountBook) -> None:
        self._usual = CommissionTerms(rates)
        self._market = market
        self._accounts = accounts
        self._book = book
        self._terms: dict[tuple[int | None, str | None], CommissionTerms] = {}

    def set(self, terms: CommissionTerms, *, account_id: int | None = None, symbol: str | None = None) -> None:
        """Ask `terms` of an account, of everybody on a symbol, of an account on a symbol, or of all. The closest description wins."""
        self._terms[(account_id, symbol)] = terms

    def terms(self, account_id: int, symbol: str | None) -> CommissionTerms:
        """What the account pays on the symbol: its own terms there, else its own, else the symbol's, else those of all."""
        own = self._terms
        if not own:
            return self._usual
        for key in ((account_id, symbol), (account_id, None), (None, symbol), (None, None)):
            found = own.get(key)
            if found is not None:
                return found
        return self._usual

    def pays_discounted(self, account_id: int) -> bool:
        """Whether the account wants to pay in BNB."""
        return self._book.of(account_id).pays_discounted

    def reckon(
        self, account_id: int, symbol: str, side: Side, received: Decimal, asset: str, time_ms: int, *, is_maker: bool
    ) -> tuple[Decimal, str]:
        """Amount and asset of the commission on a trade that brings in `received` of `asset`, asked before that is there.

        It is paid in BNB by an account that wants to and has enough of it free, else taken from what is received.
        """
        terms = self.terms(account_id, symbol) if self._terms else self._usual
        standard = commission(received, terms.standard.of(side, is_maker=is_maker))
        extra = ZERO
        if terms.special is not NOTHING or terms.tax is not NOTHING:
            extra = commission(received, terms.special.of(side, is_maker=is_maker))
            extra += commission(received, terms.tax.of(side, is_maker=is_maker))
        if self._book.of(account_id).pays_discounted and terms.is_discounted and (standard or extra):
            amount = self._in_discount_asset(times(standard, terms.discount) + extra, asset, time_ms)
            coming = received if asset == DISCOUNT_ASSET else ZERO
            if amount is not None and amount <= self._accounts.free(account_id, DISCOUNT_ASSET) + coming:
                return amount, DISCOUNT_ASSET
        return (standard + extra if extra else standard), asset

    def _in_discount_asset(self, amount: Decimal, asset: str, time_ms: int) -> Decimal | None:
        """`amount` of `asset` in BNB; None when no market says what it is worth."""
        if asset == DISCOUNT_ASSET:
            return amount.quantize(QUANTUM, ROUND_HALF_UP, _WIDE)
        direct = self._converted(amount, asset, DISCOUNT_ASSET, time_ms)
        if direct is None:
            for bridge in BRIDGES:
                on_bridge = self._converted(amount, asset, bridge, time_ms)
                if on_bridge is not None:
                    direct = self._converted(on_bridge, bridge, DISCOUNT_ASSET, time_ms)
                    if direct is not None:
                        break
        return None if direct is None else direct.quantize(QUANTUM, ROUND_HALF_UP, _WIDE)

    def _converted(self, amount: Decimal, asset: str, into: str, time_ms: int) -> Decimal | None:
        """By the last price of the one symbol or the other that the two assets make."""
        quote = self._market.quote(asset + into, time_ms) if asset + into in self._market.rules else None
        if quote is not None:
            return _WIDE.multiply(amount, quote.price)
        quote = self._market.quote(into + asset, time_ms) if into + asset in self._market.rules else None
        return _WIDE.divide(amount, quote.price) if quote is not None and quote.price else None
