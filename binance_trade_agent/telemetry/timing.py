"""async_time_function: a decorator that measures an async function into the metrics."""

import functools
import inspect
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, overload

from binance_trade_agent.domain.facts import FunctionDone
from binance_trade_agent.ports.observer import NullObserver, Observer

P = ParamSpec("P")
R = TypeVar("R")
_Function = Callable[P, Coroutine[Any, Any, R]]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def use_observer(observer: Observer) -> Iterator[None]:
    """Within it, decorated functions of this task, and of tasks it starts, report to `observer`."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> Observer:
    """The observer of the innermost `use_observer`, or one that forgets everything."""
    return _observer.get() or NullObserver()


@overload
def async_time_function(name: _Function[P, R], /) -> _Function[P, R]: ...
@overload
def async_time_function(name: str | None = None, *, observer: Observer | None = None) -> Callable[[_Function[P, R]], _Function[P, R]]: ...
def async_time_function(name: Any = None, *, observer: Observer | None = None) -> Any:
    """Measure every call of an async function, from start to end; what it returns or raises passes unchanged.

    Used bare, with a name, or with an observer: `@async_time_function`, `@async_time_function("load")`. The name, by default the
    qualified name of the function, is the label `function` of the metrics. A call that ends in an exception, also by being
    cancelled, counts as failed. Without `observer` the call reports to the one of `use_observer`.
    Raises TypeError when the function is not `async def`.
    """
    if callable(name):
        return _timed(name, name.__qualname__, observer)
    return lambda function: _timed(function, name or function.__qualname__, observer)


def _timed(function: _Function[P, R], name: str, observer: Observer | None) -> _Function[P, R]:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"async_time_function measures async functions only; {name} is none")

    @functools.wraps(function)
    async def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        started = time.perf_counter()
        failed = True
        try:
            result = await function(*args, **kwargs)
            failed = False
            return result
        finally:
            duration_ms = (time.perf_counter() - started) * 1000
            (observer or current_observer()).observe(FunctionDone(name, duration_ms, failed))

    return measured
