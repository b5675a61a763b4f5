"""From the API secret to a signer: which kind of key it is shows in the secret itself.

Source: faqs/api_key_types.md. An HMAC secret is a word; RSA and Ed25519 keys are PKCS#8 in PEM ("Only PKCS#8 keys are supported").
Errors name the setting and never quote what it holds.
"""

import re

from binance_trade_agent.binance.signing import HmacSigner, Signer
from binance_trade_agent.domain.errors import ConfigurationError

_MARK = "-----BEGIN "
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*)-----END \1-----", re.DOTALL)
_LINE_CHARS = 64
_PLAIN, _ENCRYPTED = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"
_TO_PKCS8 = "convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW"
_OTHER_LABELS = {
    "PUBLIC KEY": "the public key, which belongs to Binance; the private key is due",
    "RSA PUBLIC KEY": "the public key, which belongs to Binance; the private key is due",
    "RSA PRIVATE KEY": f"an RSA key in PKCS#1, and PKCS#8 is due; {_TO_PKCS8}",
    "EC PRIVATE KEY": "an elliptic curve key that Binance does not take; allowed: RSA and Ed25519",
    "OPENSSH PRIVATE KEY": "a key of OpenSSH, and PKCS#8 is due; make one with: openssl genpkey -algorithm ed25519",
}


def require_api_key(api_key: str) -> None:
    """Raise ConfigurationError for what cannot be sent as a key; an empty one is none."""
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise ConfigurationError("BINANCE_API_KEY holds a blank, a line break or a character that no key has")


def is_pem(secret: str) -> bool:
    """True when the secret is, or means to be, a key in PEM."""
    return _MARK in secret


def signer_for(secret: str, passphrase: str = "") -> Signer:
    """The signer that `secret` makes: PEM text (its line breaks may be written as \\n or be lost), or an HMAC secret.

    `passphrase` opens an encrypted PEM key. Raises ConfigurationError for what can be no key.
    """
    if is_pem(secret):
        from binance_trade_agent.binance.pem_signers import signer_from_pem

        return signer_from_pem(_pem(secret, passphrase), passphrase)
    if passphrase:
        raise ConfigurationError("BINANCE_API_KEY_PASSPHRASE is set, but BINANCE_API_SECRET holds no key in PEM; remove the passphrase")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise ConfigurationError("BINANCE_API_SECRET holds a blank, a line break or a character that no HMAC secret has")
    return HmacSigner(secret)


def _pem(secret: str, passphrase: str) -> str:
    """The key with its line breaks in their places."""
    found = _PEM.search(secret.replace("\\r", "").replace("\\n", "\n"))
    if found is None or not secret.isascii():
        raise ConfigurationError(
            "BINANCE_API_SECRET begins like a key in PEM but is none: its BEGIN and END lines have to be there and agree"
        )
    label, inside = found[1], "".join(found[2].split())
    if label in _OTHER_LABELS:
        raise ConfigurationError(f"BINANCE_API_SECRET holds {_OTHER_LABELS[label]}")
    if label not in {_PLAIN, _ENCRYPTED}:
        raise ConfigurationError("BINANCE_API_SECRET holds PEM text that is no private key; allowed: an RSA or Ed25519 key in PKCS#8")
    if label == _ENCRYPTED and not passphrase:
        raise ConfigurationError("BINANCE_API_SECRET holds an encrypted key; set BINANCE_API_KEY_PASSPHRASE, or decrypt the key")
    lines = [inside[start : start + _LINE_CHARS] for start in range(0, len(inside), _LINE_CHARS)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
