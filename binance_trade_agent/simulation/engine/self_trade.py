"""Self-trade prevention: what becomes of two orders of one account that were about to trade with each other (faqs/stp_faq.md)."""

from msgspec.structs import replace

from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP, ExchangeOrder, PreventedMatch
from binance_trade_agent.simulation.engine.terms import SelfTradePrevention


def expire_maker(maker: ExchangeOrder, taker: ExchangeOrder, match_id: int) -> tuple[ExchangeOrder, PreventedMatch]:
    """The resting order after all that was left of it has expired, and the match that was prevented."""
    lost = maker.remaining_quantity
    prevented = PreventedMatch(
        symbol=maker.symbol,
        prevented_match_id=match_id,
        taker_order_id=taker.order_id,
        taker_account_id=taker.account_id,
        maker_order_id=maker.order_id,
        maker_account_id=maker.account_id,
        trade_group_id=NO_TRADE_GROUP,
        mode=SelfTradePrevention.EXPIRE_MAKER,
        price=maker.limit,
        quantity=min(lost, taker.remaining_quantity),
        taker_prevented_quantity=None,
        maker_prevented_quantity=lost,
        time_ms=taker.time_ms,
    )
    ended = maker.ended(ExchangeStatus.EXPIRED_IN_MATCH, taker.time_ms)
    return replace(ended, prevented_match_id=match_id, prevented_quantity=lost), prevented
