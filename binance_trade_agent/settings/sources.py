"""Where settings come from, in order: environment, .env, secret files, TOML file. An empty value counts as not set."""

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.settings.fields import is_secret

SECRETS_FOLDER = Path("/run/secrets")
DOTENV_FILE = ".env"
TOML_FILE = Path("config/settings.toml")
MAX_SECRET_BYTES = 65_536
MAX_TOML_BYTES = 1_048_576
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings of one source by field name, as they were written; `origins` says where each was found."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


class OutsideSource(PydanticBaseSettingsSource):
    """All sources outside the program, the stronger first, less what arguments have set already."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value of one field from outside."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Values by field name. Names that arguments set are left out, since the framework would merge tables instead of replacing them."""
        outside = read_outside(self.settings_cls, settings_file=str(self.current_state.get("settings_file") or ""))
        return {name: value for name, value in outside.values.items() if name not in self.current_state}


def read_outside(settings_cls: type[BaseSettings], *, settings_file: str = "") -> Layer:
    """Every source outside the program in one layer.

    Raises ConfigurationError for files that cannot be read and for unknown names in the TOML file.
    """
    fields = settings_cls.model_fields
    environment = _named(fields, os.environ, "environment")
    dotenv_names = _dotenv(settings_cls)
    dotenv = _named(fields, dotenv_names, DOTENV_FILE)
    secrets = _secrets(fields, {**dotenv_names, **os.environ})
    chosen = settings_file or environment.values.get("settings_file") or dotenv.values.get("settings_file") or ""
    layers = (environment, dotenv, secrets, _toml(fields, str(chosen)))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in reversed(layers):
        values.update(layer.values)
        origins.update(layer.origins)
    return Layer(values, origins)


def misspelled(settings_cls: type[BaseSettings]) -> tuple[str, ...]:
    """One sentence for each name in the environment or .env that is no setting but looks like one."""
    known = {name.upper() for name in settings_cls.model_fields}
    lines = []
    for name in sorted({*os.environ, *_dotenv(settings_cls)} - known):
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
        if nearest and not name.endswith("_FILE"):
            lines.append(f"{name} is set but is no setting; did you mean {nearest[0]}?")
    return tuple(lines)


def nearest_name(name: str, known: Mapping[str, FieldInfo]) -> str:
    """The known name that `name` most resembles, as a question; empty when none is like it."""
    nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=_ALIKE)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _named(fields: Mapping[str, FieldInfo], names: Mapping[str, str], origin: str) -> Layer:
    values = {field: text for field in fields if (text := names.get(field.upper(), "").strip())}
    return Layer(values, dict.fromkeys(values, origin))


def _dotenv(settings_cls: type[BaseSettings]) -> dict[str, str]:
    path = Path(DOTENV_FILE)
    if not path.is_file():
        return {}
    try:
        names = DotEnvSettingsSource(settings_cls, env_file=path, env_file_encoding="utf-8", case_sensitive=True).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from None
    return {name: text for name, text in names.items() if text}


def _secrets(fields: Mapping[str, FieldInfo], names: Mapping[str, str]) -> Layer:
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    for field in (name for name, info in fields.items() if is_secret(info)):
        path = _secret_path(field.upper(), names)
        if path is None:
            continue
        text = _read_secret(field.upper(), path)
        if text:
            values[field] = text
            origins[field] = f"secret file {path}"
    return Layer(values, origins)


def _secret_path(name: str, names: Mapping[str, str]) -> Path | None:
    named = names.get(f"{name}_FILE", "").strip()
    if named:
        return Path(named)
    mounted = (SECRETS_FOLDER / name.lower(), SECRETS_FOLDER / name)
    return next((path for path in mounted if _is_there(f"{name}_FILE", path)), None)


def _is_there(name: str, path: Path) -> bool:
    """Whether `path` is a file. Not being allowed to look is an error: what it may hold, a limit perhaps, would silently not count."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigurationError(f"{name}: {path} cannot be read ({type(error).__name__}); allowed: a readable file") from None


def _read_secret(name: str, path: Path) -> str:
    try:
        if path.stat().st_size > MAX_SECRET_BYTES:
            raise ConfigurationError(f"{name}_FILE: {path} is larger than {MAX_SECRET_BYTES} bytes, which no secret is")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}_FILE: {path} cannot be read ({type(error).__name__}); allowed: a readable text file") from None


def _toml(fields: Mapping[str, FieldInfo], settings_file: str) -> Layer:
    path = Path(settings_file) if settings_file else TOML_FILE
    if not settings_file and not _is_there("SETTINGS_FILE", path):
        return Layer({}, {})
    table = _read_toml(path)
    unknown = [
        f"{path}: {name} is no setting{nearest_name(name, fields)}" for name in table if name not in fields or name == "settings_file"
    ]
    if unknown:
        raise ConfigurationError("\n".join(unknown))
    values = {name: value.strip() if isinstance(value, str) else value for name, value in table.items() if value != ""}
    return Layer(values, dict.fromkeys(values, str(path)))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise ConfigurationError(f"SETTINGS_FILE: {path} is larger than {MAX_TOML_BYTES} bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"SETTINGS_FILE: {path} cannot be read ({type(error).__name__}); allowed: a readable TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"SETTINGS_FILE: {path} is no TOML: {error}") from None
