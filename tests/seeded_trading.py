"""A made-up day of trading by two accounts on a synthetic market, for what must come out the same whenever it is done again.

As a program (`python tests/seeded_trading.py SEED`) it writes the history of such a day to standard output.
"""

import random
import sys
from decimal import Decimal
from urllib.parse import urlencode

import orjson
from hand_clocks import HandClock
from one_quote_exchange import sign

from binance_trade_agent.simulation.engine.history import History
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket

SYMBOLS = ("BTCUSDT", "ETHBTC")
KEYS = {name * 64: "s" * 64 for name in "ab"}
START_MS = 1_790_000_040_000
STEPS = 400


class SeededTrading:
    """Trades by the REST face, as `seed` says; every request has the same time in every run."""

    def __init__(self, seed: int, history: History | None = None) -> None:
        self._chance = random.Random(seed)
        self.clock = HandClock(START_MS)
        self.exchange = SimulatedExchange(SyntheticMarket(SYMBOLS, 7), self.clock, store=history, seed=seed)
        for key, secret in KEYS.items():
            self.exchange.open_account(key, secret, {"USDT": Decimal(100_000), "BTC": Decimal(3), "ETH": Decimal(40)})

    def run(self, steps: int = STEPS) -> None:
        for _ in range(steps):
            self.clock.time_ms += self._chance.randrange(1, 60_000)
            self._step(self._chance.choice(tuple(KEYS)))

    def ask(self, key: str, method: str, path: str, **params: object) -> object:
        query = urlencode({**params, "timestamp": self.clock.time_ms})
        query = f"{query}&signature={sign(query, KEYS[key])}"
        return orjson.loads(self.exchange.face.handle(method, f"/api/v3/{path}", query, b"", {"X-MBX-APIKEY": key}, "1.1.1.1").body)

    def _step(self, key: str) -> None:
        chance, symbol = self._chance, self._chance.choice(SYMBOLS)
        quote = self.exchange.venue.market.quote(symbol, self.clock.time_ms)
        order = {"symbol": symbol, "side": chance.choice(("BUY", "SELL")), "quantity": Decimal(chance.randrange(1, 40)) / 100}
        match chance.randrange(5):
            case 0:
                self.ask(key, "POST", "order", **order, type="MARKET")
            case 1 | 2:
                tick = self.exchange.venue.market.rules[symbol].tick_size
                price = quote.price + chance.randrange(-20, 21) * tick
                self.ask(key, "POST", "order", **order, type="LIMIT", timeInForce="GTC", price=price)
            case 3:
                self._place_list(key, order, quote.price, self.exchange.venue.market.rules[symbol].tick_size)
            case 4:
                self.ask(key, "DELETE", "openOrders", symbol=symbol)

    def _place_list(self, key: str, order: dict[str, object], price: Decimal, tick: Decimal) -> None:
        """An order that sells when the price has risen or fallen by a little, or buys."""
        above, below = price + 15 * tick, price - 15 * tick
        names = {"aboveType": "LIMIT_MAKER", "abovePrice": above, "belowType": "STOP_LOSS", "belowStopPrice": below}
        if order["side"] == "BUY":
            names = {"aboveType": "STOP_LOSS", "aboveStopPrice": above, "belowType": "LIMIT_MAKER", "belowPrice": below}
        self.ask(key, "POST", "orderList/oco", **order, **names)


def troubled_day(seed: int) -> bytes:
    """The history of a day with incidents and faults."""
    day = SeededTrading(seed)
    for kind in (IncidentKind.MOVE_FUNDS, IncidentKind.FOREIGN_ORDER, IncidentKind.SYMBOL_STATUS, IncidentKind.CHANGE_FILTER):
        day.exchange.let_happen(Incident(kind, every_ms=600_000, lasts_ms=60_000))
    day.exchange.faults.append(Fault(FaultKind.DROP_EVENT, times=None, chance=0.1))
    day.run()
    lines = b"".join(day.exchange.history())
    day.exchange.close()
    return lines


if __name__ == "__main__":
    sys.stdout.buffer.write(troubled_day(int(sys.argv[1])))
