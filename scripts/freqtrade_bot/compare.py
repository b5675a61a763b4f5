"""Holds what freqtrade booked against what the simulated exchange knows: compare.py CONFIG BOOK; the exit code is 1 for a difference."""

import hashlib
import hmac
import json
import sqlite3
import sys
import time
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

D = Decimal
STATES = {"closed": "FILLED", "canceled": "CANCELED", "open": "NEW"}
STEP = D("0.00000001")


class Account:
    """The account on the exchange, asked by signed requests."""

    def __init__(self, config: dict[str, Any]) -> None:
        exchange = config["exchange"]
        self._key, self._secret = exchange["key"], exchange["secret"]
        self._address = exchange["ccxt_config"]["urls"]["api"]["private"]

    def ask(self, path: str, **params: Any) -> Any:
        """The answer of one endpoint to a GET."""
        query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
        signature = hmac.new(self._secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        request = urllib.request.Request(f"{self._address}/{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": self._key})  # noqa: S310 - http or https, from the configuration
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return json.load(answer)


def exact(value: float | None) -> Decimal:
    """A figure that freqtrade keeps as a float, as the amount that it stands for."""
    return D(str(value or 0)).quantize(STEP)


def main() -> int:
    """Print every order as both sides see it, then what differs."""
    config = json.loads(Path(sys.argv[1]).read_text())
    account, book = Account(config), sqlite3.connect(sys.argv[2])
    differences = []
    print(f"{'pair':9} {'order':>5} {'side':4} {'kind':16} {'freqtrade':>9} {'exchange':>9} {'filled':>12} {'paid or got':>14}")
    for pair in config["exchange"]["pair_whitelist"]:
        symbol = pair.replace("/", "")
        known = {order["orderId"]: order for order in account.ask("allOrders", symbol=symbol)}
        columns = "order_id, side, status, filled, cost"
        booked = book.execute(f"select {columns} from orders where ft_pair = ? order by id", (pair,)).fetchall()  # noqa: S608 - fixed text
        for order_id, side, status, filled, cost in booked:
            order = known.pop(int(order_id), {})
            seen = (order.get("side"), order.get("status"), D(order.get("executedQty", -1)), D(order.get("cummulativeQuoteQty", -1)))
            if (side.upper(), STATES.get(status), exact(filled), exact(cost)) != seen:
                differences.append(f"{pair} order {order_id}: freqtrade {side, status, filled, cost}, exchange {seen}")
            print(f"{pair:9} {order_id:>5} {side:4} {order.get('type'):16} {status:>9} {seen[1]:>9} {seen[2]:>12f} {seen[3]:>14f}")
        differences += [f"{pair} order {order_id}: the exchange knows it, freqtrade does not" for order_id in known]
        trades = account.ask("myTrades", symbol=symbol)
        held = sum((D(each["qty"]) if each["isBuyer"] else -D(each["qty"]) for each in trades), D(0))
        held -= sum((D(each["commission"]) for each in trades if each["commissionAsset"] == pair.partition("/")[0]), D(0))
        balances = {each["asset"]: D(each["free"]) + D(each["locked"]) for each in account.ask("account")["balances"]}
        if balances.get(pair.partition("/")[0], D(0)) != held:
            differences.append(f"{pair}: the trades leave {held}, the account holds {balances}")
    closed, profit = book.execute("select count(*), sum(close_profit_abs) from trades where is_open = 0").fetchone()
    print(f"{closed} round trips closed, profit by freqtrade {profit or 0:.2f} {config['stake_currency']}")
    print("\n".join(differences) or "Every order is the same on both sides, and the account holds what its trades leave.")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
