"""A control call from the same machine: what `halt`, `resume`, `flatten` and the like ask of the running daemon's HTTP face.

Only the daemon itself changes modes: it alone writes the book, and its gate is in its memory. So nothing is done when none runs.
"""

import http.client
import json
from collections.abc import Mapping

from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.service.health_probe import reachable_host

CALL_TIMEOUT_S = 60.0
"""A cancellation waits for the running pass first."""

MAX_ANSWER_BYTES = 262_144


def control_by_call(host: str, port: int, token: str, action: str, reason: str, about: Mapping[str, str]) -> Mapping[str, object]:
    """What the daemon at `host` (where it listens) and `port` answered: the scope and what is in force there, or became of its orders.

    `about` names the `symbol` or the `order` that is meant; the whole account is when it is empty.

    Blocking, for the command line only. Raises AgentError when nobody listens, the daemon says no, or no answer came; the text tells
    whether anything may have changed.
    """
    place = f"{host}:{port}"
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=CALL_TIMEOUT_S)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise AgentError(f"no daemon answers at {place} ({type(error).__name__}): nothing was changed") from None
        body = json.dumps({"reason": reason, **about})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", f"/control/{action}", body, headers)
        answer = connection.getresponse()
        text = answer.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise AgentError(f"{action} was asked of {place}, and no answer came ({type(error).__name__}): see its /status") from None
    finally:
        connection.close()
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise AgentError(f"what answers at {place} is no daemon of this kind (HTTP {answer.status})")
    if answer.status == http.client.SERVICE_UNAVAILABLE:  # it was taken, and the sentence says what became of it
        raise AgentError(f"{told.get('error')} (HTTP {answer.status})")
    if answer.status != http.client.OK:
        raise AgentError(f"{action} was refused (HTTP {answer.status}): {told.get('error')}")
    return told
