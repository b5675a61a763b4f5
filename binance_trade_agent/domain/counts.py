"""Counts as people read them: 1 order, 2 orders, for reports, reasons and messages."""


def counted(number: int, noun: str, several: str = "") -> str:
    """`number` with its noun; `several` is the noun of more than one, or of none, where that is not `noun` with an s."""
    return f"{number} {named(number, noun, several)}"


def named(number: int, noun: str, several: str = "") -> str:
    """The noun alone, as it stands after `number`."""
    return noun if number == 1 else several or f"{noun}s"
