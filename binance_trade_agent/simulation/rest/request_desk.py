"""RequestDesk: what every face does with a request once it is read: count its weight, let its security be checked, answer it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, MixedAnswer, Security, Venue
from binance_trade_agent.simulation.rest.params import Params
from binance_trade_agent.simulation.rest.rate_limits import Limit
from binance_trade_agent.simulation.rest.security import KeyHolder, require_young

OK = 200
LEAST_WEIGHT = 1
"""What a request costs that cannot even be read."""


@dataclass(frozen=True, slots=True)
class Served:
    """The content of an answer (what is serialised, or bytes that already are), and the account's order counts after a placement.

    `status` is not OK where a request of two parts failed in one or both: then the content is an error that tells of each.
    """

    content: Any
    order_counts: tuple[tuple[Limit, int], ...] = ()
    status: int = OK
    retry_after_s: int | None = None


class RequestDesk:
    """The endpoints' one way to be called. Raises ExchangeRefusedError for a no, BookError when the store cannot be written."""

    def __init__(self, venue: Venue, clock_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._clock_ms = clock_ms

    def charge_unreadable(self, ip: str, now_ms: int) -> None:
        """Count a request that names no endpoint."""
        self._venue.limits.charge(ip, LEAST_WEIGHT, now_ms)

    def serve(
        self,
        endpoint: Endpoint,
        params: Params,
        ip: str,
        now_ms: int,
        signer: Callable[[], KeyHolder],
        also_known: Collection[str] = (),
        checked_ms: int | None = None,
    ) -> Served:
        """Answer one request; `signer` is asked when the endpoint is signed, and refuses whoever is not who he says.

        Parameters that the endpoint does not read are refused, except those that are `also_known` to the face. A signed request is looked
        at a second time just before it goes to the engine, in case it has become too old on the way ("Timing security"); one that was
        forwarded at `checked_ms` already is not.
        """
        limits = self._venue.limits
        weight = endpoint.weight(params)
        limits.charge(ip, weight, now_ms)
        holder = None if endpoint.security is Security.NONE else signer()
        if holder is not None and endpoint.security is Security.TRADE:
            holder.require_trading()
        params.require_known(endpoint.parameters.union(also_known))
        if holder is not None and params.has("timestamp"):
            self._require_still_young(endpoint, params, holder, now_ms, checked_ms)
        account_id = 0 if holder is None else holder.account_id
        content = endpoint.handler(self._venue, Call(params, account_id, now_ms, holder))
        counts = tuple(limits.order_counts(account_id, now_ms)) if endpoint.places_order else ()
        if isinstance(content, MixedAnswer):
            return Served(content.error, counts, content.status, content.retry_after_s)
        if endpoint.free_when_successful:
            limits.refund(ip, weight, now_ms)
        return Served(content, counts)

    def _require_still_young(self, endpoint: Endpoint, params: Params, holder: KeyHolder, now_ms: int, checked_ms: int | None) -> None:
        """Raise -1021 for a request that got too old on the way; an order counts as unfilled all the same (CHANGELOG.md, recvWindow)."""
        try:
            require_young(params, self._clock_ms() if checked_ms is None else checked_ms)
        except ExchangeRefusedError:
            if endpoint.places_order:
                self._venue.limits.count_order(holder.account_id, now_ms)
            raise
