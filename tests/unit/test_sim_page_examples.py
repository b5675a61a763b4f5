"""What the pages on the simulated exchange show of a program of one's own runs as it stands there."""

import ast
import inspect
import re
from pathlib import Path

from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket

DOCS = Path(__file__).parents[2] / "docs"
OF_CLIENTS = "# ccxt"  # examples for other people's clients, which are not installed here; the suite of peers holds them


async def test_the_examples_run_one_after_the_other():
    pages = "".join((DOCS / name).read_text() for name in ("exchange.md", "exchange-faults.md"))
    examples = [text for text in re.findall(r"```python\n(.*?)```", pages, re.DOTALL) if OF_CLIENTS not in text]
    assert len(examples) == 4
    names = {"key": "key", "secret": "secret", "market": SyntheticMarket(["BTCUSDT"], seed=7), "start_ms": 1_767_225_600_000}
    for example in examples:
        code = compile(example.replace("port=8090", "port=0"), "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)
        if inspect.isawaitable(running):
            await running
    await names["server"].close()
    assert names["answer"].status == 200
