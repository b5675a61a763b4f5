"""Redaction: no secret leaves in a log event, by key or by value, in whatever shape it is wrapped."""

import json
from decimal import Decimal
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.telemetry import redaction
from binance_trade_agent.telemetry.redaction import MASK, Redactor

SECRET = "hmac/Secret+0123=="


def masked(event, secrets=(SECRET,)):
    return orjson.dumps(Redactor(secrets).masked_fields(event)).decode()


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "apiKey",
        "X-MBX-APIKEY",
        "secret",
        "BINANCE_API_SECRET",
        "signature",
        "password",
        "redis_password",
        "token",
        "Authorization",
    ],
)
def test_values_of_secret_keys_are_masked_at_any_depth(key):
    text = masked({"event": "e", key: "value-1", "headers": {key: "value-2"}, "items": [{key: "value-3"}]})
    assert "value-" not in text
    assert text.count(MASK) == 3


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v3/order?symbol=BTCUSDT&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        "signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71&timestamp=1",
        "{'X-MBX-APIKEY': 'c8db56825ae71d6d'}",
        '{"apiKey":"c8db56825ae71d6d"}',
        "X-MBX-APIKEY: c8db56825ae71d6d",
        "[(b'X-MBX-APIKEY', b'c8db56825ae71d6d')]",
        r"{\"signature\":\"c8db56825ae71d6d\"}",
        "Authorization: Bearer c8db56825ae71d6d",
    ],
)
def test_named_secrets_in_text_are_masked(text):
    assert "c8db56825ae7" not in Redactor().text(text)
    assert "symbol=BTCUSDT" in Redactor().text("symbol=BTCUSDT&signature=ff")


class Request:
    def __init__(self, url):
        self.url = url

    def __repr__(self):
        return f"<Request {self.url}>"


class Mute:
    def __repr__(self):
        raise RuntimeError("no words")


def test_known_values_are_masked_wherever_they_are():
    event = {
        "event": f"sent with {SECRET}",
        "url": f"https://x/?k={quote(SECRET, safe='')}",
        "bytes": SECRET.encode(),
        "error": ValueError(f"bad key {SECRET}"),
        "object": Request(SECRET),
        "tuple": (1, [SECRET], {"a": {"b": {"c": {"d": {"e": {"f": {"g": SECRET}}}}}}}),
        SECRET: "as a key",
    }
    text = masked(event)
    assert SECRET not in text
    assert quote(SECRET, safe="") not in text
    assert text.count(MASK) == 8


def test_plain_figures_and_texts_stay_as_they_are():
    event = {"event": "Bought", "count": 3, "ok": True, "none": None, "ratio": 0.5, "price": Decimal("60123.450"), "huge": 2**70}
    assert json.loads(masked(event)) == {
        "event": "Bought",
        "count": 3,
        "ok": True,
        "none": None,
        "ratio": 0.5,
        "price": "60123.450",
        "huge": str(2**70),
    }


def test_a_numeric_secret_is_masked_in_numbers():
    assert "987654321" not in masked({"event": "e", "number": 1987654321}, secrets=("987654321",))


def test_a_value_that_cannot_describe_itself_does_not_end_the_log():
    assert "Mute" in masked({"event": "e", "value": Mute()})


def test_the_longer_of_two_secrets_is_hidden_whole():
    assert masked({"event": "abcdefgh"}, secrets=("abcd", "abcdefgh")) == f'{{"event":"{MASK}"}}'


def test_every_long_line_of_a_private_key_is_a_secret():
    pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIBase64Line\n-----END PRIVATE KEY-----\n"
    assert "MC4CAQ" not in masked({"event": "line MC4CAQAwBQYDK2VwBCIEIBase64Line here", "repr": repr(pem)}, secrets=(pem,))


PEM_LINES = ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDJ8qIVelw6EXmt", "fVfF481qTA3sS3C2fe/TlxOn7ws=", "Qx2P0s==")
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *PEM_LINES, "-----END PRIVATE KEY-----", ""])


@pytest.mark.parametrize("given", [PEM, PEM.replace("\n", "\\n"), PEM.replace("\n", "\r\n"), PEM.replace("\n", " ")])
@pytest.mark.parametrize(
    "shown",
    [
        PEM,
        PEM.replace("\n", "\\n"),
        repr(PEM),
        json.dumps({"key": PEM}),
        quote(PEM, safe=""),
        "".join(PEM_LINES),
        f"bad line: {PEM_LINES[0]}",
        f"bad line: {PEM_LINES[1]}",
        f"bad line: {PEM_LINES[2]}",
    ],
    ids=["plain", "escaped", "repr", "json", "percent", "joined", "first", "second", "last"],
)
def test_a_private_key_is_hidden_whole_and_line_by_line_however_it_was_given(given, shown):
    text = Redactor((given,)).text(shown)
    assert not any(line in text or quote(line, safe="") in text for line in PEM_LINES)


def test_a_key_without_content_hides_nothing_else():
    assert Redactor(("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",)).text("bought 1 BTC") == "bought 1 BTC"


def test_the_redactor_does_not_show_what_it_hides():
    assert SECRET not in repr(Redactor([SECRET]))


SHAPES = st.recursive(
    st.one_of(
        st.text(max_size=8), st.integers(), st.none(), st.booleans(), st.just(SECRET), st.just(SECRET.encode()), st.just(f"x{SECRET}y")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3), st.tuples(inner)),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), SHAPES, max_size=4))
def test_no_shape_lets_a_known_secret_through(event):
    assert SECRET not in str(Redactor([SECRET]).masked_fields(event))


_NAMES = ("signature", "X-MBX-APIKEY", "api_key", "apiSecret", "to\u212aen", "\u017fecret_key", "listenKey", "PASSWORD", "Authorization")
_PIECES = st.sampled_from((*_NAMES, "monkey", "=", ": ", '": "', ", ", "&", " ", "\\", "Bearer ", "abc", "\u00e9", "[", "0"))


@given(st.lists(_PIECES, max_size=8).map("".join))
def test_looking_beforehand_whether_a_text_may_name_a_secret_hides_no_less(text):
    assert Redactor().text(text) == redaction._NAMED_IN_TEXT.sub(rf"\1\2{MASK}", text)
