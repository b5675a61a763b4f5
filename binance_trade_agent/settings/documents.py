"""Documents written from the catalogue: the example .env, the example TOML file and the settings page."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic.fields import FieldInfo

from binance_trade_agent.settings.catalogue import Settings
from binance_trade_agent.settings.fields import Group, about, allowed_text, is_secret

_WIDTH = 110


@dataclass(frozen=True, slots=True)
class ComposeName:
    """A name that docker-compose.yml reads and the daemon does not."""

    name: str
    default: str
    meaning: str


COMPOSE_NAMES = (
    ComposeName("GRAFANA_PASSWORD", "", "Password of Grafana's user admin; without it there is no login, only dashboards to look at."),
)


def default_text(field: FieldInfo) -> str:
    """The default as one would write it in the environment; empty for none."""
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def env_example() -> str:
    """config/.env.example: every name with its default, commented out."""
    lines = [
        "# Settings of binance_trade_agent. Copy this file to .env and take the # off the lines you change.",
        "# Written by scripts/settings_docs from the catalogue; docs/settings.md says more.",
        "# A secret NAME can also be given as NAME_FILE (a path), or as the file /run/secrets/NAME.",
    ]
    for group, fields in _grouped():
        lines += ["", f"# ---- {group} ----"]
        for name, field in fields:
            lines += ["", *_comment(f"{field.description} {_allowed(field)}"), f"#{name.upper()}={default_text(field)}"]
    lines += ["", "# ---- docker compose alone reads these ----"]
    for compose in COMPOSE_NAMES:
        lines += ["", *_comment(compose.meaning), f"#{compose.name}={compose.default}"]
    return "\n".join(lines) + "\n"


def toml_example() -> str:
    """config/settings.example.toml: the same in lower case, without secrets."""
    lines = [
        "# Settings of binance_trade_agent. Copy this file to config/settings.toml, or name it by SETTINGS_FILE,",
        "# and take the # off the lines you change. The environment and .env win over this file; an unknown name is an error.",
        "# Written by scripts/settings_docs from the catalogue; docs/settings.md says more.",
    ]
    for group, fields in _grouped():
        shown = [(name, field) for name, field in fields if not is_secret(field) and name != "settings_file"]
        lines += ["", f"# ---- {group} ----"]
        for name, field in shown:
            lines += ["", *_comment(f"{field.description} {_allowed(field)}"), f"#{name} = {_toml_value(field)}"]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """docs/settings.md."""
    parts = [_INTRODUCTION]
    for group, fields in _grouped():
        rows = "\n".join(_row(name, field) for name, field in fields)
        parts.append(f"## {group}\n\n| Name | Default | Unit | Meaning | Allowed |\n|---|---|---|---|---|\n{rows}\n")
    rows = "\n".join(f"| `{item.name}` | {_code(item.default)} | {item.meaning} |" for item in COMPOSE_NAMES)
    parts.append(f"## Read by docker compose alone\n\n| Name | Default | Meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _grouped() -> Iterator[tuple[Group, list[tuple[str, FieldInfo]]]]:
    for group in Group:
        yield group, [(name, field) for name, field in Settings.model_fields.items() if about(field).group is group]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def _allowed(field: FieldInfo) -> str:
    unit = f" ({about(field).unit})" if about(field).unit else ""
    return f"Allowed: {allowed_text(field)}{unit}."


def _toml_value(field: FieldInfo) -> str:
    text = default_text(field)
    value: Any = field.default
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, dict):
        return "{}"
    if field.annotation is bool or isinstance(value, (int, float)):
        return text
    if "a number" in allowed_text(field) and text and text != "max":
        return text
    return "false" if value is None and "true or false" in allowed_text(field) else json.dumps(text)


def _row(name: str, field: FieldInfo) -> str:
    secret = " Secret." if is_secret(field) else ""
    per_symbol = " Per symbol." if about(field).per_symbol else ""
    allowed = allowed_text(field).replace("|", "\\|")
    return (
        f"| `{name.upper()}` | {_code(default_text(field))} | {about(field).unit} | {field.description}{secret}{per_symbol} | {allowed} |"
    )


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


_INTRODUCTION = """\
# Settings

Written by `scripts/settings_docs` from the settings in `binance_trade_agent/settings/topics`; change them there.

A setting is looked for in this order, and the first place that has it wins:

1. arguments of the command line,
2. environment variables,
3. the file `.env` in the working directory,
4. secret files, for secrets: the path in `NAME_FILE`, then `/run/secrets/` with the name in lower or upper case,
5. a TOML file: the one that `SETTINGS_FILE` names, else `config/settings.toml` when it exists; names are in lower case there,
6. the default.

An empty value counts as not set. An unknown name in the TOML file is an error that names the nearest known one. A wrong value
ends the program before anything starts, with exit code 3 and one line for each problem: the name, the value, and what is allowed.
`binance-trade-agent config check` says whether all is well, `binance-trade-agent config show` what holds and where it came from;
secrets are never shown.

Settings that are called per symbol can differ from symbol to symbol. `SYMBOL_OVERRIDES` has a table of them for each such symbol; in the
TOML file that is

    [symbol_overrides.DOGEUSDT]
    strategy_name = "bollinger"
    risk_max_position_per_symbol = 0.02

What a table does not name is everybody's, but for parameters: a symbol with a strategy of its own takes none of everybody's.

Fractions are shares of one: `0.05` is 5 %. Live trading needs `TRADING_MODE=live`, both keys, and
`LIVE_TRADING_CONFIRMATION="I accept that real money is traded"`.
"""
