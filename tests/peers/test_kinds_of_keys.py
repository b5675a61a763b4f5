"""Clients sign with the kinds of keys that have a private and a public half: RSA and Ed25519, each with an account of its own."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ccxt
import pytest
from binance import AsyncClient
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot
from ccxt_exchange import ccxt_binance
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from exchange_program import RunningExchange, running_exchange
from features import Client, Feature, covers
from official_sdk import QUANTITY, SYMBOL, websocket_api

CASH = "1000.00000000"
_PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    """A private key of each kind, in PEM, by the name that is also its API key."""
    rsa, ed25519 = generate_private_key(65_537, 2_048), Ed25519PrivateKey.generate()
    return {f"key-of-kind-{kind}": key.private_bytes(*_PEM).decode() for kind, key in (("rsa", rsa), ("ed25519", ed25519))}


@pytest.fixture(scope="module")
def holder_of(secrets: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], RunningExchange]]:
    """The exchange as the holder of one kind of key sees it."""
    folder = tmp_path_factory.mktemp("exchange")
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps([{"key": key, "secret": secret, "balances": {"USDT": CASH}} for key, secret in secrets.items()]))
    with running_exchange(folder, "--accounts", str(accounts)) as running:

        def holder(kind: str) -> RunningExchange:
            key = f"key-of-kind-{kind}"
            return replace(running, key=key, secret=secrets[key])

        yield holder


@covers(Feature.RSA, Feature.ED25519, client=Client.CCXT)
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
async def test_ccxt(holder_of: Callable[[str], RunningExchange], kind: str) -> None:
    async with ccxt_binance(holder_of(kind)) as client:
        assert (await client.fetch_balance())["USDT"]["total"] == float(CASH)
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order("123", "BTC/USDT")


@covers(Feature.RSA, Feature.ED25519, client=Client.PYTHON_BINANCE)
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
async def test_python_binance(holder_of: Callable[[str], RunningExchange], kind: str) -> None:
    there = holder_of(kind)
    client = await type("Local", (AsyncClient,), {"API_URL": f"{there.http}/api"}).create(there.key, private_key=there.secret)
    try:
        assert (await client.get_asset_balance(asset="USDT"))["free"] == CASH
    finally:
        await client.close_connection()


@covers(Feature.RSA, Feature.ED25519, client=Client.SDK_REST)
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_sdk(holder_of: Callable[[str], RunningExchange], kind: str) -> None:
    there = holder_of(kind)
    sdk = Spot(config_rest_api=ConfigurationRestAPI(there.key, private_key=there.secret, base_path=there.http, timeout=10_000))
    (held,) = sdk.rest_api.get_account(omit_zero_balances=True).data().balances
    assert (held.asset, held.free) == ("USDT", CASH)


@covers(Feature.SESSION, Feature.ED25519, client=Client.SDK_API)
async def test_session(holder_of: Callable[[str], RunningExchange]) -> None:
    there = holder_of("ed25519")
    sdk = Spot(config_ws_api=ConfigurationWebSocketAPI(there.key, private_key=there.secret, stream_url=f"{there.socket}/ws-api/v3"))
    async with websocket_api(sdk) as api:
        assert (await result(api.session_logon())).api_key == there.key
        assert (await result(api.session_status())).authorized_since > 0
        (held,) = (await result(api.account_status(omit_zero_balances=True))).balances
        assert Decimal(held.free) == Decimal(CASH)
        bought = await result(api.order_place(symbol=SYMBOL, side="BUY", type="MARKET", quantity=QUANTITY))
        assert bought.status == "FILLED"
        subscribed = await api.user_data_stream_subscribe()
        assert subscribed.response.data().result.subscription_id == 0
        assert (await result(api.session_logout())).api_key is None


async def result(asking: Any) -> Any:
    return (await asking).data().result
