"""Checks of settings against each other: limits in order, modes without contradiction, keys where they are due."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError

from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.binance.keys import require_api_key, signer_for
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import quote_of
from binance_trade_agent.domain.risk import SizingMethod
from binance_trade_agent.settings.choices import LIVE_CONFIRMATION, Protection, SymbolSelection, Venue
from binance_trade_agent.settings.overrides import override_lines
from binance_trade_agent.settings.server_addresses import is_other_exchange, stream_url_for, websocket_api_url_for

if TYPE_CHECKING:
    from binance_trade_agent.settings.catalogue import Settings

_REAL_MONEY_DOMAIN = ".binance.com"
_SHORTEST_DEMO_CANDLES_MS = 60_000  # the market of the embedded exchange moves in steps of seconds
_DEMO_HOST = urlsplit(Venue.BINANCE_DEMO.base_url).hostname


class SettingsDisagreeError(ValueError):
    """Settings that are each allowed but not together; `lines` has one sentence for each problem."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def with_mode_by_older_names(values: Any) -> Any:
    """`values` with `trading_mode` set from DEMO_MODE and BINANCE_TESTNET where it is not set itself."""
    if not isinstance(values, dict) or values.get("trading_mode") is not None:
        return values
    if _is_true(values.get("demo_mode")):
        return {**values, "trading_mode": Venue.DEMO}
    if _is_true(values.get("binance_testnet")):
        return {**values, "trading_mode": Venue.TESTNET}
    return values


def _is_true(value: object) -> bool:
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError:
        return False


def check_together(settings: "Settings") -> None:
    """Raise SettingsDisagreeError with every contradiction there is."""
    checks = (_limits, _protection, _modes, _keys, _server, _sockets, _order_entry, _candles, _symbols, _selection, _overrides)
    lines = tuple(line for check in checks for line in check(settings))
    if lines:
        raise SettingsDisagreeError(lines)


def warnings_of(settings: "Settings") -> tuple[str, ...]:
    """Sentences about settings that are allowed but may not do what their owner thinks."""
    lines = []
    if settings.redis_host and settings.candles_dir is not None:
        lines.append(
            "REDIS_HOST is set, but recorded candles are played in virtual time, which waits for no server: nothing is cached there"
        )
    lines += _idle_overrides(settings)
    if settings.demo_mode and settings.binance_testnet:
        lines.append("DEMO_MODE and BINANCE_TESTNET are both true: the demo is run; set TRADING_MODE to choose")
    if settings.demo_mode is False and "trading_mode" not in settings.model_fields_set:
        lines.append("DEMO_MODE=false chooses no mode by itself: the demo is run; set TRADING_MODE to choose")
    if settings.trading_mode is not Venue.LIVE and settings.live_trading_confirmation:
        lines.append(f"LIVE_TRADING_CONFIRMATION is set, but the mode is {settings.trading_mode}: no real money is traded")
    return tuple(lines)


def _idle_overrides(settings: "Settings") -> list[str]:
    """Overrides of symbols that cannot be traded; which symbols recorded candles bring is not known here."""
    if settings.candles_dir is not None:
        return []
    if settings.symbol_selection is SymbolSelection.STATIC:
        idle = [symbol for symbol in settings.symbol_overrides if symbol not in settings.trading_symbols]
        return [f"SYMBOL_OVERRIDES names {', '.join(idle)}, not among TRADING_SYMBOLS"] if idle else []
    never = [symbol for symbol in settings.symbol_overrides if not _may_be_chosen(settings, symbol)]
    why = f"not quoted in {settings.accounting_asset}, blacklisted, or not on the whitelist"
    return [f"SYMBOL_OVERRIDES names {', '.join(never)}, never chosen by SYMBOL_SELECTION: {why}"] if never else []


def _may_be_chosen(settings: "Settings", symbol: str) -> bool:
    names = settings.symbol_whitelist
    is_listed = not names or any(fnmatchcase(symbol, pattern) for pattern in names)
    is_refused = any(fnmatchcase(symbol, pattern) for pattern in settings.symbol_blacklist)
    return symbol.endswith(settings.accounting_asset) and is_listed and not is_refused


def _limits(settings: "Settings") -> list[str]:
    lines = []
    trade, position, exposure = settings.risk_max_single_trade_size, settings.risk_max_position_per_symbol, settings.risk_max_total_exposure
    if trade > position:
        lines.append(f"RISK_MAX_SINGLE_TRADE_SIZE is {trade}; allowed: at most RISK_MAX_POSITION_PER_SYMBOL, which is {position}")
    if position > exposure:
        lines.append(f"RISK_MAX_POSITION_PER_SYMBOL is {position}; allowed: at most RISK_MAX_TOTAL_EXPOSURE, which is {exposure}")
    ranges, window = settings.risk_sizing_atr_candles, settings.candle_window
    if settings.risk_sizing is SizingMethod.VOLATILITY and ranges >= window:
        lines.append(f"RISK_SIZING_ATR_CANDLES is {ranges}; allowed: less than CANDLE_WINDOW, which is {window}")
    returns = settings.risk_correlation_candles
    if settings.risk_max_correlated_exposure < 1 and returns >= window:
        lines.append(f"RISK_CORRELATION_CANDLES is {returns}; allowed: less than CANDLE_WINDOW, which is {window}")
    low, high = settings.signal_rsi_oversold, settings.signal_rsi_overbought
    if low >= high:
        lines.append(f"SIGNAL_RSI_OVERSOLD is {low:g}; allowed: less than SIGNAL_RSI_OVERBOUGHT, which is {high:g}")
    keep, most = settings.pool_max_keepalive, settings.pool_max_connections
    if keep > most:
        lines.append(f"POOL_MAX_KEEPALIVE is {keep}; allowed: at most POOL_MAX_CONNECTIONS, which is {most}")
    reserved = settings.pool_order_connections
    if reserved >= most:
        lines.append(f"POOL_ORDER_CONNECTIONS is {reserved}; allowed: less than POOL_MAX_CONNECTIONS, which is {most}")
    return lines


def _protection(settings: "Settings") -> list[str]:
    if settings.protection is Protection.OFF:
        return []
    if settings.risk_default_stop_loss_pct or settings.risk_trailing_stop_pct:
        return []
    allowed = f"allowed with PROTECTION={settings.protection}: one of them more than 0"
    return [f"RISK_DEFAULT_STOP_LOSS_PCT and RISK_TRAILING_STOP_PCT are 0; {allowed}"]


def _modes(settings: "Settings") -> list[str]:
    mode = settings.trading_mode
    lines = []
    if settings.demo_mode is not None and settings.demo_mode is not (mode is Venue.DEMO) and _is_chosen(settings):
        lines.append(f"DEMO_MODE is {_word(settings.demo_mode)}, but TRADING_MODE is {mode}; allowed: remove DEMO_MODE, the older name")
    testnet = settings.binance_testnet
    overruled = settings.demo_mode is True and mode is Venue.DEMO
    if testnet is True and mode is not Venue.TESTNET and not overruled:
        lines.append(f"BINANCE_TESTNET is true, but TRADING_MODE is {mode}; allowed: remove BINANCE_TESTNET, the older name")
    if testnet is False and mode is Venue.TESTNET:
        lines.append("BINANCE_TESTNET is false, but TRADING_MODE is testnet; allowed: remove BINANCE_TESTNET, the older name")
    if settings.candles_dir is not None and mode is not Venue.DEMO:
        lines.append(f"CANDLES_DIR is set, but TRADING_MODE is {mode}; allowed: recorded candles with TRADING_MODE=demo")
    return lines


def _is_chosen(settings: "Settings") -> bool:
    return "trading_mode" in settings.model_fields_set


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def _keys(settings: "Settings") -> list[str]:
    mode = settings.trading_mode
    lines = []
    if mode.needs_keys:
        keys = {"BINANCE_API_KEY": settings.binance_api_key, "BINANCE_API_SECRET": settings.binance_api_secret}
        lines += [f"{name} is not set; allowed: TRADING_MODE={mode} needs both keys" for name, key in keys.items() if key is None]
        lines += _unusable(settings)
    if mode is Venue.LIVE and settings.live_trading_confirmation != LIVE_CONFIRMATION:
        said = f"is {settings.live_trading_confirmation!r}" if settings.live_trading_confirmation else "is not set"
        lines.append(f'LIVE_TRADING_CONFIRMATION {said}; allowed: live trading needs exactly "{LIVE_CONFIRMATION}"')
    return lines


def _unusable(settings: "Settings") -> list[str]:
    """What is wrong with the keys, before the exchange is asked; their text is never shown."""
    try:
        require_api_key(_plain(settings.binance_api_key))
        if settings.binance_api_secret is not None:
            signer_for(_plain(settings.binance_api_secret), _plain(settings.binance_api_key_passphrase))
    except ConfigurationError as error:
        return [str(error)]
    return []


def _plain(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


def _server(settings: "Settings") -> list[str]:
    if settings.trading_mode in {Venue.LIVE, Venue.PAPER, Venue.DEMO}:
        return []
    host = urlsplit(settings.binance_base_url).hostname or ""
    if host == _DEMO_HOST or not f".{host}".endswith(_REAL_MONEY_DOMAIN):
        return []
    return [
        f"BINANCE_BASE_URL is {settings.binance_base_url!r}, a server that trades real money, but TRADING_MODE is {settings.trading_mode}; "
        "allowed: TRADING_MODE=live with its confirmation"
    ]


def _sockets(settings: "Settings") -> list[str]:
    base_url = settings.base_url
    belonging = {
        "BINANCE_STREAM_URL": (settings.binance_stream_url, stream_url_for(base_url)),
        "BINANCE_WEBSOCKET_API_URL": (settings.binance_websocket_api_url, websocket_api_url_for(base_url)),
    }
    return [
        f"{name} is {url!r}; allowed: {_belonging(settings, own)}"
        for name, (url, own) in belonging.items()
        if is_other_exchange(base_url, url)
    ]


def _belonging(settings: "Settings", own: str) -> str:
    if settings.trading_mode is Venue.DEMO:
        return "empty, because TRADING_MODE=demo has an exchange of its own"
    server = settings.base_url
    return f"a server of the exchange that {server} belongs to, such as {own}" if own else f"empty, because {server} has none"


def _order_entry(settings: "Settings") -> list[str]:
    has_none = settings.trading_mode is Venue.PAPER or settings.candles_dir is not None
    if settings.order_entry is OrderEntry.REST or not has_none:
        return []
    where = "recorded candles" if settings.candles_dir is not None else f"TRADING_MODE={settings.trading_mode}"
    return [f"ORDER_ENTRY is {settings.order_entry}; allowed: rest, because {where} has no WebSocket API"]


def _candles(settings: "Settings") -> list[str]:
    made_up = settings.trading_mode is Venue.DEMO and settings.candles_dir is None
    if not made_up or settings.candle_interval_ms >= _SHORTEST_DEMO_CANDLES_MS:
        return []
    chosen = "" if "candle_interval" in settings.model_fields_set else ", which follows from TRADING_INTERVAL_SECONDS"
    return [
        f"CANDLE_INTERVAL is {settings.candle_interval}{chosen}; allowed: 1m or longer, because TRADING_MODE=demo has no shorter candles"
    ]


def _symbols(settings: "Settings") -> list[str]:
    if settings.quote_asset:
        strange = [symbol for symbol in settings.trading_symbols if not symbol.endswith(settings.quote_asset)]
        return (
            [f"QUOTE_ASSET is {settings.quote_asset!r}; allowed: the quote asset of every symbol, also of {', '.join(strange)}"]
            if strange
            else []
        )
    quotes = {quote_of(symbol) for symbol in settings.trading_symbols}
    if len(quotes) == 1 and None not in quotes:
        return []
    return ["TRADING_SYMBOLS share no known quote asset; allowed: symbols of one quote asset, named by QUOTE_ASSET when it is a rare one"]


def _selection(settings: "Settings") -> list[str]:
    lines = []
    if settings.symbol_selection is not SymbolSelection.STATIC and settings.candles_dir is not None:
        lines.append(f"SYMBOL_SELECTION is {settings.symbol_selection}; allowed: static, because recorded candles bring their symbols")
    low, high = settings.symbol_min_range, settings.symbol_max_range
    if low > high:
        lines.append(f"SYMBOL_MIN_RANGE is {low}; allowed: at most SYMBOL_MAX_RANGE, which is {high}")
    cheap, dear = settings.symbol_min_price, settings.symbol_max_price
    if dear and cheap > dear:
        lines.append(f"SYMBOL_MIN_PRICE is {cheap}; allowed: at most SYMBOL_MAX_PRICE, which is {dear}")
    return lines


def _overrides(settings: "Settings") -> list[str]:
    """What is wrong with the settings of single symbols, each by itself or together with everybody's."""
    lines = override_lines(settings)
    if lines:
        return lines
    everybody = {*_limits(settings), *_protection(settings)}
    for symbol in settings.symbol_overrides:
        own = settings.for_symbol(symbol)
        lines += [f"SYMBOL_OVERRIDES: {symbol}: {line}" for line in (*_limits(own), *_protection(own)) if line not in everybody]
    return lines
