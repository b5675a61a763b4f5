"""Free and locked balances of every account, exact, never negative."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import BookMismatchError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.changes import ChangeSet


class Accounts:
    """Balances by account id and asset. Every movement is noted in the engine's change set."""

    def __init__(self, changes: ChangeSet) -> None:
        self._changes = changes
        self._balances: dict[int, dict[str, Balance]] = {}

    def restore(self, account_id: int, balances: Iterable[Balance]) -> None:
        """Take over what the store holds."""
        self._balances[account_id] = {balance.asset: balance for balance in balances}

    def balances(self, account_id: int) -> Mapping[str, Balance]:
        """The account's balances by asset, as they are now; assets it never held are missing."""
        return dict(self._balances[account_id])

    def free(self, account_id: int, asset: str) -> Decimal:
        """What the account may spend or lock."""
        balance = self._balances[account_id].get(asset)
        return balance.free if balance else ZERO

    def held(self, account_id: int, asset: str) -> Decimal:
        """What the account has, free and locked."""
        balance = self._balances[account_id].get(asset)
        return balance.total if balance else ZERO

    def credit(self, account_id: int, asset: str, amount: Decimal) -> None:
        """Add `amount` to the free balance."""
        self.move(account_id, asset, amount, ZERO)

    def pay(self, account_id: int, asset: str, amount: Decimal) -> None:
        """Take `amount` from the free balance."""
        self.move(account_id, asset, -amount, ZERO)

    def lock(self, account_id: int, asset: str, amount: Decimal) -> bool:
        """Tie up `amount` of the free balance; False when there is not as much."""
        held = self._balances[account_id]
        before = held.get(asset)
        if before is None:
            return False
        free = before.free
        if amount > free:
            return False
        self._changes.balances[(account_id, asset)] = held[asset] = Balance(asset, free - amount, before.locked + amount)
        return True

    def move(self, account_id: int, asset: str, free: Decimal, locked: Decimal) -> None:
        """Add to the free and to the locked balance, or take from them what is negative; BookMismatchError when one would be."""
        held = self._balances[account_id]
        before = held.get(asset)
        if before is not None:
            free += before.free
            locked = before.locked + locked if locked else before.locked
        if free < ZERO or locked < ZERO:
            raise BookMismatchError(f"account {account_id} would hold a negative amount of {asset}")
        self._changes.balances[(account_id, asset)] = held[asset] = Balance(asset, free, locked)
