"""Locks: entries that rest for a while after closing orders went badly, and end by themselves.

All of it follows from the rules, the closing orders and the equity that the day began with. Locks come about only when a closing order
ends, so that nothing depends on how often somebody looks.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.money import ZERO, plus, ratio, times, total
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ClosedOrder, EntryLock, Refused, RiskRule
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.lock_rules import LockRules


def locks_by(rules: LockRules, closed: Sequence[ClosedOrder], day_start_equity: Decimal) -> tuple[EntryLock, ...]:
    """The locks that the newest of `closed` (oldest first, at least one) brings about."""
    locks = (_stop_guard(rules, closed), _low_profit(rules, closed), _drawdown(rules, closed, day_start_equity))
    return tuple(lock for lock in locks if lock is not None)


def with_locks(locks: Iterable[EntryLock], new: Iterable[EntryLock]) -> tuple[EntryLock, ...]:
    """`locks` and `new` together; of one rule and scope the one that lasts longer."""
    kept = {(lock.rule, lock.scope): lock for lock in locks}
    for lock in new:
        known = kept.get((lock.rule, lock.scope))
        if known is None or lock.until_ms > known.until_ms:
            kept[lock.rule, lock.scope] = lock
    return tuple(kept.values())


def without_ended(locks: Sequence[EntryLock], time_ms: int) -> tuple[EntryLock, ...]:
    """Those of `locks` that hold at `time_ms`."""
    return tuple(lock for lock in locks if time_ms < lock.until_ms)


def lock_refusal(rules: LockRules, locks: Iterable[EntryLock], symbol: str, time_ms: int) -> Refused | None:
    """Why `symbol` may not be bought at `time_ms`, None when it may. A rule that was turned off since locks nothing more."""
    for lock in locks:
        if lock.scope in {ACCOUNT_SCOPE, symbol} and time_ms < lock.until_ms and is_on(rules, lock.rule):
            return Refused(lock.rule, f"{lock.reason}; entries pause for {lasting(lock.until_ms - time_ms)} more")
    return None


def is_on(rules: LockRules, rule: RiskRule) -> bool:
    """True when `rule` locks anything at all."""
    switches = {
        RiskRule.STOP_GUARD: rules.stop_guard_stops > 0,
        RiskRule.LOW_PROFIT: rules.low_profit_orders > 0,
        RiskRule.DRAWDOWN_LOCK: rules.drawdown > 0,
    }
    return switches.get(rule, False)


def _stop_guard(rules: LockRules, closed: Sequence[ClosedOrder]) -> EntryLock | None:
    newest = closed[-1]
    if not rules.stop_guard_stops or not _is_stop_loss(newest):
        return None
    scope = ACCOUNT_SCOPE if rules.stop_guard_of_account else newest.symbol
    stops = sum(_is_stop_loss(each) for each in _within(closed, rules.stop_guard_window_ms) if scope in {ACCOUNT_SCOPE, each.symbol})
    if stops < rules.stop_guard_stops:
        return None
    whose = "all symbols" if rules.stop_guard_of_account else newest.symbol
    happened = f"{counted(stops, 'stop-loss', 'stop-losses')} of {whose} within {lasting(rules.stop_guard_window_ms)}"
    reason = f"{happened}, and the limit is {rules.stop_guard_stops}"
    return _lock(RiskRule.STOP_GUARD, scope, newest, rules.stop_guard_pause_ms, reason)


def _low_profit(rules: LockRules, closed: Sequence[ClosedOrder]) -> EntryLock | None:
    newest = closed[-1]
    if not rules.low_profit_orders:
        return None
    own = [each for each in _within(closed, rules.low_profit_window_ms) if each.symbol == newest.symbol]
    gained = total(each.gain for each in own)
    if len(own) < rules.low_profit_orders or gained >= rules.low_profit_least:
        return None
    figures = f"gained {percent(gained)} together, and the least is {percent(rules.low_profit_least)}"
    reason = f"{counted(len(own), 'closing order')} of {newest.symbol} within {lasting(rules.low_profit_window_ms)} {figures}"
    return _lock(RiskRule.LOW_PROFIT, newest.symbol, newest, rules.low_profit_pause_ms, reason)


def _drawdown(rules: LockRules, closed: Sequence[ClosedOrder], day_start_equity: Decimal) -> EntryLock | None:
    if not rules.drawdown or day_start_equity <= 0:
        return None
    realized = highest = ZERO
    for each in _within(closed, rules.drawdown_window_ms):
        realized = plus(realized, each.realized)
        highest = max(highest, realized)
    fall = plus(highest, -realized)
    if fall < times(rules.drawdown, day_start_equity):
        return None
    share = f"{percent(ratio(fall, day_start_equity))} of the day's first equity {amount(day_start_equity)}"
    reason = f"closing orders within {lasting(rules.drawdown_window_ms)} lost {amount(fall)} from their best, {share}"
    limit = f"and the limit is {percent(rules.drawdown)}"
    return _lock(RiskRule.DRAWDOWN_LOCK, ACCOUNT_SCOPE, closed[-1], rules.drawdown_pause_ms, f"{reason}, {limit}")


def _within(closed: Sequence[ClosedOrder], window_ms: int) -> list[ClosedOrder]:
    since_ms = closed[-1].time_ms - window_ms
    return [each for each in closed if each.time_ms > since_ms]


def _is_stop_loss(closed: ClosedOrder) -> bool:
    return closed.by_stop and closed.realized < 0


def _lock(rule: RiskRule, scope: str, newest: ClosedOrder, pause_ms: int, reason: str) -> EntryLock:
    return EntryLock(rule, scope, newest.time_ms, newest.time_ms + pause_ms, reason)
