"""Choice of symbols: the first N by quote volume of those that no filter refuses, with room to stay, and what is held besides.

Pure rules over values; what is known of the symbols is asked elsewhere. Every candidate gets a verdict with its reason.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.money import ZERO, plain, ratio, times
from binance_trade_agent.domain.symbol_rules import SymbolStatus

LEVERAGED_ENDINGS = ("UP", "DOWN", "BULL", "BEAR")
"""A base asset is a leveraged token when it is another candidate's with one of these behind it: BTCUP beside BTC, but not JUP."""

MONEY_ASSETS = frozenset(
    {
        "AEUR",
        "BFUSD",
        "BUSD",
        "DAI",
        "EURI",
        "FDUSD",
        "FRAX",
        "GUSD",
        "PAX",
        "PYUSD",
        "RLUSD",
        "SUSD",
        "TUSD",
        "USD",
        "USD1",
        "USDC",
        "USDD",
        "USDE",
        "USDP",
        "USDS",
        "USDSB",
        "USDT",
        "UST",
        "USTC",
        "XUSD",
        "ARS",
        "AUD",
        "BIDR",
        "BRL",
        "BVND",
        "COP",
        "CZK",
        "EUR",
        "GBP",
        "IDRT",
        "JPY",
        "MXN",
        "NGN",
        "PLN",
        "RON",
        "RUB",
        "TRY",
        "UAH",
        "ZAR",
    }
)
"""Coins that are meant to be worth a unit of money, and monies themselves. A pair of two of them is a stable pair."""

_PERCENT = Decimal(100)
_HUNDREDTH = Decimal("0.01")


class Obstacle(StrEnum):
    """Why a symbol is not chosen, in the order in which it is asked."""

    NOT_TRADING = "not-trading"
    BLACKLISTED = "blacklisted"
    NOT_WHITELISTED = "not-whitelisted"
    LEVERAGED = "leveraged"
    STABLE_PAIR = "stable-pair"
    NO_QUOTE = "no-quote"
    PRICE = "price"
    SPREAD = "spread"
    VOLATILITY = "volatility"
    AGE = "age"
    RANK = "rank"


class ListingAge(StrEnum):
    """What is known of how long a symbol has been traded: NOT_ASKED passes for the time being, UNKNOWN does not."""

    NOT_ASKED = "not-asked"
    OLD_ENOUGH = "old-enough"
    TOO_YOUNG = "too-young"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A symbol with its last 24 hours: price, volume, lowest and highest price in quote units, and the best bid and ask now."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus
    last_price: Decimal
    quote_volume: Decimal
    bid: Decimal
    ask: Decimal
    low: Decimal
    high: Decimal
    age: ListingAge = ListingAge.NOT_ASKED


@dataclass(frozen=True, slots=True)
class SelectionRules:
    """How many are chosen, and what is refused. Shares are of one; a `max_price` of 0 is no bound; empty `whitelist`: everything.

    `slack` is how many ranks beyond `count` a symbol that was chosen before may fall, and how many ranks within it one that was not
    must climb, before they change places. Patterns are of whole symbols, with * and ?.
    """

    count: int
    slack: int = 0
    min_age_days: int = 0
    max_spread: Decimal = Decimal(1)
    min_range: Decimal = ZERO
    max_range: Decimal = Decimal(100)
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one candidate. `rank` is its place by volume among those that no filter refuses, None for the others.

    `obstacle` is None for what is chosen. What is not chosen and yet held, or has an open order, is only sold (`is_exits_only`).
    """

    candidate: Candidate
    is_chosen: bool
    why: str
    rank: int | None = None
    obstacle: Obstacle | None = None
    is_exits_only: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """A verdict for each candidate: the chosen ones first, then what is only sold, each part by rank and then by volume."""

    verdicts: tuple[Verdict, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is chosen, highest rank first."""
        return tuple(verdict.candidate.symbol for verdict in self.verdicts if verdict.is_chosen)

    @property
    def exits_only(self) -> tuple[str, ...]:
        """What is not chosen, and sold until nothing of it is held any more."""
        return tuple(verdict.candidate.symbol for verdict in self.verdicts if verdict.is_exits_only)


def choose(
    candidates: Sequence[Candidate], rules: SelectionRules, *, previous: Collection[str] = (), kept: Collection[str] = ()
) -> Selection:
    """The choice among `candidates`, which are all quoted in one asset; `previous` was chosen last time.

    `kept` are held or have an open order: they are chosen on the same terms as all, and take no place where they are not.
    """
    against = _obstacles(candidates, rules)
    able = sorted((candidate for candidate in candidates if candidate.symbol not in against), key=_by_volume)
    ranks = {candidate.symbol: rank for rank, candidate in enumerate(able, 1)}
    claims = sorted(ranks, key=lambda symbol: _claim(symbol, ranks[symbol], rules, previous))
    chosen = frozenset(claims[: rules.count])
    verdicts = (_verdict(candidate, ranks, against, chosen, kept) for candidate in candidates)
    return Selection(tuple(sorted(verdicts, key=lambda verdict: _place(verdict, len(candidates)))))


def _claim(symbol: str, rank: int, rules: SelectionRules, previous: Collection[str]) -> tuple[int, int]:
    """Who comes first: the ranks that are well within, then those who were there and have not fallen far, then everybody."""
    if rank <= rules.count - rules.slack:
        return 0, rank
    return (1 if symbol in previous and rank <= rules.count + rules.slack else 2), rank


def _verdict(
    candidate: Candidate,
    ranks: Mapping[str, int],
    against: Mapping[str, tuple[Obstacle, str]],
    chosen: Collection[str],
    kept: Collection[str],
) -> Verdict:
    symbol, rank = candidate.symbol, ranks.get(candidate.symbol)
    obstacle, why = against.get(symbol, (None, f"rank {rank} by volume"))
    if symbol in chosen:
        return Verdict(candidate, True, why, rank)
    if symbol in kept:
        return Verdict(candidate, False, f"held, or with an open order, so only sold; {why}", rank, obstacle or Obstacle.RANK, True)
    return Verdict(candidate, False, why, rank, obstacle or Obstacle.RANK)


def _place(verdict: Verdict, last: int) -> tuple[bool, bool, int, Decimal, str]:
    return not verdict.is_chosen, not verdict.is_exits_only, verdict.rank or last + 1, *_by_volume(verdict.candidate)


def _by_volume(candidate: Candidate) -> tuple[Decimal, str]:
    return -candidate.quote_volume, candidate.symbol


def _obstacles(candidates: Iterable[Candidate], rules: SelectionRules) -> dict[str, tuple[Obstacle, str]]:
    everybody = tuple(candidates)
    bases = frozenset(candidate.base_asset for candidate in everybody)
    found = {}
    for candidate in everybody:
        told = _name(candidate, rules, bases) or next((told for ask in _QUESTIONS if (told := ask(candidate, rules))), None)
        if told is not None:
            found[candidate.symbol] = told
    return found


def _name(candidate: Candidate, rules: SelectionRules, bases: frozenset[str]) -> tuple[Obstacle, str] | None:
    """What status and name alone say."""
    if candidate.status is not SymbolStatus.TRADING:
        return Obstacle.NOT_TRADING, f"its status is {candidate.status}"
    pattern = next((pattern for pattern in rules.blacklist if fnmatchcase(candidate.symbol, pattern)), None)
    if pattern is not None:
        return Obstacle.BLACKLISTED, f"it is blacklisted by {pattern}"
    if rules.whitelist and not any(fnmatchcase(candidate.symbol, pattern) for pattern in rules.whitelist):
        return Obstacle.NOT_WHITELISTED, "no pattern of the whitelist fits"
    others = bases - {candidate.base_asset}
    leveraged = next((rest for ending in LEVERAGED_ENDINGS if (rest := candidate.base_asset.removesuffix(ending)) in others), None)
    if leveraged is not None:
        return Obstacle.LEVERAGED, f"it is a leveraged token of {leveraged}"
    if {candidate.base_asset, candidate.quote_asset} <= MONEY_ASSETS:
        return Obstacle.STABLE_PAIR, f"{candidate.base_asset} and {candidate.quote_asset} are both money"
    return None


def _quoted(candidate: Candidate, _: SelectionRules) -> tuple[Obstacle, str] | None:
    if min(candidate.last_price, candidate.bid, candidate.ask, candidate.low, candidate.high, candidate.quote_volume) > 0:
        return None
    return Obstacle.NO_QUOTE, "nobody bids, asks or trades"


def _priced(candidate: Candidate, rules: SelectionRules) -> tuple[Obstacle, str] | None:
    price = candidate.last_price
    if price < rules.min_price:
        return Obstacle.PRICE, f"its price {plain(price)} is below {plain(rules.min_price)}"
    if rules.max_price and price > rules.max_price:
        return Obstacle.PRICE, f"its price {plain(price)} is above {plain(rules.max_price)}"
    return None


def _spread(candidate: Candidate, rules: SelectionRules) -> tuple[Obstacle, str] | None:
    width = candidate.ask - candidate.bid
    if width <= times(rules.max_spread, candidate.ask):
        return None
    return Obstacle.SPREAD, f"its spread of {_percent(width, candidate.ask)} % is above {_percent(rules.max_spread)} %"


def _volatility(candidate: Candidate, rules: SelectionRules) -> tuple[Obstacle, str] | None:
    width = candidate.high - candidate.low
    told = f"its range of 24 hours, {_percent(width, candidate.low)} %, is"
    if width < times(rules.min_range, candidate.low):
        return Obstacle.VOLATILITY, f"{told} below {_percent(rules.min_range)} %"
    if width > times(rules.max_range, candidate.low):
        return Obstacle.VOLATILITY, f"{told} above {_percent(rules.max_range)} %"
    return None


def _aged(candidate: Candidate, rules: SelectionRules) -> tuple[Obstacle, str] | None:
    if not rules.min_age_days or candidate.age in {ListingAge.NOT_ASKED, ListingAge.OLD_ENOUGH}:
        return None
    if candidate.age is ListingAge.TOO_YOUNG:
        return Obstacle.AGE, f"it has been traded for less than {counted(rules.min_age_days, 'day')}"
    return Obstacle.AGE, "its age was not asked, because enough others were"


_QUESTIONS: tuple[Callable[[Candidate, SelectionRules], tuple[Obstacle, str] | None], ...] = (_quoted, _priced, _spread, _volatility, _aged)


def _percent(share: Decimal, of: Decimal = Decimal(1)) -> str:
    return plain(ratio(times(share, _PERCENT), of).quantize(_HUNDREDTH))
