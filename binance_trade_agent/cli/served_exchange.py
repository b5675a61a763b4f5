"""ServedExchange: market, clock, memory and accounts of the exchange that the command line serves."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.cli.account_file import AccountEntry, read_accounts
from binance_trade_agent.cli.served_market import served_market
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.clocks import ScaledClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.storage.data_lock import data_folder_lock
from binance_trade_agent.wiring.embedded_venue import API_KEY, API_SECRET
from binance_trade_agent.wiring.exchange_memory import opened_memory, require_same_market


@dataclass(frozen=True, slots=True)
class ServedExchange:
    """The exchange, and what may be said about its keys."""

    exchange: SimulatedExchange
    key_notice: str


@contextmanager
def open_exchange(
    settings: Settings, speed: float, *, trades: Path | None, data: Path | None, accounts: Path | None, history: Path | None
) -> Iterator[ServedExchange]:
    """An exchange of `settings` whose market runs `speed` times as fast as real time.

    Recorded `trades` take the place of the settings' market. With `data` its memory survives in that folder, which no other process may
    use meanwhile, and its time goes on where it stood. `accounts` is a file of accounts, and `history` one that the complete history is
    written to at the end. Raises ConfigurationError, RecordedFileError, BookError, BookLockedError.
    """
    entries = None if accounts is None else read_accounts(accounts)
    with ExitStack() as stack:
        if history is not None:
            _require_writable(history)
        if data is not None:
            stack.enter_context(data_folder_lock(data))
        store = stack.enter_context(opened_memory(data))
        played = served_market(settings, trades)
        require_same_market(store, *played.identity)
        rate = settings.demo_fee_rate
        clock = ScaledClock(speed, max(played.start_ms, store.last_time_ms))
        exchange = SimulatedExchange(played.market, clock, maker_rate=rate, taker_rate=rate, store=store, seed=settings.demo_seed)
        own = _own_account(settings, played.cash)
        for entry in [own] if entries is None else entries:
            entry.open_on(exchange)
        try:
            yield ServedExchange(exchange, _key_notice(accounts, own))
        finally:
            exchange.checkpoint()
            if history is not None:
                _write(exchange, history)


def _require_writable(path: Path) -> None:
    """Refuse a place for the history before there is one to lose; what stands there stays."""
    with _being_written(path) as part:
        part.touch()


def _write(exchange: SimulatedExchange, path: Path) -> None:
    """The history; the file takes its name only when everything is in it."""
    with _being_written(path) as part:
        with part.open("wb") as out:
            out.writelines(exchange.history())
        part.replace(path)


@contextmanager
def _being_written(path: Path) -> Iterator[Path]:
    """A file beside `path`, gone afterwards. Raises BookError, which names the option, when nothing can be written there."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.unlink(missing_ok=True)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise BookError(f"--history {path} cannot be written: {error.strerror}") from error


def _key_notice(accounts: Path | None, own: AccountEntry) -> str:
    """Only the built-in key is shown: it is in the source anyway, and opens nothing else."""
    if accounts is not None:
        return f"Keys and secrets are those of {accounts}."
    return f"Key {API_KEY}, secret {API_SECRET}" if own.key == API_KEY else "Key and secret are those of the settings."


def _own_account(settings: Settings, cash: Mapping[str, Decimal]) -> AccountEntry:
    if settings.binance_api_key is None or settings.binance_api_secret is None:
        return AccountEntry(API_KEY, API_SECRET, cash)
    return AccountEntry(settings.binance_api_key.get_secret_value(), settings.binance_api_secret.get_secret_value(), cash)
