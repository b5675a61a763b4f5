"""What the simulated exchange remembers: every field of every record comes back, and older files are brought up to date."""

import sqlite3
from decimal import Decimal

from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, PreventedMatch
from binance_trade_agent.simulation.engine.terms import (
    ExpiryReason,
    OrderType,
    PegOffsetType,
    PegPriceType,
    SelfTradePrevention,
    WorkingFloor,
)
from binance_trade_agent.simulation.history.schema import VERSIONS
from binance_trade_agent.simulation.history.store import ExchangeStore

D = Decimal

ORDER = ExchangeOrder(
    symbol="BTCUSDT",
    order_id=7,
    account_id=1,
    client_order_id="mine",
    side=Side.SELL,
    type=OrderType.TAKE_PROFIT_LIMIT,
    time_in_force=TimeInForce.IOC,
    price=D("100.10"),
    original_quantity=D("0.00000001"),
    original_quote_quantity=D("0E-8"),
    time_ms=5,
    updated_ms=6,
    status=ExchangeStatus.PENDING_NEW,
    executed_quantity=D(1),
    cumulative_quote_quantity=D(2),
    expiry_reason=ExpiryReason.OCO_TRIGGER,
    prevented_match_id=0,
    prevented_quantity=D("3.5"),
    stop_price=D(99),
    trailing_delta=100,
    trailing_ms=8,
    trailing_price=D(98),
    iceberg_quantity=D("0.1"),
    visible_quantity=D("0.05"),
    self_trade_prevention=SelfTradePrevention.TRANSFER,
    strategy_id=2**40,
    strategy_type=1_000_000,
    peg_price_type=PegPriceType.MARKET_PEG,
    peg_offset_type=PegOffsetType.PRICE_LEVEL,
    peg_offset_value=3,
    pegged_price=D("97.5"),
    is_working=False,
    working_ms=9,
    order_list_id=4,
    working_floor=WorkingFloor.EXCHANGE,
    queue_number=11,
    locked_amount=D("0.01"),
    hold_price=D(96),
    amendments=2,
)
PREVENTED = PreventedMatch("BTCUSDT", 3, 8, 1, 7, 2, -1, SelfTradePrevention.EXPIRE_BOTH, D("1.5"), D(1), D(2), None, 12)
AMENDMENT = Amendment("BTCUSDT", 7, 1, 40, "mine", "yours", D(5), D(4), 13)


def test_every_field_of_every_record_comes_back(tmp_path):
    store = ExchangeStore(tmp_path / "exchange.sqlite")
    store.commit(ChangeSet(orders={("BTCUSDT", 7): ORDER}, prevented=[PREVENTED], amendments=[AMENDMENT]), 20)
    archive = store.archive
    assert archive.order(1, "BTCUSDT", 7) == ORDER
    assert store.load().open_orders == (ORDER,)
    for account_id in (1, 2):  # both sides of a match that was prevented may ask for it
        assert archive.prevented_matches(account_id, "BTCUSDT", Span(10), order_id=7) == [PREVENTED]
    assert archive.prevented_matches(3, "BTCUSDT", Span(10)) == []
    assert archive.prevented_matches(1, "BTCUSDT", Span(10), match_id=4) == []
    assert archive.amendments(1, "BTCUSDT", 7, Span(10, from_id=40)) == [AMENDMENT]
    assert archive.amendments(1, "BTCUSDT", 7, Span(10, from_id=41)) == []
    store.close()


def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path):
    path = tmp_path / "exchange.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(f"{VERSIONS[0]} PRAGMA user_version = 1;")
        row = ("BTCUSDT", 1, 1, "mine", "BUY", "LIMIT", "GTC", "10", "2", "0", 5, 5, "NEW", "0", "0", None, None, "0")
        database.execute(f"INSERT INTO orders VALUES ({', '.join('?' * len(row))})", row)
    database.close()
    store = ExchangeStore(path)
    (order,) = store.load().open_orders
    assert (order.order_id, order.type, order.remaining_quantity, order.working_ms) == (1, OrderType.LIMIT, D(2), 5)
    assert order.is_working
    assert order.locked_amount == D(20)
    assert (store.load().counters["BTCUSDT"].order_id, store.load().counters["BTCUSDT"].execution_id) == (1, 2)
    assert order.self_trade_prevention is SelfTradePrevention.EXPIRE_MAKER
    store.close()
