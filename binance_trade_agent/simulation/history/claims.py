"""What a client says about its account, in the shapes of Binance's answers, held against a history of the exchange.

`trades` are rows of myTrades, `orders` rows of allOrders or of order queries, `balances` the rows of account information; whatever client
it is, it has them from the exchange, or keeps a book that can be written so. Fields that are not named here are passed over.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import msgspec

from binance_trade_agent.domain.money import ZERO, plain
from binance_trade_agent.simulation.history.reading import ReadHistory


class ClaimedTrade(msgspec.Struct, frozen=True, rename="camel"):
    """A row of "Account trade list"."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    is_buyer: bool


class ClaimedOrder(msgspec.Struct, frozen=True, rename="camel"):
    """A row of "All orders"."""

    symbol: str
    order_id: int
    status: str
    executed_qty: Decimal
    client_order_id: str | None = None


class ClaimedBalance(msgspec.Struct, frozen=True):
    """A row of the balances in "Account information"."""

    asset: str
    free: Decimal
    locked: Decimal = ZERO


def false_trades(history: ReadHistory, account_id: int, claimed: Sequence[ClaimedTrade]) -> Iterator[str]:
    """One sentence for each trade that is claimed and did not happen so, is claimed twice, or happened and is not claimed."""
    truth = {(trade.symbol, trade.trade_id, trade.order_id): trade for trade in history.trades if trade.account_id == account_id}
    for claim in claimed:
        name = f"trade {claim.id} of order {claim.order_id} on {claim.symbol}"
        trade = truth.pop((claim.symbol, claim.id, claim.order_id), None)
        if trade is None:
            yield f"{name} is claimed, and did not happen, or is claimed twice"
            continue
        yield from _differences(
            name,
            ("price", claim.price, trade.price),
            ("qty", claim.qty, trade.quantity),
            ("commission", claim.commission, trade.commission),
            ("commissionAsset", claim.commission_asset, trade.commission_asset),
            ("isBuyer", claim.is_buyer, trade.side == "BUY"),
        )
    yield from (f"trade {trade_id} of order {order_id} on {symbol} happened, and is not claimed" for symbol, trade_id, order_id in truth)


def false_orders(history: ReadHistory, account_id: int, claimed: Sequence[ClaimedOrder]) -> Iterator[str]:
    """One sentence for each order that is claimed and is not so, is claimed twice, or exists and is not claimed."""
    truth = {(order.symbol, order.order_id): order for order in history.orders if order.account_id == account_id}
    for claim in claimed:
        name = f"order {claim.order_id} on {claim.symbol}"
        order = truth.pop((claim.symbol, claim.order_id), None)
        if order is None:
            yield f"{name} is claimed, and does not exist, or is claimed twice"
            continue
        known = order.client_order_id if claim.client_order_id is None else claim.client_order_id
        yield from _differences(
            name,
            ("status", claim.status, order.status),
            ("executedQty", claim.executed_qty, order.executed_quantity),
            ("clientOrderId", known, order.client_order_id),
        )
    yield from (f"order {order_id} on {symbol} exists, and is not claimed" for symbol, order_id in truth)


def false_balances(history: ReadHistory, account_id: int, claimed: Iterable[ClaimedBalance]) -> Iterator[str]:
    """One sentence for each asset of which the account holds another amount; what is not claimed is claimed to be nothing."""
    claims = {claim.asset: (claim.free, claim.locked) for claim in claimed}
    truth = {balance.asset: (balance.free, balance.locked) for balance in history.balances if balance.account_id == account_id}
    nothing = (ZERO, ZERO)
    for asset in sorted(claims.keys() | truth.keys()):
        (free, locked), (true_free, true_locked) = claims.get(asset, nothing), truth.get(asset, nothing)
        yield from _differences(f"the balance of {asset}", ("free", free, true_free), ("locked", locked, true_locked))


def _differences(name: str, *fields: tuple[str, object, object]) -> Iterator[str]:
    for field, claimed, true in fields:
        if claimed != true:
            yield f"{name}: {field} is claimed to be {_shown(claimed)} and is {_shown(true)}"


def _shown(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
