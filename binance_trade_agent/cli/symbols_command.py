"""`symbols`: which symbols would be chosen now, and why each of the others would not."""

import asyncio

import click
import msgspec

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.symbol_selection import Selection, Verdict
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.settings.choices import SymbolSelection
from binance_trade_agent.wiring.survey_client import survey_client
from binance_trade_agent.wiring.symbol_choice import survey_at_start


@click.command()
@click.option("--chosen", "only_chosen", is_flag=True, help="Only what would be traded.")
@click.option("--json", "as_json", is_flag=True, help="One JSON list for machines.")
def symbols(only_chosen: bool, as_json: bool) -> None:
    """Show which symbols SYMBOL_SELECTION=top-volume would choose now, and why each other that is quoted in the same asset is not chosen.

    Nothing is changed, and a daemon may run meanwhile; what the book holds, and what was chosen last, counts as it does at a start.
    """
    settings = load_settings()
    if settings.candles_dir is not None:
        raise ConfigurationError("CANDLES_DIR is set; recorded candles bring their symbols, so there is nothing to choose")
    selection = asyncio.run(_survey(settings))
    shown = [verdict for verdict in selection.verdicts if verdict.is_chosen or verdict.is_exits_only or not only_chosen]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([_row(verdict) for verdict in shown]), indent=2).decode())
        return
    for verdict in shown:
        click.echo(_line(verdict))
    click.echo(_summary(selection, settings))


async def _survey(settings: Settings) -> Selection:
    async with survey_client(settings) as client:
        return (await survey_at_start(client, settings)).selection


def _row(verdict: Verdict) -> dict[str, object]:
    """Amounts are text."""
    return {
        "symbol": verdict.candidate.symbol,
        "chosen": verdict.is_chosen,
        "exits_only": verdict.is_exits_only,
        "rank": verdict.rank,
        "obstacle": verdict.obstacle,
        "why": verdict.why,
        "quote_volume": plain(verdict.candidate.quote_volume),
    }


def _line(verdict: Verdict) -> str:
    candidate = verdict.candidate
    mark = "chosen" if verdict.is_chosen else "sold" if verdict.is_exits_only else "-"
    return f"{mark:<7}{candidate.symbol:<16}{candidate.quote_volume:>20,.0f} {candidate.quote_asset}  {verdict.why}"


def _summary(selection: Selection, settings: Settings) -> str:
    quoted = f"{counted(len(selection.verdicts), 'symbol')} quoted in {settings.accounting_asset}"
    told = f"{len(selection.symbols)} of {quoted} would be chosen."
    if settings.symbol_selection is SymbolSelection.STATIC:
        return f"{told} SYMBOL_SELECTION is static: the daemon trades TRADING_SYMBOLS."
    return told
