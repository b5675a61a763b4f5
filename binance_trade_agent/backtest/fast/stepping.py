"""Stepping: the passes of a backtest, of which only those are walked in which something can happen.

A pass can be left out when no strategy speaks that could lead to an order, nothing held has reached a level, no day begins, and no breaker
can act. Everything else is walked as the orchestrator walks it: marks, breakers, reviews one symbol after the other, orders, bookings.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from binance_trade_agent.backtest.fast.days import Days
from binance_trade_agent.backtest.fast.equity import EquityRecord
from binance_trade_agent.backtest.fast.exchange_box import ExchangeBox
from binance_trade_agent.backtest.fast.hopeless_entries import UNDECIDED, WILD, HopelessEntries
from binance_trade_agent.backtest.fast.levels import Levels
from binance_trade_agent.backtest.fast.quiet_passes import QuietPasses
from binance_trade_agent.backtest.fast.running_book import RunningBook
from binance_trade_agent.backtest.fast.silent_refusals import silent_refusals
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.candle_columns import IntColumn
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Approved, Refused, RiskDecision, RiskRule, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.domain.utc_text import utc_second
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.risk_management_agent.sizing import Sizing
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.over_history import BUY, CODES, HOLD, SELL

Progress = Callable[[int], None]
"""Told now and then, with the market time (ms UTC) that a backtest has reached."""


@dataclass(slots=True)
class _Lane:
    """One symbol while the passes are walked. `speaks` and `sells` number the passes at which its strategy does not hold, and sells.

    `buys` those at which it buys, and `turnings` where among them the market checks begin to say otherwise. `levels` is None while less
    than one step is held; `turns` are the passes from which that is otherwise. `next` is the first pass to come in which it could lead to
    an order. `is_whole` while its strategy has never meant less than all. `asked` are the passes in which risk was asked about it.
    """

    symbol: str
    track: Track
    rules: SymbolRules
    limits: RiskLimits
    speaks: Sequence[int]
    sells: Sequence[int]
    buys: Sequence[int]
    turnings: Sequence[int]
    entries: HopelessEntries
    levels: Levels | None = None
    is_whole: bool = True
    next: int = 0
    turns: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)


class _Refused(NamedTuple):
    """Purchases of one symbol that are certain to be refused by `rule`: those in `lane.buys[first:end]`."""

    lane: _Lane
    first: int
    end: int
    rule: RiskRule


@dataclass(frozen=True, slots=True)
class Stations:
    """Who decides, and who carries out."""

    signals: SignalAgent
    risk: RiskManagementAgent
    box: ExchangeBox
    book: RunningBook


class Stepping:
    """Walks the passes at `times_ms`. `refusals` counts what risk refused in reviews, `walked` how many passes were walked.

    `mode_line` are the account's modes, each with the first pass that it holds for.
    """

    def __init__(self, times_ms: IntColumn, tracks: Mapping[str, Track], limits: RiskLimits, stations: Stations) -> None:
        self.times_ms = times_ms
        self.tracks = tracks
        self.stations = stations
        self.refusals: Counter[RiskRule] = Counter()
        self.walked = 0
        self.mode_line: list[tuple[int, TradingMode]] = [(0, TradingMode.ACTIVE)]
        rules = stations.box.rules
        self._lanes = [_lane(track, rules[symbol], limits) for symbol, track in tracks.items()]
        self._days = Days(times_ms, tracks)
        self._quiet = QuietPasses(tracks, self._days, limits, stations.risk)
        self._quiet.take(stations.book, ())
        self._certain: list[_Refused] = []
        self._view = stations.book.view(0, {})
        self.equity = EquityRecord(stations.book)

    def all_refusals(self) -> Counter[RiskRule]:
        """What risk refused, also where it was not asked because that was certain."""
        found = Counter(self.refusals)
        for lane in self._lanes:
            found += silent_refusals(lane.track, lane.limits, self.stations.signals, lane.turns, lane.levels, self.mode_line, lane.asked)
        return found

    def walk(self, progress: Progress | None = None) -> None:
        """Walk every pass that has to be; raises StrategyError."""
        first, end = 0, len(self.times_ms)
        for lane in self._lanes:
            self._aim(lane, 0)
        while True:
            number = self._next(first)
            loud = self._quiet.first_loud(first, number, self.stations.book)
            self._settle(loud)
            if loud >= end:
                return
            self._step(loud)
            first = loud + 1
            if progress is not None:
                progress(int(self.times_ms[loud]))

    # -- which pass is next ---------------------------------------------------------------------------------------------------------

    def _next(self, first: int) -> int:
        """The pass from `first` on that has to be walked, unless a breaker may act before; what is certain to be refused is looked past."""
        day = self._days.first_from(first)
        while True:
            number = min([day, *[lane.next for lane in self._lanes]])
            if number >= day:
                return day
            due = [lane for lane in self._lanes if lane.next == number]
            if not all(self._look_past_refusals(lane, number, day) for lane in due):
                return number

    def _look_past_refusals(self, lane: _Lane, number: int, until: int) -> bool:
        """Look past what the symbol would buy from pass `number` on, and before `until`, as far as it is certain to be refused.

        False where what it would do in pass `number` is not.
        """
        until = self._first_way_out(lane, number, until)
        if until == number or lane.entries.market.item(number) == UNDECIDED:
            return False
        rule = self._refusal_of_the_moment(lane, number)
        lasts = rule is RiskRule.VOLATILITY
        if rule is None and lane.is_whole:
            rule = self._refusal_of_the_day(lane, number)
            lasts = rule is not None
            rule = rule or self._refusal_by_money(lane, number)
        if rule is None:
            return False
        first = bisect_left(lane.buys, number)
        end = min(bisect_left(lane.buys, until), _first_from(lane.turnings, first + 1, len(lane.buys))) if lasts else first + 1
        self._certain.append(_Refused(lane, first, end, rule))
        self._look_past(lane, lane.buys[end - 1])
        return True

    def _first_way_out(self, lane: _Lane, number: int, until: int) -> int:
        """The first pass from `number` on, and before `until`, in which what is held of the symbol may be sold; else `until`."""
        if lane.levels is None:
            return until
        spoken = min(_first_from(lane.sells, number, until), until)
        reached = lane.levels.reached_by(spoken)
        return spoken if reached is None else reached

    def _settle(self, number: int) -> None:
        """Count what was refused before pass `number`, which may change everything; the rest is still to come."""
        for lane, first, end, rule in self._certain:
            due = bisect_left(lane.buys, number, first, end)
            self.refusals[rule] += due - first
            if due < end:
                lane.next = min(lane.next, lane.buys[due])
        self._certain.clear()

    def _certain_refusal(self, lane: _Lane, number: int, committed: float) -> RiskRule | None:
        """The rule that is certain to stop the one thing that the symbol could do in this pass, to buy; None where it is not certain.

        `committed` is what was approved before in the same pass, in quote.
        """
        if lane.entries.market.item(number) == UNDECIDED or (lane.levels is not None and lane.levels.may_be_reached(number)):
            return None
        return self._refusal_of_the_moment(lane, number) or (self._refusal_by_money(lane, number, committed) if lane.is_whole else None)

    def _refusal_of_the_moment(self, lane: _Lane, number: int) -> RiskRule | None:
        """What stands against a purchase in this pass whatever money there is. What does not rest now does not begin to without a trade."""
        if lane.entries.market.item(number) == WILD:
            return RiskRule.VOLATILITY
        resting = self.stations.risk.rest_refusal(lane.symbol, self.times_ms.item(number), self._view)
        return None if resting is None else resting.rule

    def _refusal_by_money(self, lane: _Lane, number: int, committed: float = 0.0) -> RiskRule | None:
        exposure, cash = self._quiet.money_at(number)
        return lane.entries.rule(number, self._held(lane), exposure, cash, committed)

    def _refusal_of_the_day(self, lane: _Lane, number: int) -> RiskRule | None:
        """The limit that is certain to stop every purchase of the symbol for the rest of the day, unless somebody trades."""
        day = self._days.of(number)
        return lane.entries.rule_within(self._days.prices(lane.symbol, day), self._held(lane), self._quiet.money_of_day(day))

    def _held(self, lane: _Lane) -> float:
        held = self.stations.book.positions.get(lane.symbol)
        return 0.0 if held is None else float(held.quantity)

    def _aim(self, lane: _Lane, number: int) -> None:
        """Find the first pass from `number` on in which the symbol could lead to an order."""
        mode, end = self.stations.risk.mode_for(lane.symbol), len(self.times_ms)
        if mode is TradingMode.HALTED:
            lane.next = end
        elif lane.levels is None:
            lane.next = _first_from(lane.buys, number, end) if mode is TradingMode.ACTIVE else end
        else:
            spoken = _first_from(lane.speaks if mode is TradingMode.ACTIVE else lane.sells, number, end)
            reached = lane.levels.reached_by(spoken)
            lane.next = spoken if reached is None else reached

    # -- a pass ---------------------------------------------------------------------------------------------------------------------

    def _step(self, number: int) -> None:
        self.walked += 1
        book, risk, time_ms = self.stations.book, self.stations.risk, self.times_ms.item(number)
        self._view = view = book.view(
            time_ms, {symbol: self.tracks[symbol].price(number) for symbol, held in book.positions.items() if held.quantity}
        )
        changes = risk.begin_pass(view)
        if changes:
            book.take_modes(changes)
            self.mode_line.append((number, risk.mode_for(ACCOUNT_SCOPE)))
            for lane in self._lanes:
                self._aim(lane, number)
        traded = self._carry_out(self._approved(number, view, as_foreseen=not changes), time_ms)
        if traded:
            self._quiet.take(book, traded)
            self.equity.take(number, book, traded)
        self._look_on(traded, number)

    def _approved(self, number: int, view: PortfolioView, *, as_foreseen: bool) -> list[Approved]:
        """What risk approves in pass `number`, one symbol after the other.

        Where several are due, one may be sure to be refused; that is looked for while the modes are those that the pass was found in.
        """
        approved: list[Approved] = []
        due = [lane for lane in self._lanes if lane.next == number]
        for lane in due:
            if as_foreseen and len(due) > 1:
                committed = float(sum(each.reservation.quote_amount for each in approved))
                rule = self._certain_refusal(lane, number, committed)
                if rule is not None:
                    self.refusals[rule] += 1
                    continue
            decision = self._review(lane, number, view)
            if isinstance(decision, Approved):
                approved.append(decision)
        return approved

    def _look_on(self, traded: Sequence[str], number: int) -> None:
        """After pass `number`: new levels for what was traded, and the next pass of each symbol that this one was for."""
        for lane in self._lanes:
            if lane.symbol in traded:
                self._take_levels(lane, number)
                self._aim(lane, number + 1)
            elif lane.next <= number:
                self._look_past(lane, number)

    def _look_past(self, lane: _Lane, number: int) -> None:
        """Nothing came of pass `number` for the symbol: the next one."""
        if lane.levels is not None and lane.levels.looked_to == number:
            lane.levels.pass_by(number)
        self._aim(lane, number + 1)

    def _take_levels(self, lane: _Lane, number: int) -> None:
        book, price = self.stations.book, lane.track.price(number)
        position = book.positions[lane.symbol]
        was_open = lane.levels is not None
        lane.levels = None
        if not Sizing(lane.limits, lane.rules, price).is_dust(position.quantity):
            peak = max(self.stations.risk.state.peak_prices.get(lane.symbol, price), price)
            lane.levels = Levels.of(lane.track, lane.limits, position.average_price, peak, number + 1)
        if was_open is not (lane.levels is not None):
            lane.turns.append(number + 1)

    def _review(self, lane: _Lane, number: int, view: PortfolioView) -> RiskDecision:
        lane.asked.append(number)
        snapshot = lane.track.snapshot(number)
        signal = self._signal(lane, number, snapshot)
        correlation_id = f"{view.time_ms:x}-{number + 1}"
        decision = self.stations.risk.review(
            signal, snapshot, lane.rules, view, correlation_id=correlation_id, candles_of=partial(self._candles_of, number)
        )
        if isinstance(decision, Refused) and decision.rule is not RiskRule.HOLD:
            self.refusals[decision.rule] += 1
        return decision

    def _candles_of(self, number: int, symbol: str) -> CandleWindow | None:
        """What pass `number` saw of a symbol, as the orchestrator has it at hand."""
        track = self.tracks.get(symbol)
        return None if track is None else track.snapshot(number).candles

    def _signal(self, lane: _Lane, number: int, snapshot: MarketSnapshot) -> Signal:
        """What the strategy says live; where it holds, only a level can lead to an order, which asks nothing of it."""
        action = lane.track.actions.item(number)
        if action == HOLD:
            name = self.stations.signals.strategy_for(lane.symbol).name
            return Signal(lane.symbol, snapshot.time_ms, name, Action.HOLD, 0.0, "")
        signal = self.stations.signals.decide(snapshot)
        lane.is_whole = lane.is_whole and signal.fraction == 1
        if CODES[signal.action] != action:
            said = next(word for word, code in CODES.items() if code == action)
            when = utc_second(snapshot.time_ms)
            raise StrategyError(f"strategy {signal.strategy}: {signal.action} of {lane.symbol} at {when} UTC, but {said} over history")
        return signal

    def _carry_out(self, approved: Sequence[Approved], time_ms: int) -> Sequence[str]:
        """Place what was approved, in that order, and tell risk; returns the symbols that traded, in that order too."""
        risk, traded = self.stations.risk, dict[str, None]()
        for decision in approved:
            intent = decision.intent
            for booked in self.stations.book.take_answer(intent, self.stations.box.place(intent, time_ms), time_ms):
                risk.note_fill(booked.fill, booked.realized, booked.fill.time_ms)
                traded[intent.symbol] = None
        for decision in approved:
            risk.release(decision.intent.client_order_id)
        return tuple(traded)


def _lane(track: Track, rules: SymbolRules, account: RiskLimits) -> _Lane:
    actions = track.actions
    # Looked into one by one, which plain memory allows much sooner than an array.
    speaks, sells, buys = (np.flatnonzero(those).data for those in (actions, actions == SELL, actions == BUY))
    entries = HopelessEntries(track, account, rules)
    turnings = (np.flatnonzero(np.diff(entries.market[actions == BUY])) + 1).data
    return _Lane(track.symbol, track, rules, account.of(track.symbol), speaks, sells, buys, turnings, entries)


def _first_from(numbers: Sequence[int], number: int, otherwise: int) -> int:
    """The first of the ascending `numbers` that is not below `number`."""
    at = bisect_left(numbers, number)
    return numbers[at] if at < len(numbers) else otherwise
