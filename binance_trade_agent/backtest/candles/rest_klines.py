"""Candles by REST for what a store lacks, page by page through the client and its governor; each page is kept as soon as it is here."""

from collections.abc import Callable

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.answers.market import ExactKline
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, candle_open_ms
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.simulation.markets.exact_candles import columns_of
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.storage.candles.calendar import Span, date_text, missing_spans
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName

PAGE = 1_000
"""Candles of one answer, the most that the exchange gives; a page costs a request weight of 2."""


async def fill_by_rest(
    store: CandleStore, client: AsyncBinanceClient, name: SeriesName, span: Span, show: Callable[[int, str], None]
) -> int:
    """Fetch the closed candles of `span` that `store` lacks, and return how many there were.

    Raises ExchangeError for what the exchange refuses or does not answer, BadAnswerError for candles that do not add up, CandleFileError
    when one contradicts what is kept. Pages before it stay.
    """
    interval_ms = INTERVALS_MS[name.interval]
    closed_ms = candle_open_ms(await client.get_server_time(), interval_ms)
    count = 0
    for part in missing_spans(Span(span.start_ms, min(span.end_ms, closed_ms)), store.covered(name)):
        start_ms = part.start_ms
        while start_ms < part.end_ms:
            rows = await client.market.exact_klines(
                name.symbol, name.interval, start_time_ms=start_ms, end_time_ms=part.end_ms - 1, limit=PAGE
            )
            end_ms = rows[-1].open_time_ms + interval_ms if len(rows) == PAGE else part.end_ms
            columns = columns_of(name.symbol, interval_ms, _checked(name, rows, Span(start_ms, end_ms)))
            if not columns.sound().all():
                raise BadAnswerError(f"klines: candles of {name} from {date_text(start_ms)} on do not add up")
            store.add(columns, Span(start_ms, end_ms))
            count += len(rows)
            show((end_ms - start_ms) // interval_ms, f"{name} {date_text(start_ms)}")
            start_ms = end_ms
    return count


def _checked(name: SeriesName, rows: tuple[ExactKline, ...], span: Span) -> list[MarketCandle]:
    """The rows as candles, whose times must be on the grid, in order, and within `span`."""
    interval_ms = INTERVALS_MS[name.interval]
    newest_ms = span.start_ms - 1
    for row in rows:
        open_ms = row.open_time_ms
        if (
            not newest_ms < open_ms < span.end_ms
            or open_ms != candle_open_ms(open_ms, interval_ms)
            or row.close_time_ms != open_ms + interval_ms - 1
        ):
            raise BadAnswerError(f"klines: a candle of {name} that opens at {open_ms} was not asked for, or does not fit its interval")
        newest_ms = open_ms
    return [
        MarketCandle(
            open_time_ms=row.open_time_ms,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            close_time_ms=row.close_time_ms,
            quote_volume=row.quote_volume,
            trades=row.trades,
            taker_buy_volume=row.taker_buy_volume,
            taker_buy_quote_volume=row.taker_buy_quote_volume,
        )
        for row in rows
    ]
