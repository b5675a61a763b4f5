"""Accounts of the simulated exchange from a JSON file: key, secret, what each begins with, and its terms."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import msgspec

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.amounts import floor_amount
from binance_trade_agent.simulation.engine.commissions import CommissionTerms, Rates
from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP
from binance_trade_agent.simulation.exchange import SimulatedExchange

MOST_ACCOUNTS = 10_000
MOST_BYTES = 16 * 1024 * 1024


class CommissionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Standard commission rates of an account on every symbol, fractions as strings: "0.001" is a tenth of a percent."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal = ZERO
    seller: Decimal = ZERO

    def __post_init__(self) -> None:
        """Raise ValueError for a rate that is none."""
        if not all(
            rate.is_finite() and 0 <= rate < 1 and floor_amount(rate) == rate for rate in (self.maker, self.taker, self.buyer, self.seller)
        ):
            raise ValueError("a commission rate is a fraction from 0 to below 1 with at most eight decimals")


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account; `secret` is an HMAC secret, or an RSA or Ed25519 key in PEM, `balances` amounts by asset, as strings.

    With `pays_in_bnb` its commissions are paid in BNB while it has enough; `asset_limits` are its MAX_ASSET filters, by asset.
    Accounts of one `trade_group` do not trade with each other unless an order asks for that.
    """

    key: str
    secret: str
    balances: Mapping[str, Decimal] = {}
    commission: CommissionEntry | None = None
    pays_in_bnb: bool = False
    permissions: frozenset[str] = frozenset({"SPOT"})
    asset_limits: Mapping[str, Decimal] = {}
    trade_group: int = NO_TRADE_GROUP

    def __post_init__(self) -> None:
        """Raise ValueError for an asset, an amount or a group that is none."""
        for asset in (*self.balances, *self.asset_limits):
            if not (asset.isalnum() and asset == asset.upper()):
                raise ValueError("an asset is named by upper-case letters and digits, such as USDT")
        if not all(amount.is_finite() for amount in self.balances.values()):
            raise ValueError("a balance is an amount such as 1000.5")
        if not all(limit.is_finite() and limit > 0 for limit in self.asset_limits.values()):
            raise ValueError("an asset limit is an amount above 0")
        if self.trade_group < NO_TRADE_GROUP:
            raise ValueError(f"a trade group is a number from 0 on; {NO_TRADE_GROUP} is none")

    def __repr__(self) -> str:
        """Without the secret."""
        return f"AccountEntry({len(self.balances)} assets)"

    def open_on(self, exchange: SimulatedExchange) -> None:
        """Open the account on its terms. Raises ConfigurationError, BookError."""
        exchange.open_account(self.key, self.secret, self.balances)
        exchange.set_account_terms(
            self.key,
            AccountTerms(
                permissions=self.permissions,
                pays_discounted=self.pays_in_bnb,
                trade_group=self.trade_group,
                asset_limits=MappingProxyType(dict(self.asset_limits)),
            ),
        )
        if self.commission is not None:
            rates = self.commission
            exchange.set_commission(CommissionTerms(Rates(rates.maker, rates.taker, rates.buyer, rates.seller)), api_key=self.key)


def read_accounts(path: Path) -> list[AccountEntry]:
    """The accounts of a file, `[{"key": ..., "secret": ..., "balances": {"USDT": "1000"}}, ...]`, and what else AccountEntry has.

    Raises ConfigurationError, which names the field and quotes no value of the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"--accounts {path} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"--accounts {path} has more than {MOST_BYTES} bytes")
    try:
        entries = msgspec.json.decode(content, type=list[AccountEntry])
    except msgspec.MsgspecError as error:
        shape = '[{"key": "...", "secret": "...", "balances": {"USDT": "1000"}}]'
        raise ConfigurationError(f"--accounts {path} is not {shape}: {error}") from None
    if not 1 <= len(entries) <= MOST_ACCOUNTS:
        raise ConfigurationError(f"--accounts {path} holds {len(entries)} accounts; 1 to {MOST_ACCOUNTS} are possible")
    if len({entry.key for entry in entries}) < len(entries):
        raise ConfigurationError(f"--accounts {path} holds one key twice")
    return entries
