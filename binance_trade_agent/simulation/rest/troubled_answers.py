"""What faults make of a REST request and its answer, apart from how the answer then travels."""

import asyncio
from collections.abc import Callable

import orjson

from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.mutation import HTML_PAGE, mutated, with_a_wrong_digit
from binance_trade_agent.simulation.faults.passage import ENGINE_TIMEOUT_S, Ending, ErrorAnswer, Passage, later
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.rest.face import CONTENT_TYPE, FaceAnswer

NOTHING = FaceAnswer(200, {}, b"")
"""Stands for the answer to a request that was not carried out; it never reaches a client."""


CarryOut = Callable[[int | None], FaceAnswer]
"""Carries a request out; when its engine was slow, with the time at which the request was found to be fresh."""


async def carried_out(way: Passage, carry_out: CarryOut, clock_ms: Callable[[], int]) -> FaceAnswer:
    """Let the request arrive and be carried out as `way` says, and return what was answered, when the answer arrives.

    What is late is carried out all the same when the caller does not wait for it any more: the request is on its way.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[FaceAnswer] = loop.create_future()

    def arrive() -> None:
        checked_ms = clock_ms() if way.engine_s else None
        later(way.engine_s, lambda: execute(checked_ms))

    def execute(checked_ms: int | None) -> None:
        answer = NOTHING
        for _ in range(way.executions):
            answer = carry_out(checked_ms)
        if not answered.done():
            answered.set_result(answer)

    later(way.there_s, arrive)
    if way.is_waited_for:
        answer = await answered
    else:
        await asyncio.sleep(way.there_s + ENGINE_TIMEOUT_S)
        answer = NOTHING
    if way.back_s > 0:
        await asyncio.sleep(way.back_s)
    return answer


class TroubledAnswers:
    """Exchanges and damages answers. What comes in place of another answer is the last one that went through here whole."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._previous = FaceAnswer(200, {"Content-Type": CONTENT_TYPE}, b"{}")

    def answer(self, answer: FaceAnswer, way: Passage) -> FaceAnswer:
        """What the client gets in place of `answer`."""
        if way.error is not None:
            return _error_answer(way.error)
        random = self._plan.random(FaultPoint.REST)
        match way.ending:
            case Ending.OTHER:
                return self._previous
            case Ending.WRONG_DIGIT:
                return FaceAnswer(answer.status, answer.headers, with_a_wrong_digit(answer.body, random))
            case Ending.MUTATED:
                return FaceAnswer(answer.status, answer.headers, mutated(answer.body, random))
        self._previous = answer
        return answer


def _error_answer(error: ErrorAnswer) -> FaceAnswer:
    if not error.code:
        return FaceAnswer(error.status, {"Content-Type": "text/html"}, HTML_PAGE)
    headers = {"Content-Type": CONTENT_TYPE}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return FaceAnswer(error.status, headers, orjson.dumps({"code": error.code, "msg": error.message}))
