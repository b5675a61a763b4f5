"""Settings: sources and their order, what is refused and how it is said, modes and their older names."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.errors import ConfigurationError, StrategyError
from binance_trade_agent.settings import Settings, Venue, load_settings, load_with_sources, sources
from binance_trade_agent.settings.choices import INTERVAL_SECONDS, LIVE_CONFIRMATION, interval_not_above
from binance_trade_agent.wiring.stations import risk_limits, signal_agent

KEYS = {"binance_api_key": "key-0123456789abcdef", "binance_api_secret": "secret-0123456789abcdef"}


@pytest.fixture(autouse=True)
def outside(tmp_path, monkeypatch):
    """An empty working directory, an empty environment and an empty secrets folder."""
    for name in Settings.model_fields:
        for form in (name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(form, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SECRETS_FOLDER", tmp_path / "run-secrets")
    return tmp_path


def problems(**overrides):
    with pytest.raises(ConfigurationError) as caught:
        load_settings(**overrides)
    return str(caught.value).splitlines()


def test_defaults_are_the_demo_and_need_nothing():
    settings = load_settings()
    assert settings.trading_mode is Venue.DEMO
    assert settings.trading_symbols[:2] == ("BTCUSDT", "ETHUSDT")
    assert all(symbol.endswith("USDT") for symbol in settings.trading_symbols)
    assert settings.trading_interval_seconds == 60
    assert settings.candle_interval == "1m"
    assert settings.candle_interval_ms == 60_000
    assert settings.accounting_asset == "USDT"
    assert settings.portfolio_initial_value == Decimal(10000)
    assert settings.secret_values == ()


def test_sources_win_in_their_order(outside, monkeypatch):
    (outside / "config").mkdir()
    (outside / "config/settings.toml").write_text("demo_seed = 1\nhttp_port = 1\ncandle_window = 11\npool_max_keepalive = 9\n")
    (outside / ".env").write_text("DEMO_SEED=2\nHTTP_PORT=2\nCANDLE_WINDOW=12\n")
    monkeypatch.setenv("DEMO_SEED", "3")
    monkeypatch.setenv("HTTP_PORT", "3")
    loaded = load_with_sources(demo_seed=4)
    settings = loaded.settings
    assert (settings.demo_seed, settings.http_port, settings.candle_window, settings.pool_max_keepalive) == (4, 3, 12, 9)
    assert [loaded.origins[name] for name in ("demo_seed", "http_port", "candle_window", "pool_max_keepalive", "demo_speed")] == [
        "argument",
        "environment",
        ".env",
        "config/settings.toml",
        "default",
    ]


def test_only_upper_case_names_of_the_environment_count(monkeypatch):
    monkeypatch.setenv("demo_seed", "7")
    assert load_settings().demo_seed == 42


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_is_as_good_as_none(monkeypatch, outside, empty):
    (outside / ".env").write_text("HTTP_PORT=9\nBINANCE_API_KEY=\n")
    monkeypatch.setenv("HTTP_PORT", empty)
    monkeypatch.setenv("BINANCE_TESTNET", empty)
    settings = load_settings()
    assert settings.http_port == 9
    assert settings.binance_testnet is None
    assert settings.binance_api_key is None


def test_settings_file_names_the_toml_file_from_any_source(outside, monkeypatch):
    (outside / "a.toml").write_text("demo_seed = 1\n")
    (outside / "b.toml").write_text("demo_seed = 2\n")
    (outside / ".env").write_text("SETTINGS_FILE=a.toml\n")
    assert load_settings().demo_seed == 1
    monkeypatch.setenv("SETTINGS_FILE", "b.toml")
    assert load_settings().demo_seed == 2
    assert load_settings(settings_file="a.toml").demo_seed == 1
    assert "absent.toml" in problems(settings_file="absent.toml")[0]


def test_toml_numbers_stay_exact(outside):
    (outside / "s.toml").write_text(
        'risk_max_daily_drawdown = 0.07\ntrading_symbols = ["BTCUSDT"]\n[strategy_parameters]\nperiod = 9\nlevel = 0.5\n'
    )
    settings = load_settings(settings_file="s.toml")
    assert settings.risk_max_daily_drawdown == Decimal("0.07")
    assert settings.trading_symbols == ("BTCUSDT",)
    assert settings.strategy_parameters == {"period": 9, "level": 0.5}
    assert isinstance(settings.strategy_parameters["level"], float)


def test_parameters_from_a_stronger_source_replace_and_never_mix(outside):
    (outside / "s.toml").write_text("[strategy_parameters]\nperiod = 9\n")
    assert load_settings(settings_file="s.toml", strategy_parameters={"fast": 3}).strategy_parameters == {"fast": 3}


def test_an_unknown_name_in_toml_names_the_nearest(outside):
    (outside / "s.toml").write_text("risk_max_total_exposur = 1\nxyzzy = 2\n")
    first, second = problems(settings_file="s.toml")
    assert "risk_max_total_exposur is no setting; did you mean risk_max_total_exposure?" in first
    assert second.endswith("xyzzy is no setting")


def test_broken_toml_is_named(outside):
    (outside / "s.toml").write_text("demo_seed = \n")
    assert "s.toml is no TOML" in problems(settings_file="s.toml")[0]


def test_a_misspelled_environment_name_is_a_warning(monkeypatch):
    monkeypatch.setenv("TRADING_SYMBOL", "BTCUSDT")
    assert any("TRADING_SYMBOL is set but is no setting; did you mean TRADING_SYMBOLS?" in line for line in load_with_sources().warnings)


def test_secrets_come_from_named_files_and_from_the_secrets_folder(outside, monkeypatch):
    (outside / "key.txt").write_text("from-named-file\n")
    (outside / "run-secrets").mkdir()
    (outside / "run-secrets/binance_api_secret").write_text("lower-case-file")
    (outside / "run-secrets/REDIS_PASSWORD").write_text("upper-case-file")
    monkeypatch.setenv("BINANCE_API_KEY_FILE", "key.txt")
    loaded = load_with_sources()
    assert set(loaded.settings.secret_values) == {"from-named-file", "lower-case-file", "upper-case-file"}
    assert loaded.origins["binance_api_key"] == "secret file key.txt"
    monkeypatch.setenv("BINANCE_API_KEY", "from-environment")
    assert "from-environment" in load_settings().secret_values


def test_a_secret_file_that_is_missing_or_huge_is_an_error(outside, monkeypatch):
    monkeypatch.setenv("BINANCE_API_KEY_FILE", "nowhere")
    assert problems()[0].startswith("BINANCE_API_KEY_FILE: nowhere cannot be read")
    (outside / "nowhere").write_bytes(b"x" * (sources.MAX_SECRET_BYTES + 1))
    assert "no secret is" in problems()[0]


@pytest.mark.parametrize(
    ("path", "name"), [("config/settings.toml", "SETTINGS_FILE"), ("run-secrets/binance_api_key", "BINANCE_API_KEY_FILE")]
)
def test_a_file_that_cannot_be_looked_at_is_an_error_and_not_taken_for_missing(outside, path, name):
    (outside / path).parent.mkdir()
    (outside / path).symlink_to(outside / path)  # a loop: even for root it cannot be opened
    assert problems()[0].startswith(f"{name}: ")
    assert "cannot be read" in problems()[0]


def test_secrets_are_in_no_repr_and_no_error():
    for text in (repr(load_settings(**KEYS)), str(load_settings(**KEYS)), *problems(**KEYS, trading_mode="live", http_port=-1)):
        assert not any(secret in text for secret in KEYS.values())
    assert problems(binance_api_key=["key-in-a-list"]) == ["BINANCE_API_KEY is (hidden); allowed: text"]


def test_each_problem_has_a_line_with_name_value_and_what_is_allowed():
    lines = problems(recv_window_ms="70000", trading_interval_seconds="soon", log_format="xml", trading_symbolz="BTCUSDT")
    assert lines == [
        "TRADING_INTERVAL_SECONDS is 'soon'; allowed: a whole number from 1 to 86400 (s)",
        "RECV_WINDOW_MS is '70000'; allowed: a whole number from 1 to 60000 (ms)",
        "LOG_FORMAT is 'xml'; allowed: one of auto, json, console",
        "TRADING_SYMBOLZ is no setting; did you mean trading_symbols?",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trading_symbols", "btcusdt"),
        ("trading_symbols", "BTCUSDT,BTCUSDT"),
        ("trading_symbols", ","),
        ("trading_symbols", ",".join(f"A{number}USDT" for number in range(501))),
        ("trading_symbols", "BTCUSDT,ETHBTC"),
        ("candle_interval", "7m"),
        ("recv_window_ms", 0),
        ("http_port", 65_536),
        ("risk_max_total_exposure", "1.5"),
        ("risk_max_total_exposure", 0.5),
        ("risk_max_total_exposure", "NaN"),
        ("portfolio_initial_value", "0"),
        ("portfolio_initial_value", "1000000000000001"),
        ("request_timeout_seconds", "nan"),
        ("demo_speed", "inf"),
        ("candles_speed", "fast"),
        ("candles_speed", "0"),
        ("candles_dir", "no-such-folder"),
        ("strategy_path", "mine.py"),
        ("strategy_path", "mine.txt:Mine"),
        ("strategy_parameters", "[1]"),
        ("strategy_parameters", "{"),
        ("binance_base_url", "http://api.binance.com"),
        ("binance_base_url", "https://user:pw@api.binance.com"),
        ("binance_base_url", "api.binance.com"),
        ("binance_websocket_api_url", "ws://ws-api.binance.com/ws-api/v3"),
        ("binance_websocket_api_url", "https://ws-api.binance.com/ws-api/v3"),
        ("binance_websocket_api_url", "wss://user:pw@ws-api.binance.com"),
        ("binance_websocket_api_url", "wss://ws-api.binance.com/ws-api/v3?token=x"),
        ("user_data_stream", "perhaps"),
        ("order_entry", "fix"),
        ("quote_asset", "EUR"),
        ("pool_max_keepalive", 101),
        ("pool_order_connections", 100),
        ("pool_order_connections", -1),
        ("http_host", "a b"),
        ("demo_mode", "perhaps"),
        ("symbol_selection", "random"),
        ("symbol_count", 0),
        ("symbol_blacklist", "[abc]*"),
        ("symbol_whitelist", "btc*"),
        ("symbol_max_spread", "0"),
        ("symbol_min_range", "1.5"),
    ],
)
def test_refused_values_name_their_setting(name, value):
    assert any(name.upper() in line for line in problems(**{name: value}))


def test_money_is_bounded_where_simulated_accounts_would_round_it():
    assert load_settings(portfolio_initial_value="1e15").portfolio_initial_value == 10**15
    (line,) = problems(portfolio_initial_value="1e16")
    assert line == "PORTFOLIO_INITIAL_VALUE is '1e16'; allowed: a number above 0 and at most 1000000000000000 (quote asset)"


def test_a_file_where_a_folder_is_due_is_told_from_one_that_is_not_there(tmp_path):
    file = tmp_path / "BTCUSDT-1m-2025-01.csv"
    file.touch()
    (line,) = problems(candles_dir=str(file))
    assert f"(a file; name the folder that it is in, {tmp_path})" in line
    (line,) = problems(candles_dir=str(tmp_path / "missing"))
    assert "(no such folder)" in line


def test_a_loopback_server_may_have_plain_http():
    assert load_settings(binance_base_url="http://127.0.0.1:9000/").base_url == "http://127.0.0.1:9000"


def test_limits_must_nest():
    first, second, third = problems(
        risk_max_single_trade_size="0.3", risk_max_position_per_symbol="0.2", risk_max_total_exposure="0.1", signal_rsi_oversold=70
    )
    assert first.startswith("RISK_MAX_SINGLE_TRADE_SIZE is 0.3")
    assert second.startswith("RISK_MAX_POSITION_PER_SYMBOL is 0.2")
    assert third.startswith("SIGNAL_RSI_OVERSOLD is 70")


@given(st.tuples(*[st.integers(1, 100)] * 3))
def test_limits_hold_exactly_when_they_are_ordered(shares):
    trade, position, exposure = (Decimal(share) / 100 for share in shares)
    given_limits = {"risk_max_single_trade_size": trade, "risk_max_position_per_symbol": position, "risk_max_total_exposure": exposure}
    if trade <= position <= exposure:
        assert load_settings(**given_limits).risk_max_total_exposure == exposure
    else:
        problems(**given_limits)


@given(st.integers(1, 86_400))
def test_the_derived_candle_is_the_longest_that_is_not_above_the_interval(seconds):
    length = INTERVAL_SECONDS[interval_not_above(seconds)]
    assert length <= seconds
    assert not any(length < other <= seconds for other in INTERVAL_SECONDS.values())


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ("testnet", "https://testnet.binance.vision"),
        ("binance-demo", "https://demo-api.binance.com"),
        ("live", "https://api.binance.com"),
    ],
)
def test_modes_that_send_orders_need_both_keys(mode, url):
    confirmation = LIVE_CONFIRMATION if mode == "live" else None
    settings = load_settings(trading_mode=mode, live_trading_confirmation=confirmation, **KEYS)
    assert settings.base_url == url
    lines = problems(trading_mode=mode, live_trading_confirmation=confirmation)
    assert [line.split()[0] for line in lines] == ["BINANCE_API_KEY", "BINANCE_API_SECRET"]


@pytest.mark.parametrize(
    ("mode", "given", "url"),
    [
        ("testnet", {}, "wss://ws-api.testnet.binance.vision/ws-api/v3"),
        ("binance-demo", {}, "wss://demo-ws-api.binance.com/ws-api/v3"),
        ("live", {}, "wss://ws-api.binance.com:443/ws-api/v3"),
        ("live", {"binance_base_url": "https://api4.binance.com"}, "wss://ws-api.binance.com:443/ws-api/v3"),
        ("testnet", {"binance_base_url": "http://127.0.0.1:9000"}, "ws://127.0.0.1:9000/ws-api/v3"),
        ("testnet", {"binance_base_url": "https://mirror.test"}, "wss://mirror.test/ws-api/v3"),
        ("testnet", {"binance_websocket_api_url": "wss://other.test/x", "binance_base_url": "http://127.0.0.1:9000"}, "wss://other.test/x"),
        ("testnet", {"binance_base_url": "https://demo-api.binance.com"}, "wss://demo-ws-api.binance.com/ws-api/v3"),
        ("testnet", {"binance_base_url": "https://unheard-of.binance.vision"}, ""),
        ("paper", {}, ""),
        ("demo", {}, ""),
    ],
)
def test_each_mode_has_its_websocket_api_or_none(mode, given, url):
    confirmation = LIVE_CONFIRMATION if mode == "live" else None
    assert load_settings(trading_mode=mode, live_trading_confirmation=confirmation, **KEYS, **given).websocket_api_url == url


def test_a_test_mode_cannot_reach_real_money_by_its_websocket_api():
    (line,) = problems(trading_mode="testnet", binance_websocket_api_url="wss://ws-api.binance.com:443/ws-api/v3", **KEYS)
    assert line.startswith("BINANCE_WEBSOCKET_API_URL")


def test_orders_of_one_exchange_cannot_leave_by_the_websocket_api_of_another():
    elsewhere = "wss://ws-api.testnet.binance.vision/ws-api/v3"
    (line,) = problems(trading_mode="binance-demo", binance_websocket_api_url=elsewhere, **KEYS)
    assert line.startswith("BINANCE_WEBSOCKET_API_URL")
    assert "wss://demo-ws-api.binance.com/ws-api/v3" in line
    (line,) = problems(trading_mode="testnet", binance_base_url="http://127.0.0.1:9000", binance_websocket_api_url=elsewhere, **KEYS)
    assert line.startswith("BINANCE_WEBSOCKET_API_URL")


def test_orders_cannot_go_over_a_websocket_api_that_is_not_there(tmp_path):
    (line,) = problems(trading_mode="paper", order_entry="websocket")
    assert line == "ORDER_ENTRY is websocket; allowed: rest, because TRADING_MODE=paper has no WebSocket API"
    (line,) = problems(candles_dir=tmp_path, order_entry="websocket")
    assert "recorded candles" in line


def test_paper_and_demo_reach_no_server_that_takes_orders():
    assert load_settings(trading_mode="paper").base_url == "https://data-api.binance.vision"
    assert load_settings(**KEYS).base_url.endswith(".invalid")


@pytest.mark.parametrize("confirmation", [None, "yes", LIVE_CONFIRMATION.upper(), LIVE_CONFIRMATION + "."])
def test_live_needs_the_exact_sentence(confirmation):
    (line,) = problems(trading_mode="live", live_trading_confirmation=confirmation, **KEYS)
    assert line.startswith("LIVE_TRADING_CONFIRMATION")
    assert LIVE_CONFIRMATION in line


@pytest.mark.parametrize(
    "server", ["https://api.binance.com", "https://api4.binance.com", "https://binance.com", "https://API.BINANCE.COM"]
)
def test_a_test_mode_cannot_reach_real_money_by_its_server(server):
    (line,) = problems(trading_mode="testnet", binance_base_url=server, **KEYS)
    assert line.startswith("BINANCE_BASE_URL")
    assert load_settings(trading_mode="binance-demo", binance_base_url="https://demo-api.binance.com", **KEYS)


@pytest.mark.parametrize(
    ("older", "mode"),
    [
        ({"demo_mode": "true"}, Venue.DEMO),
        ({"binance_testnet": "true"}, Venue.TESTNET),
        ({"binance_testnet": "true", "demo_mode": "false"}, Venue.TESTNET),
        ({"binance_testnet": "true", "demo_mode": "true"}, Venue.DEMO),
        ({"binance_testnet": "false", "demo_mode": "false"}, Venue.DEMO),
        ({"trading_mode": "demo", "demo_mode": "true"}, Venue.DEMO),
        ({"trading_mode": "testnet", "binance_testnet": "1"}, Venue.TESTNET),
    ],
)
def test_older_names_choose_the_mode(older, mode):
    assert load_settings(**older, **KEYS).trading_mode is mode


@pytest.mark.parametrize(
    "contradiction",
    [
        {"trading_mode": "demo", "demo_mode": "false"},
        {"trading_mode": "paper", "demo_mode": "true"},
        {"trading_mode": "demo", "binance_testnet": "true"},
        {"trading_mode": "testnet", "binance_testnet": "false"},
        {"trading_mode": "live", "binance_testnet": "true", "live_trading_confirmation": LIVE_CONFIRMATION},
        {"trading_mode": "live", "demo_mode": "true", "live_trading_confirmation": LIVE_CONFIRMATION},
    ],
)
def test_modes_that_contradict_older_names_are_refused(contradiction):
    (line,) = problems(**contradiction, **KEYS)
    assert "the older name" in line


def test_the_origin_of_a_mode_chosen_by_an_older_name_is_told(monkeypatch):
    monkeypatch.setenv("DEMO_MODE", "true")
    assert load_with_sources().origins["trading_mode"] == "DEMO_MODE or BINANCE_TESTNET"


def test_recorded_candles_belong_to_the_demo(outside):
    assert load_settings(candles_dir=str(outside)).candles_dir == Path(outside)
    assert any(line.startswith("CANDLES_DIR") for line in problems(candles_dir=str(outside), trading_mode="paper"))


def test_symbols_are_not_chosen_among_recorded_candles_and_bounds_are_in_order(outside):
    assert any(line.startswith("SYMBOL_SELECTION") for line in problems(symbol_selection="top-volume", candles_dir=str(outside)))
    assert any(line.startswith("SYMBOL_MIN_PRICE") for line in problems(symbol_min_price="2", symbol_max_price="1"))
    assert load_settings(symbol_min_price="2", symbol_max_price="0", symbol_blacklist="*TRY, LUNA?USDT").symbol_blacklist == (
        "*TRY",
        "LUNA?USDT",
    )


def test_warnings_tell_what_has_no_effect(outside):
    given = {"redis_host": "cache", "candles_dir": str(outside), "demo_mode": "false", "live_trading_confirmation": LIVE_CONFIRMATION}
    warnings = load_with_sources(**given).warnings
    assert [line.split()[0].split("=")[0] for line in warnings] == ["REDIS_HOST", "DEMO_MODE", "LIVE_TRADING_CONFIRMATION"]
    assert load_with_sources(redis_host="cache").warnings == load_with_sources().warnings == ()


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(Exception, match="frozen"):
        load_settings().http_port = 1


def test_each_mode_keeps_a_book_of_its_own():
    assert load_settings().book_path == Path("data/demo/book.sqlite")
    assert load_settings(trading_mode="paper", data_dir="/x").book_path == Path("/x/paper/book.sqlite")


def test_candles_speed_is_a_factor():
    assert load_settings().candles_speed_factor == float("inf")
    assert load_settings(candles_speed=120).candles_speed_factor == 120


@pytest.mark.parametrize(
    ("mode", "rest", "streams"),
    [
        ("paper", "", "wss://data-stream.binance.vision"),
        ("paper", "https://api.binance.com", "wss://stream.binance.com:9443"),
        ("paper", "https://api3.binance.com", "wss://stream.binance.com:9443"),
        ("paper", "https://some-other.binance.com", ""),
        ("paper", "https://exchange.example", "wss://exchange.example"),
        ("paper", "http://127.0.0.1:8090", "ws://127.0.0.1:8090"),
        ("testnet", "", "wss://stream.testnet.binance.vision"),
        ("testnet", "https://demo-api.binance.com", "wss://demo-stream.binance.com:9443"),
        ("binance-demo", "", "wss://demo-stream.binance.com:9443"),
        ("live", "", "wss://stream.binance.com:9443"),
    ],
)
def test_market_streams_are_those_of_the_server_that_orders_go_to(mode, rest, streams):
    keys = {"binance_api_key": "k", "binance_api_secret": "s", "live_trading_confirmation": LIVE_CONFIRMATION if mode == "live" else ""}
    assert load_settings(trading_mode=mode, binance_base_url=rest, **keys).stream_url == streams


def test_the_demo_has_no_candles_of_seconds(outside):
    (line,) = problems(trading_interval_seconds=30)
    assert line.startswith("CANDLE_INTERVAL is 1s, which follows from TRADING_INTERVAL_SECONDS; allowed: 1m or longer")
    (line,) = problems(candle_interval="1s")
    assert line.startswith("CANDLE_INTERVAL is 1s; allowed: 1m or longer")
    assert load_settings(trading_interval_seconds=30, candle_interval="1m").candle_interval == "1m"
    assert load_settings(trading_mode="paper", trading_interval_seconds=30).candle_interval == "1s"


@pytest.mark.parametrize("host", ["redis://cache", "cache:6379", "two words", "user@cache"])
def test_a_host_of_redis_is_a_name_alone(host):
    (line,) = problems(redis_host=host)
    assert line.startswith(f"REDIS_HOST is {host!r} (no name or address of a machine)")
    assert line.endswith("its port is REDIS_PORT")


@pytest.mark.parametrize("host", ["cache", "redis_1", "Cache.example", "10.0.0.7", "::1"])
def test_hosts_of_redis(host):
    assert load_settings(redis_host=host).redis_host == host


def test_the_demo_takes_no_streams_of_others():
    (line,) = problems(trading_mode="demo", binance_stream_url="wss://stream.binance.com:9443")
    assert line.endswith("allowed: empty, because TRADING_MODE=demo has an exchange of its own")


def test_a_key_that_cannot_be_sent_is_found_before_the_start():
    (line,) = problems(trading_mode="testnet", binance_api_key="k\u00e4y", binance_api_secret="s")
    assert line == "BINANCE_API_KEY holds a blank, a line break or a character that no key has"


def test_streams_of_another_exchange_are_refused():
    chosen = load_settings(trading_mode="paper", binance_stream_url="wss://stream.binance.com:9443/").stream_url
    assert chosen == "wss://stream.binance.com:9443"
    for mode, url in (("paper", "wss://stream.testnet.binance.vision"), ("demo", "wss://stream.binance.com:9443")):
        assert any(line.startswith("BINANCE_STREAM_URL is") for line in problems(trading_mode=mode, binance_stream_url=url))
    for wrong in ("https://stream.binance.com", "wss://stream.binance.com/stream", "ws://stream.binance.com", "stream"):
        assert any(line.startswith("BINANCE_STREAM_URL is") for line in problems(trading_mode="paper", binance_stream_url=wrong))


def test_a_symbol_differs_in_what_its_table_names_and_in_nothing_else():
    given = '{"DOGEUSDT": {"RISK_DEFAULT_STOP_LOSS_PCT": 0.02, "risk_cooldown_seconds": 5}}'
    settings = load_settings(symbol_overrides=given)
    own = settings.for_symbol("DOGEUSDT")
    assert (own.risk_default_stop_loss_pct, own.risk_cooldown_seconds) == (Decimal("0.02"), 5.0)
    assert own.model_copy(update={"risk_default_stop_loss_pct": Decimal("0.05"), "risk_cooldown_seconds": 60.0}) == settings
    assert settings.for_symbol("BTCUSDT") is settings


def test_a_symbol_with_a_strategy_of_its_own_takes_no_parameters_of_everybodys(outside):
    (outside / "s.toml").write_text(
        '[strategy_parameters]\nthreshold = 0.5\n[symbol_overrides.BTCUSDT]\nstrategy_name = "rsi"\n'
        "[symbol_overrides.ETHUSDT]\nstrategy_parameters = { threshold = 0.7 }\n"
    )
    settings = load_settings(settings_file="s.toml")
    assert settings.for_symbol("BTCUSDT").strategy_parameters == {}
    assert settings.for_symbol("ETHUSDT").strategy_parameters == {"threshold": 0.7}
    agent = signal_agent(settings)
    assert [agent.strategy_for(symbol).name for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")] == ["rsi", "combined", "combined"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"risk_cooldown_second": 1}, "RISK_COOLDOWN_SECOND is no setting; did you mean risk_cooldown_seconds?"),
        ({"http_port": 80}, "HTTP_PORT is for all symbols"),
        ({"risk_max_total_exposure": "0.5"}, "RISK_MAX_TOTAL_EXPOSURE is for all symbols"),
        ({"risk_cooldown_seconds": -1}, "RISK_COOLDOWN_SECONDS is '-1'; allowed: a number from 0 to 604800 (s)"),
        ({"risk_max_single_trade_size": "0.5"}, "RISK_MAX_SINGLE_TRADE_SIZE is 0.5; allowed: at most RISK_MAX_POSITION_PER_SYMBOL"),
    ],
)
def test_a_wrong_setting_of_one_symbol_is_named_with_its_symbol(table, told):
    (line,) = problems(symbol_overrides={"BTCUSDT": table})
    assert line.startswith(f"SYMBOL_OVERRIDES: BTCUSDT: {told}")


@pytest.mark.parametrize("given", ["[]", "{", '{"btcusdt": {}}', '{"BTCUSDT": 3}'])
def test_overrides_that_are_no_tables_of_symbols_are_refused(given):
    (line,) = problems(symbol_overrides=given)
    assert line.startswith("SYMBOL_OVERRIDES is ")
    assert "JSON object" in line


def test_overrides_of_a_symbol_that_is_not_traded_are_a_warning():
    assert load_with_sources(symbol_overrides={"XYZUSDT": {}}).warnings == ("SYMBOL_OVERRIDES names XYZUSDT, not among TRADING_SYMBOLS",)
    chosen = {
        "symbol_selection": "top-volume",
        "symbol_blacklist": "LUNA*",
        "symbol_overrides": {"XYZUSDT": {}, "LUNAUSDT": {}, "ETHBTC": {}},
    }
    (line,) = load_with_sources(**chosen).warnings
    assert line.startswith("SYMBOL_OVERRIDES names LUNAUSDT, ETHBTC, never chosen by SYMBOL_SELECTION")


def test_a_wrong_parameter_of_one_symbols_strategy_is_named_with_its_symbol():
    settings = load_settings(symbol_overrides={"BTCUSDT": {"strategy_name": "rsi", "strategy_parameters": {"period": 1}}})
    with pytest.raises(StrategyError, match=r"^SYMBOL_OVERRIDES: BTCUSDT: strategy rsi: parameter period is 1"):
        signal_agent(settings)


def test_risk_has_limits_for_each_symbol_that_differs():
    limits = risk_limits(load_settings(symbol_overrides={"BTCUSDT": {"risk_max_position_per_symbol": "0.2"}}), Decimal("0.002"))
    assert (limits.of("BTCUSDT").max_position_per_symbol, limits.of("ETHUSDT").max_position_per_symbol) == (Decimal("0.2"), Decimal("0.10"))
    assert limits.of("BTCUSDT").taker_rate == Decimal("0.002")
