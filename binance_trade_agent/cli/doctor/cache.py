"""The check-up of the cache server, where one is named: whether it takes an entry and gives it back."""

from binance_trade_agent.cli.doctor.finding import Finding, skipped, warning, well
from binance_trade_agent.domain.facts import CacheFailed, Fact
from binance_trade_agent.settings import Settings
from binance_trade_agent.wiring.market_cache import redis_cache

PROBE = "trade-agent:doctor"
PROBE_MS = 1_000


class _Failures:
    def __init__(self) -> None:
        self.first: CacheFailed | None = None

    def observe(self, fact: Fact) -> None:
        if isinstance(fact, CacheFailed) and self.first is None:
            self.first = fact


async def examine_cache(settings: Settings) -> Finding:
    """Trading goes on without it, so that no answer is a warning."""
    if not settings.redis_host:
        return skipped("cache", "no REDIS_HOST: each process keeps its own in memory")
    where, failures = f"REDIS_HOST={settings.redis_host}:{settings.redis_port}", _Failures()
    redis = redis_cache(settings, failures)
    try:
        await redis.put({PROBE: b"1"}, PROBE_MS)
        held = await redis.get([PROBE])
    finally:
        await redis.aclose()
    if failures.first is not None:
        return warning("cache", f"{where} does not answer ({failures.first.error}); the exchange is asked instead, which costs requests")
    return well("cache", f"{where} answers") if held else warning("cache", f"{where} keeps nothing; is its memory full?")
