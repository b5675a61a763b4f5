"""What account events of the simulated exchange say, held against the documents' own sequence of a market order."""

from engine_world import ANN, BOOK, World

from binance_trade_agent.simulation.websocket_api.account_event_json import execution_report


def test_a_market_order_is_on_the_book_when_it_comes_and_no_more_once_it_trades():
    """The sample payload of faqs/market_orders_faq.md."""
    world = World(BOOK)
    order_id = world.place(ANN, "BUY", "4").order.order_id
    events = [execution_report(report, 10) for report in world.reports if report.order.order_id == order_id]
    assert [(event["x"], event["X"], event["w"], event["l"], event["z"]) for event in events] == [
        ("NEW", "NEW", True, "0.00000000", "0.00000000"),
        ("TRADE", "PARTIALLY_FILLED", False, "1.00000000", "1.00000000"),
        ("TRADE", "PARTIALLY_FILLED", False, "2.00000000", "3.00000000"),
        ("EXPIRED", "EXPIRED", False, "0.00000000", "3.00000000"),
    ]


def test_a_limit_order_stays_on_the_book_while_something_is_left_of_it():
    world = World(BOOK)
    order_id = world.place(ANN, "BUY", "4", "101").order.order_id
    events = [execution_report(report, 10) for report in world.reports if report.order.order_id == order_id]
    assert [(event["X"], event["w"]) for event in events] == [("NEW", True), ("PARTIALLY_FILLED", True)]
