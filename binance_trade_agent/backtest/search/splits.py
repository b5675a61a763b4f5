"""How time is cut: windows to search, the piece after each to try its best values on, and a holdout at the end."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.storage.candles.calendar import Span

TRAIN_PIECES = 3
"""How many pieces the first window has, beside the one that it is tried on; a rolling window keeps that length."""

LEAST_CANDLES = 50
"""A piece of fewer candles says nothing."""

MOST_FOLDS = 50


class Walk(StrEnum):
    """What becomes of a window's beginning as it moves on: it stays where it was, or moves along."""

    ANCHORED = "anchored"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Fold:
    """A window that is searched, and the piece right after it that its best values are tried on."""

    train: Span
    test: Span


@dataclass(frozen=True, slots=True)
class Splits:
    """All folds in order, the last window (which ends where the holdout begins), and the holdout; None for none."""

    folds: tuple[Fold, ...]
    final: Span
    holdout: Span | None


def cut(whole: Span, *, folds: int, walk: Walk, holdout: Decimal, interval_ms: int) -> Splits:
    """Cut `whole` into splits on bounds of candles.

    The holdout is the newest share `holdout` of the time. The rest is TRAIN_PIECES + folds pieces of one length; fold i searches the
    TRAIN_PIECES pieces (anchored: all) before piece i and is tried on piece i. Raises ConfigurationError when a piece is too short.
    """
    if not 1 <= folds <= MOST_FOLDS:
        raise ConfigurationError(f"--folds is {folds}; allowed: 1 to {MOST_FOLDS}")
    if not 0 <= holdout < 1:
        raise ConfigurationError(f"--holdout is {holdout}; allowed: a share from 0 to less than 1")
    candles = (whole.end_ms - whole.start_ms) // interval_ms
    kept_back = int(candles * holdout)
    piece = (candles - kept_back) // (TRAIN_PIECES + folds)
    if piece < LEAST_CANDLES or 0 < kept_back < LEAST_CANDLES:
        raise ConfigurationError(
            f"{counted(candles, 'candle is', 'candles are')} too few for {counted(folds, 'fold')} and a holdout of {holdout}: pieces would "
            f"have {counted(piece, 'candle')}, the holdout {kept_back}; allowed: {LEAST_CANDLES} or more. "
            "Take a longer range, fewer folds or another holdout"
        )
    searched_end_ms = whole.start_ms + (candles - kept_back) * interval_ms
    # What does not divide evenly is left over at the beginning, so that the newest candles are used.
    first_ms = searched_end_ms - (TRAIN_PIECES + folds) * piece * interval_ms

    def train(ends_with: int) -> Span:
        begins_with = 0 if walk is Walk.ANCHORED else ends_with - TRAIN_PIECES
        return Span(first_ms + begins_with * piece * interval_ms, first_ms + ends_with * piece * interval_ms)

    ends = range(TRAIN_PIECES, TRAIN_PIECES + folds)
    made = tuple(Fold(train(end), Span(train(end).end_ms, train(end + 1).end_ms)) for end in ends)
    kept = Span(searched_end_ms, searched_end_ms + kept_back * interval_ms) if kept_back else None
    return Splits(made, train(TRAIN_PIECES + folds), kept)
