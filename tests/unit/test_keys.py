"""Which kind of key a secret is shows in itself; its signatures are what Binance's documents say, and nothing of it is ever shown."""

import pickle
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from scripted_venue import Venue, always, connection, opened
from virtual_time import virtual

from binance_trade_agent.binance.keys import signer_for
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.signing import KeyKind, signed_query
from binance_trade_agent.binance.websocket_api.assembly import api_access
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.settings import load_settings

# fix-api.md, "How to sign Logon <A> request": a key published as an example, no real one.
DOCUMENTED_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
"""
DOCUMENTED_PAYLOAD = "\x01".join(["A", "EXAMPLE", "SPOT", "1", "20240627-11:17:25.223"]).encode()
DOCUMENTED_SIGNATURE = "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
PAYLOAD = b"symbol=%EF%BC%91%EF%BC%92&side=SELL&timestamp=1668481559918"
INSIDE = DOCUMENTED_KEY.splitlines()[1]

Encoded = Callable[[Any], str]


def pem(key: Any, format: PrivateFormat = PrivateFormat.PKCS8, passphrase: str = "") -> str:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, format, encryption)
    return text.decode()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


def test_the_documented_ed25519_signature() -> None:
    signer = signer_for(DOCUMENTED_KEY)
    assert signer.kind is KeyKind.ED25519
    assert signer.sign(DOCUMENTED_PAYLOAD) == DOCUMENTED_SIGNATURE


def test_an_rsa_signature_is_one_of_pkcs1_with_sha256(rsa_key: rsa.RSAPrivateKey) -> None:
    """The documents show RSA signatures but not the key they were made with, so the public key has to be the judge here."""
    signer = signer_for(pem(rsa_key))
    assert signer.kind is KeyKind.RSA
    rsa_key.public_key().verify(b64decode(signer.sign(PAYLOAD)), PAYLOAD, PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text,
        lambda text: text.strip(),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", "\\r\\n"),
        lambda text: text.replace("\n", " "),
        lambda text: f"\n  {text}\n\n",
        lambda text: text.replace("\n", ""),
    ],
    ids=["plain", "stripped", "crlf", "escaped", "escaped-crlf", "blanks", "indented", "no-breaks"],
)
def test_line_breaks_of_a_key_survive_however_they_are_written(rewrite: Callable[[str], str], rsa_key: rsa.RSAPrivateKey) -> None:
    assert signer_for(rewrite(DOCUMENTED_KEY)).sign(DOCUMENTED_PAYLOAD) == DOCUMENTED_SIGNATURE
    assert signer_for(rewrite(pem(rsa_key))).sign(PAYLOAD) == signer_for(pem(rsa_key)).sign(PAYLOAD)


def test_an_encrypted_key_opens_with_its_passphrase_alone(rsa_key: rsa.RSAPrivateKey) -> None:
    text = pem(rsa_key, passphrase="open sesame")
    assert signer_for(text, "open sesame").sign(PAYLOAD) == signer_for(pem(rsa_key)).sign(PAYLOAD)
    for passphrase, hint in (("", "BINANCE_API_KEY_PASSPHRASE"), ("open barley", "BINANCE_API_KEY_PASSPHRASE is not its passphrase")):
        with pytest.raises(ConfigurationError, match=hint) as caught:
            signer_for(text, passphrase)
        assert "barley" not in str(caught.value)
    for secret in (pem(rsa_key), "S" * 64):
        with pytest.raises(ConfigurationError, match="BINANCE_API_KEY_PASSPHRASE is set"):
            signer_for(secret, "open sesame")


def public(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


WRONG: dict[str, tuple[Encoded, str]] = {
    "public": (public, "public key"),
    "pkcs1": (lambda key: pem(key, PrivateFormat.TraditionalOpenSSL), "PKCS#1"),
    "openssh": (lambda key: pem(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH), "OpenSSH"),
    "sec1": (lambda key: pem(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL), "elliptic"),
    "curve": (lambda key: pem(ec.generate_private_key(ec.SECP256R1())), "does not take"),
    "ed448": (lambda key: pem(ed448.Ed448PrivateKey.generate()), "does not take"),
    "dsa": (lambda key: pem(dsa.generate_private_key(1_024)), "does not take"),
    "short": (lambda key: pem(rsa.generate_private_key(65_537, 1_024)), "1024 bits"),
    "certificate": (lambda key: pem(key).replace("PRIVATE KEY", "CERTIFICATE"), "no private key"),
    "cut": (lambda key: pem(key)[:-200], "BEGIN and END"),
    "damaged": (lambda key: pem(key).replace("a", "?"), "cannot be read"),
    "halved": (lambda key: pem(key)[:500] + "\n-----END PRIVATE KEY-----\n", "cannot be read"),
    "empty": (lambda key: "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "cannot be read"),
    "two words": (lambda key: "my secret", "blank"),
    "not ascii": (lambda key: "s\u00e9cret", "character"),
    "not ascii pem": (lambda key: pem(key).replace("A", "\u00e9", 1), "BEGIN and END"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_key_is_named_and_not_quoted(name: str, rsa_key: rsa.RSAPrivateKey) -> None:
    make, says = WRONG[name]
    secret = make(rsa_key)
    with pytest.raises(ConfigurationError, match=says) as caught:
        signer_for(secret)
    text = str(caught.value) + repr(caught.value)
    assert "BINANCE_API_SECRET" in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not any(line in text for line in secret.splitlines() if len(line) > 5 and "-----" not in line)


@pytest.mark.parametrize("secret", [DOCUMENTED_KEY, "S" * 64])
def test_a_signer_shows_and_gives_away_nothing(secret: str) -> None:
    signer = signer_for(secret)
    assert repr(signer) == f"{type(signer).__name__}(***)"
    with pytest.raises(TypeError) as caught:
        pickle.dumps(signer)
    assert INSIDE not in str(caught.value)


def test_a_connection_shows_no_key() -> None:
    shown = repr(connection(Venue(always(200)), api_secret=DOCUMENTED_KEY))
    assert INSIDE not in shown
    assert "Ed25519" not in shown


@virtual
async def test_a_signed_request_carries_the_signature_percent_encoded() -> None:
    async with opened(always(200, []), api_secret=DOCUMENTED_KEY) as (client, venue):
        await client.get_open_orders("\uff11\uff12")
    payload, _, signature = venue.requests[0].url.query.decode().rpartition("&signature=")
    assert payload.startswith("symbol=%EF%BC%91%EF%BC%92&recvWindow=5000&timestamp=")
    assert "+" not in signature
    assert "/" not in signature
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b64decode(INSIDE)[-32:])
    key.public_key().verify(b64decode(unquote(signature)), payload.encode())


def test_a_signature_in_base64_is_percent_encoded_in_the_query() -> None:
    query = signed_query("x=1", signer_for(DOCUMENTED_KEY))
    signature = query.removeprefix("x=1&signature=")
    assert b64decode(unquote(signature), validate=True)
    assert signature.endswith("%3D%3D")


@pytest.mark.parametrize(("secret", "may_log_on"), [(DOCUMENTED_KEY, True), ("S" * 64, False)])
@virtual
async def test_a_websocket_session_is_logged_on_with_an_ed25519_key_alone(secret: str, may_log_on: bool) -> None:
    spoken = connection(Venue(always(200)), api_secret=secret, websocket_api_url="wss://exchange.test/ws-api/v3")
    access = api_access(spoken, RestCaller(spoken), ConnectBudget(lambda: 0.0))
    assert access.may_log_on is may_log_on
    assert access.signer.sign(PAYLOAD) == signer_for(secret).sign(PAYLOAD)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_API_SECRET_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_key_comes_from_a_variable_or_a_file(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_MODE", "testnet")
    monkeypatch.setenv("BINANCE_API_KEY", "K" * 64)
    (outside / "key.pem").write_text(DOCUMENTED_KEY)
    for name, value in (("BINANCE_API_SECRET", DOCUMENTED_KEY.replace("\n", "\\n")), ("BINANCE_API_SECRET_FILE", "key.pem")):
        monkeypatch.setenv(name, value)
        secret = load_settings().binance_api_secret
        assert secret is not None
        assert signer_for(secret.get_secret_value()).kind is KeyKind.ED25519
        monkeypatch.delenv(name)


def test_a_wrong_key_fails_the_settings_before_anything_starts(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_MODE", "testnet")
    monkeypatch.setenv("BINANCE_API_KEY", "K" * 64)
    monkeypatch.setenv("BINANCE_API_SECRET", DOCUMENTED_KEY.replace("PRIVATE", "PUBLIC"))
    with pytest.raises(ConfigurationError, match=r"^BINANCE_API_SECRET holds the public key") as caught:
        load_settings()
    assert INSIDE not in str(caught.value)


def test_hmac_users_do_not_pay_for_the_cryptography_of_others() -> None:
    script = (
        "import sys, binance_trade_agent.wiring.remote_venue; from binance_trade_agent.binance.keys import signer_for; "
        "signer_for('S' * 64); sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
