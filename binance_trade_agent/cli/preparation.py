"""What every long-running command does first: read the settings, set up the log, and say what the owner should know."""

from typing import Any

import structlog

from binance_trade_agent.settings import Settings, load_with_sources
from binance_trade_agent.telemetry.logging import configure_logging


def prepare(**overrides: Any) -> Settings:
    """Settings with `overrides` from the command line (None is not given), with the log configured and warnings logged.

    Raises ConfigurationError before anything is configured.
    """
    loaded = load_with_sources(**overrides)
    settings = loaded.settings
    configure_logging(settings.log_level, settings.log_format, secrets=settings.secret_values)
    log = structlog.get_logger()
    for warning in loaded.warnings:
        log.warning(warning)
    return settings
