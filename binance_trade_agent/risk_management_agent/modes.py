"""Modes: what may be sent, for the account and for each symbol; the stricter of the two holds, and what is only sold is never bought."""

from collections.abc import Collection, Mapping

from binance_trade_agent.domain.order import Purpose
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, Refused, RiskRule, TradingMode


class Modes:
    """The newest change of mode per scope; a scope without one is ACTIVE. Holds at most one entry per symbol and one for the account."""

    def __init__(self) -> None:
        self._changes: dict[str, ModeChange] = {}
        self._only_sold: frozenset[str] = frozenset()
        self._resumed: ModeChange | None = None

    def only_sell(self, symbols: Collection[str]) -> None:
        """Refuse entries of `symbols`, and of no others for that reason; no mode is changed, so that an operator's word stays his."""
        self._only_sold = frozenset(symbols)

    def restore(self, changes: Mapping[str, ModeChange], *, armed_ms: int, loosened_ms: int) -> None:
        """Take over what the journal holds.

        Drawdowns were last counted anew at `armed_ms`, 0 when that is not known. When somebody loosened the account's mode after that,
        at `loosened_ms`, the process that it was told did not live to count them anew.
        """
        self._changes = dict(changes)
        self._resumed = changes.get(ACCOUNT_SCOPE) if 0 < armed_ms < loosened_ms else None

    def apply(self, change: ModeChange) -> None:
        """Put `change` in force."""
        if change.scope == ACCOUNT_SCOPE and change.loosens(self.mode_of(ACCOUNT_SCOPE)):
            self._resumed = change
        self._changes[change.scope] = change

    def take_resume(self) -> bool:
        """Whether somebody resumed the account since this was asked last, or let a halted one sell; then drawdowns are counted anew."""
        resumed, self._resumed = self._resumed, None
        return resumed is not None

    def forget_resume(self, change: ModeChange) -> None:
        """`change` is not to stay; if it loosened the account's mode, nobody has."""
        if self._resumed is change:
            self._resumed = None

    @property
    def changes(self) -> Mapping[str, ModeChange]:
        """The newest change of each scope that has had one."""
        return dict(self._changes)

    def last_change(self, scope: str) -> ModeChange | None:
        """The change that `scope` stands at, None when there never was one."""
        return self._changes.get(scope)

    def mode_of(self, scope: str) -> TradingMode:
        """The mode of `scope` alone."""
        change = self._changes.get(scope)
        return change.mode if change else TradingMode.ACTIVE

    def mode_for(self, symbol: str) -> TradingMode:
        """The stricter of the modes of the account and of `symbol`."""
        if not self._changes:
            return TradingMode.ACTIVE
        account, own = self.mode_of(ACCOUNT_SCOPE), self.mode_of(symbol)
        return account if account is own or account.severity >= own.severity else own

    def reason_to_sell(self, symbol: str) -> str | None:
        """Why all of `symbol` is to be sold: somebody wants it or the account flat, or what should protect it was given up.

        The record of the mode is the record of that. A halt of the account or of the symbol keeps what is held.
        """
        if self.mode_for(symbol) is not TradingMode.REDUCING:
            return None
        changes = (self._changes.get(scope) for scope in (ACCOUNT_SCOPE, symbol))
        return next((change.reason for change in changes if change is not None and _is_sale(change)), None)

    def refusal(self, symbol: str, purpose: Purpose) -> Refused | None:
        """HALTED sends nothing, REDUCING and a symbol that is only sold send exits only."""
        mode = self.mode_for(symbol)
        if mode is TradingMode.HALTED:
            return Refused(RiskRule.HALTED, f"trading is halted: {self._why(symbol, mode)}")
        if mode is TradingMode.REDUCING and purpose is Purpose.ENTRY:
            return Refused(RiskRule.REDUCING, f"only exits are sent: {self._why(symbol, mode)}")
        if purpose is Purpose.ENTRY and symbol in self._only_sold:
            return Refused(RiskRule.NOT_CHOSEN, f"{symbol} is not chosen any more; what is held of it is only sold")
        return None

    def _why(self, symbol: str, mode: TradingMode) -> str:
        changes = (self._changes.get(scope) for scope in (ACCOUNT_SCOPE, symbol))
        return "; ".join(f"{change.rule} ({change.reason})" for change in changes if change is not None and change.mode is mode)


def _is_sale(change: ModeChange) -> bool:
    return change.mode is TradingMode.REDUCING and change.rule in {RiskRule.FLATTEN, RiskRule.UNPROTECTED}
