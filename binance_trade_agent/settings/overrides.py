"""Overrides: the settings of one symbol where they differ from everybody's, checked as the settings that they stand in for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from binance_trade_agent.settings.fields import about, allowed_text
from binance_trade_agent.settings.sources import nearest_name

if TYPE_CHECKING:
    from binance_trade_agent.settings.catalogue import Settings

STRATEGY_NAMES = frozenset({"strategy_name", "strategy_path"})


def override_lines(settings: "Settings") -> list[str]:
    """One sentence for each override that cannot hold by itself."""
    lines = []
    for symbol, table in settings.symbol_overrides.items():
        lines += [f"SYMBOL_OVERRIDES: {symbol}: {line}" for name, value in table.items() if (line := _problem(settings, name, value))]
    return lines


def settings_of_symbol(settings: "Settings", symbol: str) -> "Settings":
    """`settings` as they hold for `symbol`; the same object where nothing differs. The overrides are right, see `override_lines`.

    A symbol with a strategy of its own takes no parameters of everybody's strategy.
    """
    table = settings.symbol_overrides.get(symbol)
    if not table:
        return settings
    fields = _per_symbol_fields(settings)
    values = {name: _adapter(fields[name]).validate_python(value) for name, value in table.items()}
    if STRATEGY_NAMES & values.keys():
        values = {"strategy_path": "", "strategy_parameters": {}, **values}
    return settings.model_copy(update=values)


def _problem(settings: "Settings", name: str, value: object) -> str | None:
    fields = _per_symbol_fields(settings)
    field = fields.get(name)
    if field is None:
        why = "is for all symbols" if name in type(settings).model_fields else f"is no setting{nearest_name(name, fields)}"
        return f"{name.upper()} {why}; allowed: settings that docs/settings.md calls per symbol"
    try:
        _adapter(field).validate_python(value)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        unit = f" ({about(field).unit})" if about(field).unit else ""
        return f"{name.upper()} is {str(value)!r:.80}{f' ({cause})' if cause else ''}; allowed: {allowed_text(field)}{unit}"
    return None


def _per_symbol_fields(settings: "Settings") -> Mapping[str, FieldInfo]:
    return {name: field for name, field in type(settings).model_fields.items() if about(field).per_symbol}


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = Annotated[field.annotation, about(field), *field.metadata]  # what pydantic does not know it passes over
    return TypeAdapter(kind)
