"""Planted faults towards the outside: silence that the exchange asks for, and secrets."""

from typing import Any

import structlog
from msgspec.structs import replace

from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.domain.order import OrderIntent
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.storage.ban_files import BanFiles
from simulating.planting import Bed, Planted


def _silence_ignored(bed: Bed) -> None:
    bed.replace(Silence, "keep", lambda self, error: None)


def _silence_forgotten(bed: Bed) -> None:
    bed.replace(BanFiles, "remember", lambda self, host, until_ms: True)


def _secret_logged(bed: Bed) -> None:
    real = RestCaller._signed

    def signed(self: Any, query: str, timestamp: int, signer: Any) -> str:
        whole = real(self, query, timestamp, signer)
        structlog.get_logger().info("signed", query=f"{whole} {self._connection.api_secret}")
        return whole

    bed.replace(RestCaller, "_signed", signed)


def _key_in_the_book(bed: Bed) -> None:
    real = PortfolioManager.record_intent

    async def record_intent(self: Any, intent: OrderIntent, *more: Any) -> None:
        from simulating.world import KEY

        await real(self, replace(intent, reason=f"for {KEY}"), *more)

    bed.replace(PortfolioManager, "record_intent", record_intent)


OUTSIDE = (
    Planted("silence_ignored", "the exchange asks for silence, and is asked on", _silence_ignored),
    Planted("silence_forgotten", "silence ends with the process", _silence_forgotten),
    Planted("secret_logged", "the secret stands in the log", _secret_logged),
    Planted("key_in_the_book", "the key stands in the book", _key_in_the_book),
)
