"""Values of settings as people are shown them, in reports and by `config show`."""

from typing import Any

import orjson
from pydantic import SecretStr

HIDDEN = "(set, hidden)"


def shown(value: Any) -> str:
    """The value as text: secrets hidden, lists joined by commas, tables as JSON, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return orjson.dumps(value, default=str).decode()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
