"""Looking back along a market's tape: the newest trades before a moment, however long ago they were."""

from binance_trade_agent.domain.candle_intervals import SECOND_MS
from binance_trade_agent.simulation.markets.market import Market, TakerOrder

FIRST_LOOK_MS = 5 * SECOND_MS


def newest_taker(market: Market, symbol: str, time_ms: int) -> TakerOrder | None:
    """The last taker order of other people at or before `time_ms`; None where there was none since 1970, or where a market knows no trades.

    Looks back over spans that double, so that an answer costs little whether trades are seconds or months apart.
    """
    newest = _read(market, symbol, time_ms - FIRST_LOOK_MS, time_ms)
    if newest is not None:
        return newest
    span_ms = FIRST_LOOK_MS * 2
    until_ms = time_ms - FIRST_LOOK_MS
    while until_ms >= 0:
        after_ms = max(time_ms - span_ms, -1)
        if _is_any(market, symbol, after_ms, until_ms):
            return _last(market, symbol, after_ms, until_ms)
        until_ms = after_ms
        span_ms *= 2
    return None


def _last(market: Market, symbol: str, after_ms: int, until_ms: int) -> TakerOrder | None:
    """The last of a span that holds at least one: halved until what is left can be read through."""
    while until_ms - after_ms > FIRST_LOOK_MS:
        middle_ms = (after_ms + until_ms) // 2
        if _is_any(market, symbol, middle_ms, until_ms):
            after_ms = middle_ms
        else:
            until_ms = middle_ms
    return _read(market, symbol, after_ms, until_ms)


def _read(market: Market, symbol: str, after_ms: int, until_ms: int) -> TakerOrder | None:
    """The last of a span that is short enough to be read through."""
    newest = None
    for newest in market.taker_orders(symbol, after_ms, until_ms):  # noqa: B007 - the last one is wanted
        pass
    return newest


def _is_any(market: Market, symbol: str, after_ms: int, until_ms: int) -> bool:
    return next(iter(market.taker_orders(symbol, after_ms, until_ms)), None) is not None
