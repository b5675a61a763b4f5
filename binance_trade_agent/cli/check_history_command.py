"""`check-history`: holds an exported history of the simulated exchange against itself, and what a client says against it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import BookError, ExitCode
from binance_trade_agent.simulation.history.claims import (
    ClaimedBalance,
    ClaimedOrder,
    ClaimedTrade,
    false_balances,
    false_orders,
    false_trades,
)
from binance_trade_agent.simulation.history.reading import ReadHistory, read_history
from binance_trade_agent.simulation.history.soundness import unsound

T = TypeVar("T")

MOST_SHOWN = 100
MOST_CLAIM_BYTES = 256 * 1024 * 1024


def _file() -> click.Path:
    return click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("check-history")
@click.argument("history", type=_file())
@click.option("--account", type=click.IntRange(1), default=1, show_default=True, help="Number of the account that the client has.")
@click.option("--trades", type=_file(), help="The client's trades: JSON rows as of myTrades, of all symbols.")
@click.option("--orders", type=_file(), help="The client's orders: JSON rows as of allOrders, of all symbols.")
@click.option("--balances", type=_file(), help="The client's balances: JSON rows, the `balances` in the answer of account.")
@click.pass_context
def check_history(ctx: click.Context, history: Path, account: int, trades: Path | None, orders: Path | None, balances: Path | None) -> None:
    """Check HISTORY, which `exchange --history` or the control address has written.

    It is held against itself: balances follow from movements and trades, orders from their trades. What a client claims is held against
    it, row by row, in both directions. Each difference is a line; with any the exit code is 7.
    """
    with history.open("rb") as lines:
        truth = read_history(lines)
    differences = list(_differences(truth, account, trades, orders, balances))
    for difference in differences[:MOST_SHOWN]:
        click.echo(difference)
    if len(differences) > MOST_SHOWN:
        click.echo(f"and {counted(len(differences) - MOST_SHOWN, 'more difference')}")
    sizes = ((len(truth.accounts), "account"), (len(truth.orders), "order"), (len(truth.trades), "trade"))
    size = ", ".join(counted(number, noun) for number, noun in sizes)
    click.echo(f"{size}: {'differences: ' + str(len(differences)) if differences else 'no difference'}", err=True)
    if differences:
        ctx.exit(int(ExitCode.MISMATCH))


def _differences(truth: ReadHistory, account: int, trades: Path | None, orders: Path | None, balances: Path | None) -> Iterator[str]:
    if account not in {entry.account_id for entry in truth.accounts}:
        raise BookError(
            f"the history has no account {account}; it has {', '.join(str(each.account_id) for each in truth.accounts) or 'none'}"
        )
    yield from unsound(truth)
    if trades is not None:
        yield from false_trades(truth, account, _claims(trades, ClaimedTrade))
    if orders is not None:
        yield from false_orders(truth, account, _claims(orders, ClaimedOrder))
    if balances is not None:
        yield from false_balances(truth, account, _claims(balances, ClaimedBalance))


def _claims(path: Path, kind: type[T]) -> list[T]:
    if path.stat().st_size > MOST_CLAIM_BYTES:
        raise BookError(f"{path} has more than {MOST_CLAIM_BYTES} bytes")
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[kind])  # type: ignore[valid-type] # the kind of the rows is a value here
    except msgspec.MsgspecError as error:
        raise BookError(f"{path} is no JSON array of rows as Binance answers them: {error}") from None
