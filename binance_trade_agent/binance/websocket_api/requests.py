"""Requests of the WebSocket API as text, and their signatures. Source: web-socket-api.md, "Request format" and "SIGNED request security".

Unlike in REST, the parameters are signed in alphabetical order and without percent-encoding, as UTF-8.
"""

from collections.abc import Mapping

import msgspec

from binance_trade_agent.binance.signing import Signer

Params = Mapping[str, str | int]


def signature_payload(params: Params) -> bytes:
    """What is signed: `name=value` pairs by name, joined by `&`."""
    return "&".join([f"{name}={params[name]}" for name in sorted(params)]).encode()


def signed(params: Params, api_key: str, signer: Signer) -> dict[str, str | int]:
    """The parameters with the key and the signature over all of them."""
    complete = {**params, "apiKey": api_key}
    return {**complete, "signature": signer.sign(signature_payload(complete))}


def request_text(request_id: int, method: str, params: Params) -> bytes:
    """The text frame of one request; parameters are left out where there are none."""
    request: dict[str, object] = {"id": request_id, "method": method}
    if params:
        request["params"] = params
    return msgspec.json.encode(request)
