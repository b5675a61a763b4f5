"""Which symbols a question about the market is about: `symbol`, `symbols` and `symbolStatus` together."""

from collections.abc import Sequence
from enum import StrEnum

from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.rest.endpoint import Call, Venue
from binance_trade_agent.simulation.rest.params import MOST_SYMBOLS, Params


class AskedStatus(StrEnum):
    """The statuses that a question may be narrowed to (rest-api.md, "Order book")."""

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"


def one_symbol(venue: Venue, call: Call) -> str:
    """The symbol of a question about one; -1121 when there is none such, -1220 when its status is not the one that was asked for."""
    symbol = venue.engine.rules(call.params.symbol()).symbol
    require_status(venue, symbol, asked_status(call.params))
    return symbol


def require_status(venue: Venue, symbol: str, status: AskedStatus | None) -> None:
    """Raise -1220 when the symbol has another status."""
    if status is not None and venue.listings.listing(symbol).status.value != status.value:
        raise refused(-1220, "The symbol's status does not match the requested symbolStatus.")


def chosen_symbols(venue: Venue, call: Call, *, most: int = MOST_SYMBOLS, all_when_none: bool = True) -> tuple[Sequence[str], bool]:
    """The symbols of a question about one or several, and whether it is about one, so that the answer is an object.

    Of several, those with another status are left out. More than `most` are refused, and so is none unless `all_when_none`.
    """
    params = call.params
    one, several = params.optional_symbol(), params.symbols(most)
    if one is not None and several is not None:
        raise refusals.bad_combination()
    status = asked_status(params)
    if one is not None:
        symbol = venue.engine.rules(one).symbol
        require_status(venue, symbol, status)
        return (symbol,), True
    if several is None and not all_when_none:
        raise refusals.either_missing("symbol", "symbols")
    named = list(venue.market.rules) if several is None else [venue.engine.rules(name).symbol for name in several]
    return [name for name in named if status is None or venue.listings.listing(name).status.value == status.value], False


def count_of_symbols(params: Params, absent: int) -> int:
    """How many symbols a request names, for its weight; `absent` where it names none, and 1 where they cannot be read."""
    if params.has("symbol"):
        return 1
    text = params.text("symbols")
    return absent if text is None else text.count(",") + 1


def asked_status(params: Params) -> AskedStatus | None:
    """The parameter `symbolStatus`; -1122 for any other status."""
    return params.choice("symbolStatus", AskedStatus, -1122, "Invalid symbolStatus.")
