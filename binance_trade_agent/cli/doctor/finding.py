"""Finding: what the check-up found at one point, and the verdict over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from binance_trade_agent.domain.errors import AgentError, ExitCode


class Level(StrEnum):
    """How bad it is. A warning keeps nothing from trading; with a failure the daemon would not start, or not trade."""

    WELL = "well"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and a phrase for people; `exit_code` is what a failure ends the command with."""

    point: str
    level: Level
    detail: str
    exit_code: ExitCode = ExitCode.OK


def well(point: str, detail: str) -> Finding:
    """Nothing to do here."""
    return Finding(point, Level.WELL, detail)


def skipped(point: str, why: str) -> Finding:
    """This was not looked at."""
    return Finding(point, Level.SKIPPED, why)


def warning(point: str, detail: str) -> Finding:
    """This wants to be looked at, and keeps nothing from trading."""
    return Finding(point, Level.WARNING, detail)


def failed(point: str, why: AgentError | str, exit_code: ExitCode = ExitCode.FAILED) -> Finding:
    """This has to be mended; an error brings its own exit code."""
    if isinstance(why, AgentError):
        return Finding(point, Level.FAILED, str(why), why.exit_code)
    return Finding(point, Level.FAILED, why, exit_code)


def verdict(findings: Sequence[Finding]) -> tuple[str, ExitCode]:
    """One sentence over all of them, and the exit code: that of the first failure, 0 without one."""
    failures = [finding for finding in findings if finding.level is Level.FAILED]
    warnings = [finding.point for finding in findings if finding.level is Level.WARNING]
    if failures:
        return f"not fit to trade: {', '.join(finding.point for finding in failures)}", failures[0].exit_code
    return f"fit to trade, but look at: {', '.join(warnings)}" if warnings else "fit to trade", ExitCode.OK
