"""async_time_function measures async functions into the metrics and changes nothing else."""

import asyncio
import inspect

import pytest
from recorder import Recorder

from binance_trade_agent.domain.facts import FunctionDone
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.timing import async_time_function, use_observer


async def test_all_three_ways_to_decorate_report_their_name():
    recorder = Recorder()

    @async_time_function
    async def bare():
        return 1

    @async_time_function("named")
    async def other():
        return 2

    @async_time_function(observer=recorder)
    async def called():
        return 3

    with use_observer(recorder):
        assert [await bare(), await other(), await called()] == [1, 2, 3]
    assert [fact.name.rpartition(".")[2] for fact in recorder.facts] == ["bare", "named", "called"]
    assert all(isinstance(fact, FunctionDone) and fact.duration_ms >= 0 and not fact.failed for fact in recorder.facts)


async def test_arguments_signature_and_exceptions_pass_unchanged():
    recorder = Recorder()

    @async_time_function(observer=recorder)
    async def divide(left: int, *, by: int = 1) -> float:
        """Divide."""
        return left / by

    assert await divide(6, by=3) == 2
    assert str(inspect.signature(divide)) == "(left: int, *, by: int = 1) -> float"
    assert divide.__doc__ == "Divide."
    assert inspect.iscoroutinefunction(divide)
    with pytest.raises(ZeroDivisionError):
        await divide(1, by=0)
    assert [fact.failed for fact in recorder.facts] == [False, True]


async def test_a_cancelled_call_counts_as_failed():
    recorder = Recorder()

    @async_time_function(observer=recorder)
    async def wait():
        await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [fact.failed for fact in recorder.facts] == [True]


async def test_tasks_report_to_the_observer_of_where_they_were_started():
    outer, inner = Recorder(), Recorder()

    @async_time_function("work")
    async def work():
        await asyncio.sleep(0)

    with use_observer(outer):
        first = asyncio.create_task(work())
        with use_observer(inner):
            second = asyncio.create_task(work())
        await asyncio.gather(first, second)
    await work()
    assert (len(outer.facts), len(inner.facts)) == (1, 1)


async def test_calls_appear_in_the_metrics():
    metrics = MetricsObserver()

    @async_time_function("load", observer=metrics)
    async def load(ok):
        if not ok:
            raise ValueError

    await load(True)
    with pytest.raises(ValueError):  # noqa: PT011  # the error has no text of its own
        await load(False)
    text = metrics.render().decode()
    assert 'trade_agent_function_duration_seconds_count{function="load"} 2.0' in text
    assert 'trade_agent_function_failures_total{function="load"} 1.0' in text


def test_only_async_functions_can_be_measured():
    with pytest.raises(TypeError, match="async functions only"):

        @async_time_function
        def plain():
            return 1
