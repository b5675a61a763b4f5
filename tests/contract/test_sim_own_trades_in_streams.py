"""Accounts' trades on the public trade streams of the simulated exchange, with the ids that the accounts themselves are told."""

from socket_exchange import connect, socket_exchange, until


async def test_an_own_trade_is_pushed_among_the_markets():
    async with socket_exchange() as there, connect(f"{there.url}/stream?streams=btcusdt@trade/btcusdt@aggTrade") as socket:
        there.clock.move(1_200)
        order = there.market("BUY", "0.01")
        ids = [fill["tradeId"] for fill in order["fills"]]
        there.clock.move(10_000)
        messages = await until(socket, lambda message: message["data"].get("l", 0) > ids[-1])
        while not any(message["data"]["e"] == "trade" and message["data"]["t"] > ids[-1] for message in messages):
            messages += await until(socket, lambda message: True)
    trades = [message["data"] for message in messages if message["data"]["e"] == "trade"]
    numbers = [trade["t"] for trade in trades]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    own = [trade for trade in trades if trade["t"] in ids]
    assert [(trade["p"], trade["q"], trade["T"], trade["m"]) for trade in own] == [
        (fill["price"], fill["qty"], order["transactTime"], False) for fill in order["fills"]
    ]
    takers = [message["data"] for message in messages if message["data"]["e"] == "aggTrade"]
    assert ids[0] in {taker["f"] for taker in takers}
    assert [taker["a"] for taker in takers] == list(range(takers[0]["a"], takers[0]["a"] + len(takers)))
