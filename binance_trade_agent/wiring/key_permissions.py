"""Key permissions: what the API key may do, asked once before real money is traded; a key that may withdraw starts nothing."""

from typing import Any

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.answers.account import ApiRestrictions
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.wiring.patience import patiently

WORKS_FROM_ANYWHERE = "the API key works from any address; restrict it to this server's address in Binance's API management"


async def require_safe_key(client: AsyncBinanceClient, log: Any, *, is_first_start: bool) -> None:
    """Raise ConfigurationError for a key that may withdraw or may not trade Spot; warn of one that works from any address.

    While no answer comes at all, the start is patient as with every other part of it. Then a first start ends with that ExchangeError,
    and a book that was opened before is served without the check, with a warning, because positions without a daemon are watched by
    nobody (docs/decisions/0019).
    """
    try:
        found = await patiently("permissions of the API key", client.account.api_restrictions, log)
    except RateLimitedError as error:
        _unchecked(error, log, is_first_start)
    except ExchangeRefusedError as error:
        raise ConfigurationError(
            f"what BINANCE_API_KEY may do cannot be asked of BINANCE_BASE_URL (GET /sapi/v1/account/apiRestrictions): {error}"
        ) from None
    except ExchangeError as error:
        _unchecked(error, log, is_first_start)
    else:
        _check(found, log)


def _unchecked(error: ExchangeError, log: Any, is_first_start: bool) -> None:
    if is_first_start:
        raise error
    log.warning("what the API key may do could not be asked; it is used unchecked until the next start", error=str(error))


def _check(found: ApiRestrictions, log: Any) -> None:
    if (fault := fault_of(found)) is not None:
        raise ConfigurationError(fault)
    if not found.ip_restrict:
        log.warning(WORKS_FROM_ANYWHERE)


def fault_of(found: ApiRestrictions) -> str | None:
    """Why a key must not be used for real money, in words for its owner; None when it may be."""
    if found.enable_withdrawals:
        return (
            "BINANCE_API_KEY may withdraw, so whoever reads it can empty the account; take 'Enable Withdrawals' from the key in Binance's "
            "API management, or use another key"
        )
    if not found.enable_spot_and_margin_trading:
        return "BINANCE_API_KEY may not trade Spot; give it 'Enable Spot & Margin Trading' in Binance's API management, or use another key"
    return None
