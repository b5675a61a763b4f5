"""Accounts of the simulated exchange from a JSON file: key, secret and what each begins with."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from binance_trade_agent.domain.errors import ConfigurationError

MOST_ACCOUNTS = 10_000
MOST_BYTES = 16 * 1024 * 1024


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account; `secret` is an HMAC secret, or an RSA or Ed25519 key in PEM, `balances` amounts by asset, as strings."""

    key: str
    secret: str
    balances: Mapping[str, Decimal] = {}

    def __repr__(self) -> str:
        """Without the secret."""
        return f"AccountEntry({len(self.balances)} assets)"


def read_accounts(path: Path) -> list[AccountEntry]:
    """The accounts of a file, `[{"key": ..., "secret": ..., "balances": {"USDT": "1000"}}, ...]`.

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
