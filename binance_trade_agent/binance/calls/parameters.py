"""From optional arguments to the parameters that are sent: what is None is left out."""

from enum import Enum

Value = str | int | bool | Enum | None


def given(**params: Value) -> dict[str, str]:
    """The parameters that have a value, as text."""
    return {name: _text(value) for name, value in params.items() if value is not None}


def _text(value: str | int | bool | Enum) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
