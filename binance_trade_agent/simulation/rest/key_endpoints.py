"""The one endpoint beside /api/v3 that is here: what an API key may do (Binance Wallet documents, "Get API Key Permission")."""

from typing import Any

from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed

_NEVER = (
    *("enableInternalTransfer", "enableFutures", "enablePortfolioMarginTrading", "enableVanillaOptions"),
    *("permitsUniversalTransfer", "enableFixApiTrade", "enableFixReadOnly", "enableWithdrawals", "enableMargin"),
)


def _restrictions(venue: Venue, call: Call) -> Any:
    """Keys are made when the exchange starts and hold from any address; there is nothing here that they could withdraw to."""
    return {
        "ipRestrict": False,
        "createTime": 0,
        "enableReading": True,
        "enableSpotAndMarginTrading": call.signer is not None and call.signer.may_trade,
        **dict.fromkeys(_NEVER, False),
    }


ROUTES: dict[str, dict[str, Endpoint]] = {"/sapi/v1/account/apiRestrictions": {"GET": signed(_restrictions, weight=flat(1))}}
