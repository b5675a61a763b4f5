"""`bench decode`: CPU time from the bytes of an answer to values, ours beside the ways of the peers."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

import orjson

from benchmarks import canned
from benchmarks.measuring import Plan, on_core, sync_cost_us
from benchmarks.report import Table
from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.market import decode_ladder

Decoder = Callable[[bytes], object]

OURS, JSON, JSON_EXACT, ORJSON_EXACT = "ours", "json", "json, exact", "orjson, exact"

_SYMBOLS = [f"COIN{index}USDT" for index in range(50)]
_NOTES = (
    "Ours gives checked and typed values. `json` is what python-binance and plain httpx hand out: text for every amount. "
    "`exact` adds what a user then does to reckon: a Decimal of every amount (a float of every candle's price), for all of the answer.",
)


def own_decoders() -> Mapping[str, Decoder]:
    """Our decoders by answer."""
    return {
        "100 candles": endpoints.KLINES.decode,
        "500 candles": endpoints.KLINES.decode,
        "depth 1000, exact": endpoints.DEPTH.decode,
        "depth 1000, floats": decode_ladder,
        "account, 500 balances": endpoints.ACCOUNT.decode,
        "exchangeInfo, 50 symbols": endpoints.EXCHANGE_INFO.decode,
    }


def bodies() -> Mapping[str, bytes]:
    """The answers by name."""
    return {
        "100 candles": canned.candles(100),
        "500 candles": canned.candles(500),
        "depth 1000, exact": canned.depth(1000),
        "depth 1000, floats": canned.depth(1000),
        "account, 500 balances": canned.account(),
        "exchangeInfo, 50 symbols": canned.exchange_info(_SYMBOLS),
    }


def measure(plan: Plan) -> list[Table]:
    """One table."""
    rows = []
    with on_core(0):
        for name, body in bodies().items():
            costs = sync_cost_us({way: _applied(decoder, body) for way, decoder in contenders(name).items()}, plan)
            rows.append([name, *(costs.get(way) for way in (OURS, JSON, JSON_EXACT, ORJSON_EXACT)), costs[OURS] / costs[JSON]])
    columns = ("CPU an answer, us", OURS, JSON, JSON_EXACT, ORJSON_EXACT, "ours / json")
    return [Table("Decoding", columns, rows, notes=_NOTES)]


def contenders(name: str) -> Mapping[str, Decoder]:
    """Everybody's way to decode one answer."""
    exact = _EXACT[name]
    return {
        OURS: own_decoders()[name],
        JSON: json.loads,
        JSON_EXACT: lambda body: exact(json.loads(body)),
        ORJSON_EXACT: lambda body: exact(orjson.loads(body)),
    }


def _applied(decoder: Decoder, body: bytes) -> Callable[[], object]:
    return lambda: decoder(body)


def _exact_candles(rows: list[list[str]]) -> object:
    return [[row[0], *map(float, row[1:6]), row[6], float(row[7]), row[8], float(row[9]), float(row[10])] for row in rows]


def _exact_depth(answer: dict[str, list[list[str]]]) -> object:
    return [[(Decimal(price), Decimal(quantity)) for price, quantity in answer[side]] for side in ("bids", "asks")]


def _float_depth(answer: dict[str, list[list[str]]]) -> object:
    return [[(float(price), float(quantity)) for price, quantity in answer[side]] for side in ("bids", "asks")]


def _exact_account(answer: dict[str, list[dict[str, str]]]) -> object:
    return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in answer["balances"]}


def _exact_exchange_info(answer: dict[str, list[dict[str, list[dict[str, object]]]]]) -> object:
    return [
        [
            {name: Decimal(value) for name, value in each.items() if isinstance(value, str) and name != "filterType"}
            for each in row["filters"]
        ]
        for row in answer["symbols"]
    ]


_EXACT: Mapping[str, Callable[..., object]] = {
    "100 candles": _exact_candles,
    "500 candles": _exact_candles,
    "depth 1000, exact": _exact_depth,
    "depth 1000, floats": _float_depth,
    "account, 500 balances": _exact_account,
    "exchangeInfo, 50 symbols": _exact_exchange_info,
}
