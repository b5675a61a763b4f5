"""Signatures are those of Binance's own examples, over exactly the text that is sent."""

import hashlib
import hmac
import pickle
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.binance.signing import HmacSigner, encode_params, signed_query

# rest-api.md, "SIGNED Endpoint Examples", HMAC keys: published example values, no real key.
EXAMPLE_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLE = {
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "1",
    "price": "0.1",
    "recvWindow": "5000",
    "timestamp": "1499827319559",
}


@pytest.mark.parametrize(
    ("symbol", "encoded", "signature"),
    [
        ("LTCBTC", "LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "\uff11\uff12\uff13\uff14\uff15\uff16",
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_documented_examples(symbol: str, encoded: str, signature: str) -> None:
    query = signed_query(encode_params({"symbol": symbol, **EXAMPLE}), HmacSigner(EXAMPLE_SECRET))
    assert query.startswith(f"symbol={encoded}&side=BUY&")
    assert query.endswith(f"&signature={signature}")


@given(st.dictionaries(st.from_regex(r"\A[a-zA-Z]{1,12}\Z"), st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1))
def test_what_is_signed_is_what_is_sent(params: dict[str, str]) -> None:
    query = signed_query(encode_params(params), HmacSigner("secret"))
    sent = httpx.Request("GET", f"https://exchange.test/api/v3/order?{query}").url.query.decode()
    payload, _, signature = sent.rpartition("&signature=")
    assert sent == query
    assert signature == hmac.new(b"secret", payload.encode(), hashlib.sha256).hexdigest()
    assert dict(parse_qsl(payload, keep_blank_values=True)) == params


def test_parameters_keep_their_order() -> None:
    assert encode_params({"b": "1", "a": '["X"]'}) == "b=1&a=%5B%22X%22%5D"


def test_signatures_of_other_kinds_of_keys_are_encoded_too() -> None:
    class Base64Signer:
        def sign(self, payload: bytes) -> str:
            return "a+b/c=="

    assert signed_query("x=1", Base64Signer()) == "x=1&signature=a%2Bb%2Fc%3D%3D"


def test_the_secret_shows_nowhere() -> None:
    signer = HmacSigner(EXAMPLE_SECRET)
    assert EXAMPLE_SECRET not in repr(signer) + str(signer) + f"{signer}"
    with pytest.raises(TypeError) as caught:
        pickle.dumps(signer)
    assert EXAMPLE_SECRET not in str(caught.value)
