"""The agent: asks every rule in turn, sizes what they let pass, and holds its money back until its fate is known."""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal

from binance_trade_agent.domain.facts import RiskRefused
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.money import ZERO, plain, times, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.protection import ProtectionPlan
from binance_trade_agent.domain.risk import (
    ACCOUNT_SCOPE,
    Approved,
    EntryLock,
    ModeChange,
    Refused,
    Reservation,
    RiskDecision,
    RiskRule,
    RiskState,
    TradingMode,
    UncountedFill,
)
from binance_trade_agent.domain.risk_facts import EntriesLocked, LimitUse, RiskApproved, RiskMeasured
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.risk_management_agent.breakers import forced_changes
from binance_trade_agent.risk_management_agent.case import Case
from binance_trade_agent.risk_management_agent.commitments import Commitments, order_amount
from binance_trade_agent.risk_management_agent.correlation import CandlesOf, correlation_room, values_held
from binance_trade_agent.risk_management_agent.entry_target import entry_target
from binance_trade_agent.risk_management_agent.limit_use import limit_uses
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.locks import is_on, lock_refusal
from binance_trade_agent.risk_management_agent.market_checks import price_refusal, stale_refusal, volatility_refusal
from binance_trade_agent.risk_management_agent.memory import RiskMemory
from binance_trade_agent.risk_management_agent.modes import Modes
from binance_trade_agent.risk_management_agent.pace import OrderPace
from binance_trade_agent.risk_management_agent.protection import protection_plan
from binance_trade_agent.risk_management_agent.protective_exits import is_stop, protective_reason
from binance_trade_agent.risk_management_agent.room import Room
from binance_trade_agent.risk_management_agent.sizing import Money, Sizing
from binance_trade_agent.risk_management_agent.symbol_checks import rules_refusal


def _no_candles(_: str) -> CandleWindow | None:
    return None


class RiskManagementAgent:
    """Lets signals become orders or names the rule that stops them.

    Synchronous and serial: every approval holds its money back before the next review, so that no two spend the same money. Amounts are
    in the accounting asset; time is that of snapshots and views, there is no clock. `next_order_id` is called once per approval.
    """

    def __init__(self, limits: RiskLimits, *, next_order_id: Callable[[], str], observer: Observer | None = None) -> None:
        self._limits = limits
        self._next_order_id = next_order_id
        self._observer = observer or NullObserver()
        self._is_watched = observer is not None
        self._modes = Modes()
        self._memory = RiskMemory(limits)
        self._commitments = Commitments(limits.taker_rate)
        self._pace = OrderPace(limits)

    def restore(
        self,
        *,
        state: RiskState | None,
        modes: Mapping[str, ModeChange],
        open_orders: Sequence[JournaledOrder],
        missed: Sequence[UncountedFill] = (),
        booked: int = 0,
        loosened_ms: int = 0,
    ) -> None:
        """Go on from a book of `booked` fills, of which `state` lacks `missed`, whose account somebody last loosened at `loosened_ms`."""
        self._memory.restore(state, booked)
        self._modes.restore(modes, armed_ms=self._memory.state.armed_ms, loosened_ms=loosened_ms)
        self._commitments.restore(open_orders)
        for intent in (*(order.intent for order in open_orders), *(each.intent for each in missed)):
            self._watch_for_stop(intent)
        self._report(self._memory.count_missed(missed, self._commitments.alive))

    @property
    def state(self) -> RiskState:
        """What is remembered over passes and restarts."""
        return self._memory.state

    @property
    def state_to_keep(self) -> RiskState:
        """The state with what it has counted, as it must survive a restart; to be stored after every pass."""
        return self._memory.state_to_keep

    @property
    def reservations(self) -> Mapping[str, Reservation]:
        """Money held back for orders whose fate is not known, by client order id."""
        return self._commitments.alive

    def begin_pass(self, view: PortfolioView) -> tuple[ModeChange, ...]:
        """Mark equity and peaks, begin a new UTC day, and let breakers act.

        Returns the changes of mode that followed, already in force here; the caller journals them before anything is sent.
        """
        self._commitments.begin_pass()
        equity = view.equity
        self._memory.mark(view, equity, rearm=self._modes.take_resume())
        account = self._modes.last_change(ACCOUNT_SCOPE)
        changes = forced_changes(self._limits, self._memory.state, equity, account, view.time_ms)
        for change in changes:
            self._modes.apply(change)
        if self._is_watched:
            self._observer.observe(RiskMeasured(self._limit_uses(view), self.resting(view)))
        return changes

    def pass_over(self, equity: Decimal, prices: Mapping[str, Decimal]) -> None:
        """Passes of one day in which nothing was to be decided and no breaker could act, as one.

        `equity` was the highest of them, and `prices` the highest of each symbol that was held. Who calls this answers for that.
        """
        self._memory.pass_over(equity, prices)

    def review(
        self,
        signal: Signal,
        snapshot: MarketSnapshot,
        rules: SymbolRules | None,
        view: PortfolioView,
        *,
        correlation_id: str,
        quantity: Decimal | None = None,
        candles_of: CandlesOf = _no_candles,
    ) -> RiskDecision:
        """Approve an order for `signal`, or refuse it by the first rule that stops it.

        A position that has reached its stop-loss, take-profit or trailing stop is sold whatever the signal says. `quantity` (base)
        is a user's wish: exactly this much is bought, rounded down to the step, or nothing; at most this much is sold. `candles_of` gives
        the closed candles that the pass saw of other symbols; what is held and has none counts as moving along.
        Every refusal but HOLD is reported to the observer.
        """
        decision = self._decide(signal, snapshot, rules, view, correlation_id, quantity, candles_of)
        if isinstance(decision, Refused) and decision.rule is not RiskRule.HOLD:
            self._observer.observe(RiskRefused(snapshot.symbol, decision))
        return decision

    def rest_refusal(self, symbol: str, time_ms: int, view: PortfolioView) -> Refused | None:
        """Why nothing of `symbol` may be bought at `time_ms` whatever the market says: a pause, a lock, a cooldown, or too many orders."""
        return (
            self._streak_refusal(time_ms)
            or lock_refusal(self._limits.locks, self.state.locks, symbol, time_ms)
            or self._pace.refusal(symbol, time_ms, view)
        )

    def gate(self, intent: OrderIntent) -> Refused | None:
        """Asked right before `intent` is sent, because a halt may have come since it was approved."""
        refused = self._modes.refusal(intent.symbol, intent.purpose)
        if refused is not None:
            self._observer.observe(RiskRefused(intent.symbol, refused))
        return refused

    def release(self, client_order_id: str) -> None:
        """The order's fate is known and booked: its money is in the next pass's view. An unknown id changes nothing."""
        self._commitments.release(client_order_id)
        self._report(self._memory.note_end(client_order_id))

    def hold(self, approved: Approved) -> None:
        """Keep watch over an order that was not reviewed here, so that its fills make one win or one loss."""
        self._commitments.reserve(approved.reservation)
        self._watch_for_stop(approved.intent)

    def resting(self, view: PortfolioView) -> tuple[EntryLock, ...]:
        """Where entries rest at the time of `view`, by which rule and until when."""
        streak = self._memory.streak_pause(view.time_ms)
        locks = (lock for lock in self.state.locks if is_on(self._limits.locks, lock.rule) and view.time_ms < lock.until_ms)
        return (*self._pace.resting(view), *(() if streak is None else (streak,)), *locks)

    def protection_for(self, symbol: str, rules: SymbolRules | None, view: PortfolioView) -> ProtectionPlan | Refused | None:
        """What should protect the position in `symbol` on the exchange; None when nothing is held that could be sold."""
        position = view.positions.get(symbol)
        if position is None or position.quantity <= 0 or position.average_price <= 0:
            return None
        refused = rules_refusal(symbol, rules, view)
        if refused is not None or rules is None:
            return refused
        price = view.marks.get(symbol, position.average_price)
        limits = self._limits.of(symbol)
        if not Sizing(limits, rules, price).is_sellable(position.quantity):
            return None
        return protection_plan(limits, rules, position, self._memory.peak_price(symbol, price))

    def is_to_be_sold(self, symbol: str) -> bool:
        """True when what is held of `symbol` is sold in the next pass, as at a stop-loss: it is to be flat, or could not be protected."""
        return self._modes.reason_to_sell(symbol) is not None

    def note_fill(self, fill: Fill, realized: Decimal, time_ms: int) -> None:
        """Count the profit (quote) that a fill closed; the fills of one order are one win or one loss, when it is released."""
        is_open = fill.client_order_id in self._commitments.alive
        self._report(self._memory.note_fill(fill, realized, time_ms, order_is_open=is_open))

    def note_external(self, value: Decimal) -> None:
        """Money worth `value` was put into the account (negative: taken out); drawdowns are counted without it."""
        self._memory.note_external(value)

    def change_mode(self, scope: str, mode: TradingMode, rule: RiskRule | str, reason: str, time_ms: int) -> ModeChange:
        """Put `scope` (a symbol, or `*` for the account) into `mode`, at once; the caller journals the change that is returned.

        This does as it is told, so that a person can resume, or sell what is held after a halt; `tighten` is for failures.
        Loosening the account's mode counts drawdowns anew from the next pass on.
        """
        change = ModeChange(time_ms, scope, mode, str(rule), reason)
        self._modes.apply(change)
        return change

    def take_back(self, change: ModeChange, before: ModeChange | None) -> None:
        """`change` could not be journaled: the stricter of it and `before`, where its scope stood, holds; a resume was none."""
        self._modes.forget_resume(change)
        if before is not None:
            self.tighten(change.scope, before.mode, before.rule, before.reason, before.time_ms)

    def tighten(self, scope: str, mode: TradingMode, rule: RiskRule | str, reason: str, time_ms: int) -> ModeChange | None:
        """Like `change_mode`, but only towards the stricter; None when `scope` is as strict already."""
        if mode.severity <= self._modes.mode_of(scope).severity:
            return None
        return self.change_mode(scope, mode, rule, reason, time_ms)

    def only_sell(self, symbols: Collection[str]) -> None:
        """From now on buy nothing of `symbols`, which are not chosen any more; what is held of them is sold as ever."""
        self._modes.only_sell(symbols)

    @property
    def modes(self) -> Mapping[str, ModeChange]:
        """The change that the account (`*`) and each symbol stand at, as in force."""
        return self._modes.changes

    def mode_for(self, symbol: str) -> TradingMode:
        """The stricter of the modes of the account and of `symbol`."""
        return self._modes.mode_for(symbol)

    def _limit_uses(self, view: PortfolioView) -> tuple[LimitUse, ...]:
        committed, recent = self._commitments.amount(view), self._pace.recent(view.time_ms)
        return limit_uses(self._limits, self._memory.state, view, committed=committed, recent_orders=recent)

    def _watch_for_stop(self, intent: OrderIntent | None) -> None:
        if intent is not None and is_stop(intent):
            self._memory.expect_stop(intent.client_order_id)

    def _report(self, locks: tuple[EntryLock, ...]) -> None:
        for lock in locks:
            self._observer.observe(EntriesLocked(lock))

    # -- review, step by step ------------------------------------------------------------------------------------------------

    def _decide(
        self,
        signal: Signal,
        snapshot: MarketSnapshot,
        rules: SymbolRules | None,
        view: PortfolioView,
        correlation_id: str,
        quantity: Decimal | None,
        candles_of: CandlesOf,
    ) -> RiskDecision:
        protective = self._protective_reason(snapshot, rules, view)
        if protective is None and signal.action is Action.HOLD:
            return Refused(RiskRule.HOLD, signal.reason)
        is_exit = protective is not None or signal.action is Action.SELL
        purpose = Purpose.EXIT if is_exit else Purpose.ENTRY
        refused = (
            self._modes.refusal(snapshot.symbol, purpose)
            or self._unsettled_refusal(snapshot.symbol, view)
            or price_refusal(snapshot)
            or rules_refusal(snapshot.symbol, rules, view)
        )
        if refused is not None or rules is None:
            return refused or Refused(RiskRule.NO_RULES, f"the trading rules of {snapshot.symbol} are not known")
        case = Case(
            signal=signal,
            snapshot=snapshot,
            rules=rules,
            view=view,
            limits=self._limits.of(snapshot.symbol),
            purpose=purpose,
            reason=protective or signal.reason,
            is_protective=protective is not None,
            quantity=None if protective is not None else quantity,
            candles_of=candles_of,
        )
        return self._judge(case, correlation_id)

    def _judge(self, case: Case, correlation_id: str) -> RiskDecision:
        refused = (None if case.is_protective else self._signal_refusal(case)) or (
            self._entry_refusal(case) if case.purpose is Purpose.ENTRY else None
        )
        if refused is not None:
            return refused
        sized = self._entry_quantity(case) if case.purpose is Purpose.ENTRY else self._exit_quantity(case)
        return sized if isinstance(sized, Refused) else self._approve(case, sized, correlation_id)

    def _protective_reason(self, snapshot: MarketSnapshot, rules: SymbolRules | None, view: PortfolioView) -> str | None:
        position = view.positions.get(snapshot.symbol)
        if position is None or not (snapshot.price.is_finite() and snapshot.price > 0):
            return None
        limits = self._limits.of(snapshot.symbol)
        reason = self._modes.reason_to_sell(snapshot.symbol) if position.quantity > 0 else None
        if reason is None:
            peak = self._memory.peak_price(snapshot.symbol, snapshot.price)
            reason = protective_reason(limits, position, snapshot.price, peak)
        # Asked last, because it takes longest, and mostly there is no reason.
        if reason is None or rules is None or Sizing(limits, rules, snapshot.price).is_sellable(position.quantity):
            return reason
        return None

    def _unsettled_refusal(self, symbol: str, view: PortfolioView) -> Refused | None:
        order_id = self._commitments.unsettled_order(symbol, view)
        if order_id is None:
            return None
        return Refused(RiskRule.UNSETTLED_ORDER, f"what became of order {order_id} is not in the book yet")

    def _signal_refusal(self, case: Case) -> Refused | None:
        """Whether the strategy's word is good enough to act on."""
        stale = stale_refusal(case.limits, case.snapshot)
        if stale is not None:
            return stale
        if case.signal.confidence < case.limits.min_confidence:
            figures = f"{case.signal.confidence:.2f}, and the least is {plain(case.limits.min_confidence)}"
            return Refused(RiskRule.LOW_CONFIDENCE, f"the confidence of {case.signal.strategy} is {figures}")
        newest = case.snapshot.candles.newest if case.share < 1 else None
        return self._pace.share_refusal(case.symbol, newest.close_time_ms + 1, case.view) if newest else None

    def _entry_refusal(self, case: Case) -> Refused | None:
        """Rules that ration buying; selling is never rationed."""
        return volatility_refusal(case.limits, case.snapshot) or self.rest_refusal(case.symbol, case.snapshot.time_ms, case.view)

    def _streak_refusal(self, time_ms: int) -> Refused | None:
        pause = self._memory.streak_pause(time_ms)
        return None if pause is None else Refused(pause.rule, f"{pause.reason}; entries pause for {lasting(pause.until_ms - time_ms)} more")

    def _entry_quantity(self, case: Case) -> Decimal | Refused:
        sizing, view = case.sizing, case.view
        if case.held < 0 and not sizing.is_dust(-case.held):
            text = f"{plain(-case.held)} {case.rules.base_asset} more were sold by somebody else than this book had bought"
            return Refused(RiskRule.POSITION_LIMIT, f"{text}; it is bought again when that is made up for")
        target = entry_target(case.limits, case.snapshot, view.equity, self.state.closed) if case.quantity is None else None
        if isinstance(target, Refused):
            return target
        money = Money(
            equity=view.equity,
            cash=view.cash,
            exposure=total(value for value in view.values.values() if value > 0),
            correlated=self._correlation_room(case),
            committed=self._commitments.amount(view),
            held_value=times(max(case.held, ZERO), case.snapshot.price),
        )
        quantity = sizing.entry(money, case.quantity, case.share, target)
        if isinstance(quantity, Decimal) and not sizing.is_sellable(case.held):
            self._memory.restart_peak(case.symbol, case.snapshot.price)
        return quantity

    def _correlation_room(self, case: Case) -> Room | None:
        if self._limits.max_correlated_exposure == 1:
            return None
        view = case.view
        values = {**view.values, case.symbol: times(case.held, case.snapshot.price)}
        held = values_held(values, self._commitments.amounts(view))
        return correlation_room(self._limits, case.snapshot.candles, case.candles_of, equity=view.equity, held=held)

    def _exit_quantity(self, case: Case) -> Decimal | Refused:
        if case.held <= 0:
            return Refused(RiskRule.NO_POSITION, f"no {case.rules.base_asset} is held")
        sizing = case.sizing
        if sizing.is_dust(case.held):
            return Refused(RiskRule.NO_POSITION, f"the {plain(case.held)} {case.rules.base_asset} held are less than one step")
        wanted = times(case.held, case.share) if case.quantity is None else case.quantity
        return sizing.exit(case.held, wanted)

    def _approve(self, case: Case, quantity: Decimal, correlation_id: str) -> Approved:
        price, is_entry = case.snapshot.price, case.purpose is Purpose.ENTRY
        intent = OrderIntent(
            client_order_id=self._next_order_id(),
            symbol=case.symbol,
            side=Side.BUY if is_entry else Side.SELL,
            type=OrderType.MARKET,
            quantity=quantity,
            reference_price=price,
            purpose=case.purpose,
            created_ms=case.snapshot.time_ms,
            correlation_id=correlation_id,
            reason=case.reason,
        )
        amount = order_amount(quantity, price, self._limits.taker_rate) if is_entry else ZERO
        reservation = Reservation(intent.client_order_id, case.symbol, amount)
        self._commitments.reserve(reservation)
        self._watch_for_stop(intent)
        self._pace.note_order(case.symbol, case.snapshot.time_ms)
        self._observer.observe(RiskApproved(intent, case.snapshot.time_ms - case.snapshot.price_age_ms))
        return Approved(intent, reservation)
