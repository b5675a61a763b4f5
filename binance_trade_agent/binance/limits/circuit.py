"""Circuit: stops asking a part of the exchange that has not answered for a while, and tries it again with one request at a time.

    CLOSED --(failures in a row, over some seconds)--> OPEN --(pause over)--> HALF_OPEN --(the probe is answered)--> CLOSED
                                                        ^------(the probe fails: a pause twice as long)------'

What is asked meanwhile fails at once and costs neither time nor a connection.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import CircuitOpenError, ConfigurationError
from binance_trade_agent.domain.limit_facts import CircuitChanged, CircuitState
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer

LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """Opens after `failures` in a row (0: never) that took at least `lasting_s` together, so that a short breath of the exchange is left
    to repetition. The first pause is `pause_s`, each further one twice as long, up to LONGEST_PAUSE_S.
    """

    failures: int = 5
    lasting_s: float = 3.0
    pause_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.failures < 0 or not self.lasting_s >= 0 or not 0 < self.pause_s <= LONGEST_PAUSE_S:
            raise ConfigurationError(
                f"{self}: failures and lasting_s must not be below 0, pause_s must be above 0 and at most {LONGEST_PAUSE_S:g}"
            )


class Passage(msgspec.Struct, frozen=True, gc=False):
    """One request's way through `circuit`; `is_probe` when its state hangs on what becomes of the request."""

    circuit: "Circuit"
    began_ms: float
    is_probe: bool


class Circuit:
    """The circuit of one `name`. `jitter` gives factors around 1 for pauses.

    With `needs_sign` the pause alone does not bring a probe: a sign of life from elsewhere must come, too (`note_sign_of_life`).
    """

    def __init__(
        self, name: str, rules: CircuitRules, clock: Clock, observer: Observer, jitter: Callable[[], float], *, needs_sign: bool = False
    ) -> None:
        self._name = name
        self._rules = rules
        self._clock = clock
        self._observer = observer
        self._jitter = jitter
        self._needs_sign = needs_sign
        self._has_sign = False
        self._failures = 0
        self._failing_since_ms = 0.0
        self._pause_s = rules.pause_s
        self._open_until_ms = 0.0
        self._is_probing = False
        self.state = CircuitState.CLOSED
        self.is_sound = True
        """True while it is closed and the last request was answered: an answer then changes nothing."""

    def enter(self, what: str, now_ms: float, *, must_pass: bool = False) -> Passage:
        """Leave for one request, `what` in words, at `now_ms` (Clock.monotonic_ms); raises CircuitOpenError.

        With `must_pass` it is let through in any state.
        """
        if self.is_sound or self.state is CircuitState.CLOSED:
            return Passage(self, now_ms, is_probe=False)
        due = now_ms >= self._open_until_ms and (self._has_sign or not self._needs_sign)
        if not must_pass and (self._is_probing or not due):
            raise CircuitOpenError(f"{what} was not sent: {self._why(now_ms)}", max(self._open_until_ms - now_ms, 0.0) / 1_000)
        if self.state is CircuitState.OPEN:
            self._change(CircuitState.HALF_OPEN)
        self._is_probing = True
        return Passage(self, now_ms, is_probe=True)

    def succeed(self, passage: Passage) -> None:
        """The exchange answered, be it with a no."""
        self._failures = 0
        self._end_probe(passage)
        if self.state is not CircuitState.CLOSED:
            self._pause_s = self._rules.pause_s
            self._change(CircuitState.CLOSED)
        self.is_sound = True

    def fail(self, passage: Passage) -> None:
        """No answer came, or one that says that the exchange cannot serve."""
        self.is_sound = False
        self._end_probe(passage)
        if self.state is CircuitState.HALF_OPEN and passage.is_probe:
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            self._open()
        elif self.state is CircuitState.CLOSED:
            self._failing_since_ms = min(passage.began_ms, self._failing_since_ms) if self._failures else passage.began_ms
            self._failures += 1
            lasted_ms = self._clock.monotonic_ms() - self._failing_since_ms
            if 0 < self._rules.failures <= self._failures and lasted_ms >= self._rules.lasting_s * 1_000:
                self._open()

    def drop(self, passage: Passage) -> None:
        """What became of the request says nothing of the exchange."""
        self._end_probe(passage)

    def note_sign_of_life(self) -> None:
        """What this circuit's requests depend on has answered."""
        self._has_sign = True

    def _end_probe(self, passage: Passage) -> None:
        if passage.is_probe:
            self._is_probing = False

    def _open(self) -> None:
        self._has_sign = False
        pause_s = self._pause_s * self._jitter()
        self._open_until_ms = self._clock.monotonic_ms() + pause_s * 1_000
        self._change(CircuitState.OPEN, pause_s)

    def _change(self, state: CircuitState, pause_s: float = 0.0) -> None:
        self.state = state
        self._observer.observe(CircuitChanged(self._name, state, pause_s))

    def _why(self, now_ms: float) -> str:
        why = f"the circuit of {self._name} is open, because the exchange did not answer {counted(self._failures, 'time')} in a row"
        if self._is_probing:
            return f"{why}; another request tries it just now"
        if now_ms < self._open_until_ms:
            return f"{why}; it is tried again in {(self._open_until_ms - now_ms) / 1_000:.1f} s"
        return f"{why}; it is tried again when a query about an order or the account has been answered"
