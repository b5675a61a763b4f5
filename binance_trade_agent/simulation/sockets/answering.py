"""Answering: sends the answers of one connection, or what faults make of them."""

import asyncio
from collections.abc import Callable

from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.mutation import mutated, with_a_wrong_digit
from binance_trade_agent.simulation.faults.passage import ENGINE_TIMEOUT_S, UNTROUBLED, Ending, ErrorAnswer, Passage, passage
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.sockets.frames import text_frame
from binance_trade_agent.simulation.sockets.session import SocketSession


class Answering:
    """Answers leave in the order of the requests, but for what a fault makes late. `point` says which faults are meant.

    `afterwards` is called when a request has been dealt with.
    """

    def __init__(self, session: SocketSession, plan: FaultPlan, point: FaultPoint, afterwards: Callable[[], None]) -> None:
        self._session = session
        self._plan = plan
        self._point = point
        self._afterwards = afterwards
        self._previous = b"{}"

    def serve(self, name: str, carry_out: Callable[[], bytes], in_place: Callable[[ErrorAnswer], bytes]) -> None:
        """Answer a request to `name`: `carry_out` does what it asks and gives the answer, `in_place` words an error that a fault wants."""
        way = passage(self._plan, self._point, name)
        if way is UNTROUBLED:
            self._previous = carry_out()
            self._session.send(text_frame(self._previous))
            self._afterwards()
            return

        def arrive() -> None:
            answer = b""
            for _ in range(way.executions):
                answer = carry_out()
            if way.is_waited_for:
                _later(way.back_s, lambda: self._end(in_place(way.error) if way.error else answer, way))

        if not way.is_waited_for and way.error is not None:
            timed_out = in_place(way.error)
            _later(way.there_s + ENGINE_TIMEOUT_S + way.back_s, lambda: self._end(timed_out, way))
        _later(way.there_s + way.engine_s, arrive)

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


def _later(delay_s: float, action: Callable[[], None]) -> None:
    if delay_s > 0:
        asyncio.get_running_loop().call_later(delay_s, action)
    else:
        action()
