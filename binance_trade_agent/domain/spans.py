"""Lengths of time as people read them: 7 h 37 min, for reports, reasons and messages."""

_DAY_S = 86_400


def lasting(ms: float) -> str:
    """A length of time (ms, 0 or more) in its two largest units; below a second in milliseconds."""
    if 0.5 < ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = round(ms / 1000)
    parts = [(seconds // _DAY_S, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    said = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 s"
