"""Loading: from all sources to one Settings, or to one line for each problem."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.settings.catalogue import Settings
from binance_trade_agent.settings.checks import SettingsDisagreeError, warnings_of
from binance_trade_agent.settings.fields import about, allowed_text, is_secret
from binance_trade_agent.settings.sources import misspelled, nearest_name, read_outside

_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, where each was found (`default`, `argument`, `environment`, a file), and what the owner should know."""

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


def load_settings(**overrides: Any) -> Settings:
    """Settings from all sources; `overrides` are named in lower case and win, None means not given.

    Raises ConfigurationError with one line per problem: the name, the value (never of a secret), and what is allowed.
    """
    try:
        return Settings(**_given(overrides))
    except ValidationError as error:
        raise ConfigurationError("\n".join(_lines(error))) from None


def load_with_sources(**overrides: Any) -> LoadedSettings:
    """The same, with the origin of every value and with warnings."""
    settings = load_settings(**overrides)
    given = _given(overrides)
    outside = read_outside(Settings, settings_file=str(given.get("settings_file") or ""))
    origins = dict.fromkeys(Settings.model_fields, "default") | dict(outside.origins) | dict.fromkeys(given, "argument")
    if origins["trading_mode"] == "default" and "trading_mode" in settings.model_fields_set:
        origins["trading_mode"] = "DEMO_MODE or BINANCE_TESTNET"
    return LoadedSettings(settings, origins, (*warnings_of(settings), *misspelled(Settings)))


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if value is not None}


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, SettingsDisagreeError):
            yield from cause.lines
        else:
            yield _line(problem, cause)


def _line(problem: ErrorDetails, cause: object) -> str:
    name = str(problem["loc"][0])
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name.upper()} is no setting{nearest_name(name, Settings.model_fields)}"
    why = f" ({cause})" if cause is not None and not is_secret(field) else ""
    unit = f" ({about(field).unit})" if about(field).unit else ""
    return f"{name.upper()} is {_shown(problem, name)}{why}; allowed: {allowed_text(field)}{unit}"


def _shown(problem: ErrorDetails, name: str) -> str:
    if is_secret(Settings.model_fields[name]):
        return "(hidden)"
    text = repr(str(problem["input"]))
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
