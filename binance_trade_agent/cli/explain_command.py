"""`explain`: everything that is known of one pass or one order, from the book and from a log."""

import sys
from collections.abc import Sequence
from typing import TextIO

import click
import msgspec

from binance_trade_agent.cli.explaining import story
from binance_trade_agent.cli.log_lines import LogLine, lines_about
from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.settings import load_settings
from binance_trade_agent.storage.explanation import Explanation
from binance_trade_agent.storage.explanation import explain as explain_from_book


@click.command()
@click.argument("wanted", metavar="ID")
@click.option("--log", type=click.File(errors="replace"), help="A log of JSON lines to look through as well; - is standard input.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines: decisions, orders, modes, locks, log.")
def explain(wanted: str, log: TextIO | None, as_json: bool) -> None:
    """Tell all that is known of ID: the correlation id of a pass, a client order id of ours, or the id of an order list.

    That is the decision and why, what risk answered, the intent, what was sent, what the exchange said, the fills, and the modes at
    the time, from the book that TRADING_MODE and DATA_DIR name; a daemon may run meanwhile. Log lines and the status page name the ids.
    """
    path = load_settings().book_path
    if path.is_file():
        told = explain_from_book(path, wanted)
    elif log is not None:
        told = Explanation((), (), ())
    else:
        raise AgentError(f"there is no book at {path}; DATA_DIR and TRADING_MODE say where it is, and --log looks through a log")
    lines = [] if log is None else [line for line in lines_about({wanted, *told.ids}, log) if _belongs(line, wanted, told)]
    if not (told.decisions or told.orders or lines):
        where = f"the book at {path}" + ("" if log is None else " and the log")
        raise AgentError(f"nothing is known of {wanted} in {where}; ids are those of log lines, of the status page and of `export`")
    if as_json:
        click.echo(_as_json(told, lines))
    else:
        for line in story(told, lines):
            click.echo(line)
    sys.stdout.flush()


def _belongs(line: LogLine, wanted: str, told: Explanation) -> bool:
    """An order's story holds what the log says of its pass, but nothing of what that pass did with other symbols."""
    is_a_pass = any(decision.correlation_id == wanted for decision in told.decisions)
    symbols = {story.order.intent.symbol for story in told.orders}
    return is_a_pass or not symbols or line.fields.get("symbol") in {None, *symbols}


def _as_json(told: Explanation, lines: Sequence[LogLine]) -> str:
    """Amounts are text, times ms UTC."""
    whole = {
        "decisions": told.decisions,
        "orders": told.orders,
        "modes": told.modes,
        "locks": told.locks,
        "log": [line.fields for line in lines],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
