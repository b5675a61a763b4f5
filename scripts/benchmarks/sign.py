"""`bench sign`: CPU time from parameters to a signed query, by kind of key, ours beside the peers'."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from benchmarks.measuring import Plan, on_core, sync_cost_us
from benchmarks.own_client import SECRET
from benchmarks.report import Table
from binance_trade_agent.binance.keys import signer_for
from binance_trade_agent.binance.signing import encode_params, signed_query

PARAMS = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.01200000",
    "timeInForce": "GTC",
    "price": "67234.12",
    "newClientOrderId": "bta-demo-1780000000000",
    "newOrderRespType": "FULL",
    "recvWindow": "5000",
}
_RSA_BITS = 2048
_NOTES = ("The parameters of a LIMIT order, with a new timestamp each time. `urlencode + hmac.new` is what most scripts do.",)

Sign = Callable[[], object]


def measure(plan: Plan) -> list[Table]:
    """One table; a kind of key that somebody does not sign with is left empty."""
    from benchmarks.peer_signing import PEERS

    ways = {"ours": own_signing, "urlencode + hmac.new": by_hand, **PEERS}
    keys = private_keys()
    with on_core(0):
        costs = {}
        for kind, secret in keys.items():
            signing = {name: sign for name, way in ways.items() if (sign := way(kind, secret)) is not None}
            costs[kind] = sync_cost_us(signing, plan)
    rows = [[name, *(costs[kind].get(name) for kind in keys)] for name in ways]
    return [Table("Signing", ("CPU an order, us", *keys), rows, notes=_NOTES)]


def private_keys() -> Mapping[str, str]:
    """New secrets by kind, in the text form in which a person has them."""

    def pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return key.private_bytes(*form).decode()

    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return {"HMAC": SECRET, "Ed25519": pem(ed25519.Ed25519PrivateKey.generate()), f"RSA-{_RSA_BITS}": pem(rsa_key)}


def own_signing(_kind: str, secret: str) -> Sign:
    """Ours, as RestCaller does it; the kind of key is recognised from the secret."""
    signer = signer_for(secret)
    return lambda: signed_query(encode_params({**PARAMS, "timestamp": str(now_ms())}), signer)


def by_hand(kind: str, secret: str) -> Sign | None:
    """The usual few lines."""
    if kind != "HMAC":
        return None

    def sign() -> str:
        query = urlencode({**PARAMS, "timestamp": now_ms()})
        return f"{query}&signature={hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"

    return sign


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
