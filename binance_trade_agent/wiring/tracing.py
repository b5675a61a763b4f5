"""Traces by the settings; without TRACING_ENDPOINT there are none, and nothing of them is loaded."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import metadata

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.telemetry.span_sending import SpanSending
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import TraceObserver


@asynccontextmanager
async def open_tracing(
    settings: Settings, ids: TraceIds, masked: Callable[[str], str], observer: Observer | None = None
) -> AsyncIterator[TraceObserver | None]:
    """What makes traces of facts and has them sent as long as it is open; None when none are wanted. `masked` hides secrets.

    `observer` is told how many spans were sent and lost.

    Raises ConfigurationError when they are wanted and the packages for them are missing, or the standard names (OTEL_...) make no sense.
    """
    if not settings.tracing_endpoint:
        yield None
        return
    try:
        from binance_trade_agent.telemetry.otlp_spans import OtlpSpans  # most never need these packages
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"TRACING_ENDPOINT is set, but {error.name} is not installed; it comes with the extra `tracing`, by requirements-tracing.txt"
        ) from None
    about = {"service.version": metadata.version("binance-trade-agent"), "deployment.environment.name": str(settings.trading_mode)}
    try:
        spans = OtlpSpans(settings.tracing_endpoint, about, masked)
    except ValueError as error:
        raise ConfigurationError(f"traces cannot be sent as the environment has it: {error}") from None
    sending = SpanSending(spans.export, settings.tracing_endpoint, observer or NullObserver())
    traces = TraceObserver(ids, sending.take, ratio=float(settings.tracing_sample_ratio))
    try:
        async with sending.running():
            try:
                yield traces
            finally:
                traces.close()
    finally:
        spans.close()
