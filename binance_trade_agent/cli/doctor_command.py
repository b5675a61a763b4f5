"""`doctor`: a check-up of settings, machine, book and exchange, with a verdict and an exit code."""

import asyncio
from collections.abc import Sequence

import click

from binance_trade_agent.cli.doctor.finding import Finding, Level, failed, verdict
from binance_trade_agent.domain.errors import ConfigurationError, ExitCode
from binance_trade_agent.settings import load_with_sources

_COLOURS = {Level.WELL: "green", Level.SKIPPED: None, Level.WARNING: "yellow", Level.FAILED: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")
@click.option("--offline", is_flag=True, help="Ask neither the exchange nor Redis.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, offline: bool) -> None:
    """Look at everything that trading needs: settings, disk, book, clock, keys, limits, connections.

    Nothing is changed and nothing is ordered; a daemon may run meanwhile. Warnings keep nothing from trading; after a failure the
    exit code is the one that the daemon itself would end with, or 1.
    """
    findings = _findings(offline)
    sentence, code = verdict(findings)
    if as_json:
        _print_json(findings, sentence, code)
    else:
        _print_lines(findings, sentence)
    ctx.exit(int(code))


def _findings(offline: bool) -> list[Finding]:
    try:
        loaded = load_with_sources()
    except ConfigurationError as error:
        return [failed("settings", error)]
    # Imported here, so that wrong settings are told at once.
    from binance_trade_agent.cli.doctor.check_up import examine

    return asyncio.run(examine(loaded, offline=offline))


def _print_lines(findings: Sequence[Finding], sentence: str) -> None:
    for finding in findings:
        level = click.style(f"{finding.level:8}", fg=_COLOURS[finding.level])
        first, *others = finding.detail.splitlines() or [""]
        click.echo(f"{level} {finding.point:15} {first}")
        for line in others:
            click.echo(f"{'':25}{line}")
    click.echo(f"Verdict: {sentence}.")


def _print_json(findings: Sequence[Finding], sentence: str, code: ExitCode) -> None:
    import orjson

    points = [{"point": finding.point, "level": str(finding.level), "detail": finding.detail} for finding in findings]
    click.echo(orjson.dumps({"verdict": sentence, "exit_code": int(code), "findings": points}, option=orjson.OPT_INDENT_2))
