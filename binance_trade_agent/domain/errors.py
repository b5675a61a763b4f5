"""The one tree of errors that this package raises.

    AgentError
    +-- ConfigurationError        a setting is missing or wrong; nothing has started
    +-- MoneyError                text or a float where an exact decimal is due
    +-- RuleViolationError             an order that the symbol's filters can never take
    +-- IllegalTransitionError         an order event that the state table does not hold
    +-- MarketDataError           candles, prices or books that cannot be used
    |   +-- RecordedFileError     a recorded file that cannot be read; names file and line
    |       +-- CandleFileError   a candle file
    |       +-- TradeFileError    a trade file
    +-- CandleStoreError      a candle store that cannot be written; nothing of it is spoiled
    |   +-- CandleStoreFullError    the disk has no room for it
    +-- DiskFullError         the disk has no room for a report or a study file
    +-- StrategyError             a strategy is unknown, or its parameters are out of range
    +-- ExchangeError             anything that went wrong between us and the exchange
    |   +-- NotSentError          the request never left this machine
    |   |   +-- PoolTimeoutError  no connection became free in time
    |   |   +-- UpgradeRefusedError   the server answered a WebSocket upgrade with an HTTP status; carries it and its Retry-After
    |   |   +-- CircuitOpenError  we have stopped asking this part of the exchange for a while; carries retry_after_s
    |   +-- ExchangeRefusedError       the exchange answered with a definite no (code, message)
    |   |   +-- RateLimitedError  429 or 418; carries retry_after_s
    |   +-- FateUnknownError      sent, but no trustworthy answer came: the request may have been carried out
    |   +-- BadAnswerError        an answer came that is not what the documents promise
    +-- BookError                 the book (database) cannot be read or written
    |   +-- ModeUnwrittenError    a change of mode is in force that the book has not taken yet
    |   +-- BookLockedError       another process holds the data folder, the account, or the book's file
    |   +-- BookFullError         the disk has no room for the book
    |   +-- BookDamagedError      the book's file is not what was written to it
    |   +-- BookMismatchError     the book and the exchange disagree beyond repair
    |       +-- ExchangeResetError      the exchange has forgotten everything, and a new book may begin
    +-- ServiceError              a part of the service died

Texts never hold secrets: whoever raises names the setting or the field, not its value, wherever the value could be one.
"""

import errno
from enum import IntEnum
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a system says when a disk, or a user's part of it, is full."""


class ExitCode(IntEnum):
    """What the process tells its caller when it ends; documented in docs/runbook.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    BOOK_LOCKED = 4
    BOOK_FAILED = 5
    EXCHANGE_UNREACHABLE = 6
    MISMATCH = 7
    COMPONENT_DIED = 8
    MARKET_DATA = 9
    BOOK_DAMAGED = 10
    DISK_FULL = 11
    EXCHANGE_RESET = 12


class AgentError(Exception):
    """The root of every error this package raises on purpose."""

    exit_code: ExitCode = ExitCode.FAILED


class ConfigurationError(AgentError):
    """A setting is missing or wrong. The text names the setting, what it was, and what is allowed."""

    exit_code = ExitCode.CONFIGURATION


class MoneyError(AgentError):
    """A value that cannot be exact money: a float, NaN, an infinity, or no number at all."""


class RuleViolationError(AgentError):
    """An order that the symbol's filters can never accept. `rule` is Binance's filter name, such as LOT_SIZE."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule = rule
        self.reason = reason


class IllegalTransitionError(AgentError):
    """An order event that its state does not allow; never ignored, because one of the two books is wrong."""


class MarketDataError(AgentError):
    """Market data that is missing, stale or malformed."""

    exit_code = ExitCode.MARKET_DATA


class RecordedFileError(MarketDataError):
    """A recorded file that cannot be used; the text names the file, the line and what was expected."""


class CandleFileError(RecordedFileError):
    """A recorded candle file that cannot be used."""


class TradeFileError(RecordedFileError):
    """A recorded trade file that cannot be used."""


class CandleStoreError(AgentError):
    """A candle store that cannot be written: no room, no leave, or another process that writes. What is in it stays as it was."""

    @staticmethod
    def at(place: Path, error: OSError) -> "CandleStoreError":
        """The error for a file or folder of a store that was not written because of `error`."""
        kind = CandleStoreFullError if error.errno in NO_ROOM else CandleStoreError
        return kind(f"{place}: cannot be written: {error.strerror or error}")


class CandleStoreFullError(CandleStoreError):
    """The disk has no room for a file of a candle store; started again when there is some, the command goes on where it stood."""

    exit_code = ExitCode.DISK_FULL


class DiskFullError(AgentError):
    """The disk has no room for a file that was asked for; the text names the option and the file."""

    exit_code = ExitCode.DISK_FULL


class StrategyError(AgentError):
    """A strategy that is unknown, cannot be loaded, or has parameters out of range."""

    exit_code = ExitCode.CONFIGURATION


class ExchangeError(AgentError):
    """Something went wrong between us and the exchange."""

    exit_code = ExitCode.EXCHANGE_UNREACHABLE


class NotSentError(ExchangeError):
    """The request provably never left this machine: no free connection, no DNS, no TCP, no TLS."""


class PoolTimeoutError(NotSentError):
    """No connection of the pool became free within its bound."""


class UpgradeRefusedError(NotSentError):
    """The server answered a WebSocket upgrade with an HTTP `status` of its own; `retry_after` is that header, if there was one."""

    def __init__(self, message: str, status: int, retry_after: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class CircuitOpenError(NotSentError):
    """This part of the exchange has not answered for a while, and is not asked for `retry_after_s` seconds more."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ExchangeRefusedError(ExchangeError):
    """The exchange answered with a definite no.

    `code` is Binance's error code (errors.md), `status` the HTTP status.
    """

    def __init__(self, code: int, message: str, status: int) -> None:
        super().__init__(f"exchange refused with code {code} (HTTP {status}): {message}")
        self.code = code
        self.message = message
        self.status = status


class RateLimitedError(ExchangeRefusedError):
    """HTTP 429 or 418: stop asking for `retry_after_s` seconds."""

    def __init__(self, code: int, message: str, status: int, retry_after_s: float) -> None:
        super().__init__(code, message, status)
        self.retry_after_s = retry_after_s


class FateUnknownError(ExchangeError):
    """The request was sent, and no trustworthy answer came. An order may or may not have been placed."""


class BadAnswerError(ExchangeError):
    """The exchange's answer is not what its documents promise (bad JSON, a missing field, a number that is none)."""


class BookError(AgentError):
    """The book cannot be read or written; no entries are made while this lasts."""

    exit_code = ExitCode.BOOK_FAILED


class ModeUnwrittenError(BookError):
    """A change of mode is in force, and the book has not taken it; it is written again until the book does."""


class BookLockedError(BookError):
    """Another process holds the data folder, the account or the book's file; two daemons on one book or account would both trade."""

    exit_code = ExitCode.BOOK_LOCKED


class BookFullError(BookError):
    """The disk has no room for what the book must write; starting again helps once there is some."""

    exit_code = ExitCode.DISK_FULL


class BookDamagedError(BookError):
    """The book's file does not hold what was written to it; only a backup helps, starting again never does."""

    exit_code = ExitCode.BOOK_DAMAGED


class BookMismatchError(BookError):
    """The book and the exchange's own account disagree, and no rule says how to mend it."""

    exit_code = ExitCode.MISMATCH


class ExchangeResetError(BookMismatchError):
    """The exchange has forgotten the account's orders and trades, as a test network does; this book is over, and a new one may begin."""

    exit_code = ExitCode.EXCHANGE_RESET


class ServiceError(AgentError):
    """A part of the service ended that must not end."""

    exit_code = ExitCode.COMPONENT_DIED
