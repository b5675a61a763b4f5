"""The check-up of this machine: versions, settings, open files, the disk under DATA_DIR, and whether a daemon answers here."""

import os
import platform
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from binance_trade_agent.cli.doctor.finding import Finding, failed, skipped, warning, well
from binance_trade_agent.domain.errors import AgentError, ExitCode
from binance_trade_agent.service.health_probe import probe
from binance_trade_agent.settings import LoadedSettings, Settings
from binance_trade_agent.wiring.stations import risk_limits, signal_agent, strategies_text
from binance_trade_agent.wiring.symbol_choice import symbols_text

MIB = 1024 * 1024
LEAST_FREE_BYTES = 100 * MIB
WANTED_FREE_BYTES = 1024 * MIB
FILES_BESIDE_THE_POOL = 100
"""Open files that are no connection of the pool: the book, its readers, streams, clients of the HTTP face."""

_LIBRARIES = ("uvloop", "aiohttp", "orjson", "msgspec", "picows", "numpy", "pydantic")


def examine_machine(loaded: LoadedSettings) -> Iterator[Finding]:
    """Everything that needs neither the book nor the exchange."""
    settings = loaded.settings
    yield _versions()
    yield _settings(loaded)
    yield _open_files(settings)
    yield _disk(settings)
    yield _daemon(settings)


def _versions() -> Finding:
    own = metadata.version("binance-trade-agent")
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    where = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return well("versions", f"binance-trade-agent {own}, {where}, SQLite {sqlite3.sqlite_version}, {libraries}")


def _settings(loaded: LoadedSettings) -> Finding:
    settings = loaded.settings
    try:
        signal_agent(settings)
        risk_limits(settings, settings.demo_fee_rate)
    except AgentError as error:
        return failed("settings", error)
    if loaded.warnings:
        return warning("settings", "; ".join(loaded.warnings))
    strategies = strategies_text(settings, tuple(settings.symbol_overrides))
    return well("settings", f"mode {settings.trading_mode}, strategy {strategies}, {symbols_text(settings)}")


def _open_files(settings: Settings) -> Finding:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.pool_max_connections + FILES_BESIDE_THE_POOL
    if most != resource.RLIM_INFINITY and most < wanted:
        return warning(
            "open files", f"{most} are allowed; POOL_MAX_CONNECTIONS={settings.pool_max_connections} can need {wanted} (ulimit -n {wanted})"
        )
    return well("open files", f"{'any number' if most == resource.RLIM_INFINITY else most} allowed, {wanted} can be needed")


def _disk(settings: Settings) -> Finding:
    folder = _nearest(settings.data_dir.absolute())
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return failed("disk", f"DATA_DIR={settings.data_dir} cannot be looked at ({error.strerror})", ExitCode.CONFIGURATION)
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return failed("disk", f"DATA_DIR={settings.data_dir}: {folder} cannot be written by user id {os.getuid()}", ExitCode.CONFIGURATION)
    room = f"{free // MIB} MiB free where DATA_DIR={settings.data_dir} lives"
    if free < LEAST_FREE_BYTES:
        return failed("disk", f"{room}; {LEAST_FREE_BYTES // MIB} MiB are the least", ExitCode.DISK_FULL)
    return warning("disk", f"{room}; make some room soon") if free < WANTED_FREE_BYTES else well("disk", room)


def _nearest(folder: Path) -> Path:
    """The folder, or what it would be made in."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _daemon(settings: Settings) -> Finding:
    """None has to run: a daemon is well when it answers, or when nothing listens."""
    where = f"HTTP_HOST={settings.http_host} and HTTP_PORT={settings.http_port}"
    if settings.http_port == 0:
        return skipped("daemon", "HTTP_PORT=0 takes any port, so there is nowhere to ask")
    alive, answer = probe(settings.http_host, settings.http_port)
    if not alive:
        return failed("daemon", answer) if " answers " in answer else well("daemon", f"none runs at {where}")
    ready, answer = probe(settings.http_host, settings.http_port, "/readyz")
    return well("daemon", f"runs and is ready at {where}") if ready else warning("daemon", f"runs and is not ready: {answer}")
