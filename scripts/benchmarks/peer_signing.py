"""The peers' own code from order parameters to a signed request, without sending it."""

from collections.abc import Callable, Mapping

import ccxt.async_support as ccxt
from binance import Client
from binance_common.configuration import ConfigurationRestAPI
from binance_common.signature import Signers
from binance_common.utils import encoded_string, get_signature

from benchmarks.own_client import KEY
from benchmarks.sign import PARAMS, Sign, now_ms


def python_binance(kind: str, secret: str) -> Sign | None:
    """python-binance, from keyword arguments to the body of a POST; its asynchronous client shares this code."""
    keys = {"api_secret": secret} if kind == "HMAC" else {"private_key": secret}
    client = Client(KEY, **keys, ping=False)
    return lambda: client._get_request_kwargs("post", signed=True, data=dict(PARAMS))


def ccxt_binance(kind: str, secret: str) -> Sign | None:
    """ccxt, from parameters to URL, headers and body."""
    exchange = ccxt.binance({"apiKey": KEY, "secret": secret})
    return lambda: exchange.sign("order", ["private"], "POST", dict(PARAMS))


def official_sdk(kind: str, secret: str) -> Sign | None:
    """The official SDK, from parameters to its signed payload as text."""
    if kind == "HMAC":
        config, signer = ConfigurationRestAPI(api_key=KEY, api_secret=secret), None
    else:
        config, signer = ConfigurationRestAPI(api_key=KEY, private_key=secret), Signers.get_signer(secret)

    def sign() -> str:
        payload = {**PARAMS, "timestamp": now_ms()}
        return encoded_string({**payload, "signature": get_signature(config, encoded_string(payload), signer)})

    return sign


PEERS: Mapping[str, Callable[[str, str], Sign | None]] = {
    "python-binance": python_binance,
    "ccxt": ccxt_binance,
    "official SDK": official_sdk,
}
