"""ExchangeHistory: the exchange's exported history, read as anybody can read it, and held against itself."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

FORMAT = 1


@dataclass(frozen=True, slots=True)
class HistoryOrder:
    """An order as the exchange has it in the end."""

    client_order_id: str
    symbol: str
    order_id: int
    side: str
    status: str
    quantity: Decimal
    executed: Decimal


@dataclass(frozen=True, slots=True)
class HistoryTrade:
    """The account's side of a trade."""

    symbol: str
    trade_id: int
    order_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str


class ExchangeHistory:
    """A complete history with one account. Raises ValueError for lines that are none."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.orders: list[HistoryOrder] = []
        self.trades: dict[tuple[str, int], HistoryTrade] = {}
        self.balances: dict[str, Decimal] = {}
        self.base_assets: dict[str, str] = {}
        self.quote_assets: dict[str, str] = {}
        self._given: dict[str, Decimal] = defaultdict(Decimal)
        records = [json.loads(line) for line in lines]
        if not records or records[0].get("format") != FORMAT or records[-1] != {"record": "end", "lines": len(records)}:
            raise ValueError(f"the history is not complete, or not of format {FORMAT}")
        for record in records:
            self._take(record)

    def _take(self, line: dict) -> None:
        match line["record"]:
            case "symbol":
                self.base_assets[line["symbol"]] = line["base_asset"]
                self.quote_assets[line["symbol"]] = line["quote_asset"]
            case "movement":
                self._given[line["asset"]] += Decimal(line["amount"])
            case "order":
                names = ("client_order_id", "symbol", "order_id", "side", "status")
                amounts = (Decimal(line["original_quantity"]), Decimal(line["executed_quantity"]))
                self.orders.append(HistoryOrder(*(line[name] for name in names), *amounts))
            case "trade":
                amounts = (Decimal(line[name]) for name in ("price", "quantity", "quote_quantity", "commission"))
                names = (line[name] for name in ("symbol", "trade_id", "order_id", "side"))
                self.trades[line["symbol"], line["trade_id"]] = HistoryTrade(*names, *amounts, line["commission_asset"])
            case "balance":
                total = Decimal(line["free"]) + Decimal(line["locked"])
                if total:
                    self.balances[line["asset"]] = total

    def findings(self) -> Iterator[str]:
        """What is wrong with the exchange itself: balances that do not follow from trades, orders that do not follow from theirs."""
        expected = defaultdict(Decimal, self._given)
        executed: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for trade in self.trades.values():
            sign = 1 if trade.side == "BUY" else -1
            expected[self.base_assets[trade.symbol]] += sign * trade.quantity
            expected[self.quote_assets[trade.symbol]] -= sign * trade.quote_quantity
            expected[trade.commission_asset] -= trade.commission
            executed[trade.symbol, trade.order_id] += trade.quantity
        for asset in sorted(expected.keys() | self.balances.keys()):
            if expected[asset] != self.balances.get(asset, 0):
                yield f"the exchange holds {self.balances.get(asset, 0)} {asset}, and its own trades make {expected[asset]}"
        for order in self.orders:
            if order.executed != executed[order.symbol, order.order_id]:
                yield f"order {order.client_order_id} executed {order.executed} on the exchange, and its trades make another sum"
