"""JSON shapes of order lists, written from the response samples of rest-api.md, "Order lists"."""

from binance_trade_agent.simulation.engine.list_records import ListCancellation, ListPlacement, OrderList
from binance_trade_agent.simulation.rest.json_shapes import Json
from binance_trade_agent.simulation.rest.order_json import order_canceled, placed
from binance_trade_agent.simulation.rest.order_params import ResponseType


def list_status(order_list: OrderList) -> Json:
    """Answer of "Query Order list", and one entry of the queries of several."""
    return {
        "orderListId": order_list.order_list_id,
        "contingencyType": order_list.contingency.value,
        "listStatusType": order_list.status_type.value,
        "listOrderStatus": order_list.order_status.value,
        "listClientOrderId": order_list.client_order_id,
        "transactionTime": order_list.updated_ms,
        "symbol": order_list.symbol,
        "orders": [
            {"symbol": order_list.symbol, "orderId": order.order_id, "clientOrderId": order.client_order_id} for order in order_list.orders
        ],
    }


def list_of_amended(order_list: OrderList) -> Json:
    """`listStatus` in the answer of "Order Amend Keep Priority"."""
    return {name: value for name, value in list_status(order_list).items() if name not in {"listStatusType", "transactionTime"}}


def list_placed(placement: ListPlacement, detail: ResponseType) -> Json:
    """Answer to a new order list, with as much of each order as was asked for."""
    return {**list_status(placement.order_list), "orderReports": [placed(each, detail) for each in placement.placements]}


def list_canceled(canceled: ListCancellation) -> Json:
    """Answer of "Cancel Order list", and of the cancel of one of its orders."""
    return {
        **list_status(canceled.order_list),
        "orderReports": [order_canceled(order, canceled.cancel_id) for order in canceled.canceled],
    }
