"""Answering: sends the answers of one connection, or what faults make of them."""

from collections.abc import Callable

from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.mutation import mutated, with_a_wrong_digit
from binance_trade_agent.simulation.faults.passage import ENGINE_TIMEOUT_S, UNTROUBLED, Ending, ErrorAnswer, Passage, later, passage
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.sockets.frames import text_frame
from binance_trade_agent.simulation.sockets.session import SocketSession

CarryOut = Callable[[int | None], bytes]
"""Carries a request out; when its engine was slow, with the time at which the request was found to be fresh."""


class Answering:
    """Answers leave in the order of the requests, but for what a fault makes late. `point` says which faults are meant.

    `afterwards` is called when a request has been dealt with.
    """

    def __init__(
        self, session: SocketSession, plan: FaultPlan, point: FaultPoint, clock_ms: Callable[[], int], afterwards: Callable[[], None]
    ) -> None:
        self._session = session
        self._plan = plan
        self._point = point
        self._clock_ms = clock_ms
        self._afterwards = afterwards
        self._previous = b"{}"

    def serve(self, name: str, carry_out: CarryOut, in_place: Callable[[ErrorAnswer], bytes]) -> None:
        """Answer a request to `name`: `carry_out` does what it asks and gives the answer, `in_place` words an error that a fault wants."""
        way = passage(self._plan, self._point, name)
        if way is UNTROUBLED:
            self._previous = carry_out(None)
            self._session.send(text_frame(self._previous))
            self._afterwards()
            return

        def arrive() -> None:
            checked_ms = self._clock_ms() if way.engine_s else None
            later(way.engine_s, lambda: execute(checked_ms))

        def execute(checked_ms: int | None) -> None:
            answer = b""
            for _ in range(way.executions):
                answer = carry_out(checked_ms)
            if way.is_waited_for:
                later(way.back_s, lambda: self._end(in_place(way.error) if way.error else answer, way))

        if not way.is_waited_for and way.error is not None:
            timed_out = in_place(way.error)
            later(way.there_s + ENGINE_TIMEOUT_S + way.back_s, lambda: self._end(timed_out, way))
        later(way.there_s, arrive)

    def _end(self, answer: bytes, way: Passage) -> None:
        self._send(answer, way)
        self._afterwards()

    def _send(self, answer: bytes, way: Passage) -> None:
        random = self._plan.random(self._point)
        frame = text_frame(answer)
        match way.ending:
            case Ending.SILENT:
                return
            case Ending.CUT:
                self._session.cut()
                return
            case Ending.CUT_MIDWAY:
                self._session.send(frame[: len(frame) // 2])
                self._session.cut()
                return
            case Ending.TWICE:
                frame += frame
            case Ending.OTHER:
                frame = text_frame(self._previous)
            case Ending.WRONG_DIGIT:
                frame = text_frame(with_a_wrong_digit(answer, random))
            case Ending.MUTATED:
                frame = text_frame(mutated(answer, random))
        self._session.send(frame)
