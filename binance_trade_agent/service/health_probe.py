"""The question that a container's health check asks: is the daemon on this machine alive?"""

import http.client

PROBE_TIMEOUT_S = 4.0
MAX_ANSWER_BYTES = 4_096
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- compared with, not bound to


def reachable_host(host: str) -> str:
    """Where to reach from this machine what listens at `host`."""
    return _EVERYWHERE.get(host, host)


def probe(
    host: str, port: int, path: str = "/healthz", timeout_s: float = PROBE_TIMEOUT_S, most_bytes: int = MAX_ANSWER_BYTES
) -> tuple[bool, str]:
    """Ask the HTTP face at `host` (where it listens) and `port`: whether it answered 200, and its answer or a sentence on what went wrong.

    Blocking, for the command line only.
    """
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(most_bytes).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return False, f"{host}:{port}{path} does not answer: {type(error).__name__}: {error}"
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return False, f"{host}:{port}{path} answers {answer.status}: {text}"
    return True, text
