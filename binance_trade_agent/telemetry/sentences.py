"""Sentences: how orders, fills, modes and silences are worded, alike in the log and in messages."""

from decimal import Decimal

from binance_trade_agent.domain.limit_facts import SilenceAsked
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import Fill, OrderIntent, Side
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, EntryLock, ModeChange
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.domain.symbol_facts import SymbolsTraded

SHOWN_DECIMALS = 8


def wish(intent: OrderIntent) -> str:
    """`buy 0.5 BTCUSDT at 60000`: what an order is to do."""
    limit = f" at {plain(intent.price)}" if intent.price is not None else ""
    return f"{'buy' if intent.side is Side.BUY else 'sell'} {plain(intent.quantity)} {intent.symbol}{limit}"


def fill(booked: Fill, realized: Decimal, quote_asset: str) -> str:
    """What was traded, for how much, the fee, and with a sale the profit; `quote_asset` is shown with amounts unless it is empty."""
    quote = f" {quote_asset}" if quote_asset else ""
    deed = f"{'Bought' if booked.side is Side.BUY else 'Sold'} {plain(booked.quantity)} {booked.symbol}"
    fee = f", fee {plain(booked.commission)} {booked.commission_asset}" if booked.commission else ""
    gain = ""
    if booked.side is Side.SELL:
        gain = f", {'loss' if realized < 0 else 'profit'} {plain(round(abs(realized), SHOWN_DECIMALS))}{quote}"
    return f"{deed} at {plain(booked.price)} for {plain(booked.quote_quantity)}{quote}{fee}{gain}"


def mode_change(change: ModeChange) -> str:
    """Whose trading changed to what, by which rule, and why."""
    scope = "Trading" if change.scope == ACCOUNT_SCOPE else f"Trading of {change.scope}"
    return f"{scope} is now {change.mode} ({change.rule}): {change.reason}"


def symbols_traded(change: SymbolsTraded) -> str:
    """What is traded otherwise than before; empty when nothing is."""
    parts = (
        ("also traded now", change.joined),
        ("not chosen any more", change.left),
        ("only sold, until nothing is held", change.closing),
        ("not traded any more", change.dropped),
    )
    told = [f"{what}: {', '.join(symbols)}" for what, symbols in parts if symbols]
    return f"Symbols {'; '.join(told)}" if told else ""


def symbols_lost(change: SymbolsTraded) -> str:
    """What is held and cannot be sold any more; empty when nothing is that could be before."""
    why = "Held, and not listed by the exchange any more, so that nothing of it can be sold"
    return f"{why}: {', '.join(change.lost)}" if change.lost else ""


def entries_locked(lock: EntryLock) -> str:
    """Whose entries rest, by which rule, and why."""
    scope = "Entries of all symbols" if lock.scope == ACCOUNT_SCOPE else f"Entries of {lock.scope}"
    return f"{scope} rest for {lasting(lock.until_ms - lock.since_ms)} ({lock.rule}): {lock.reason}"


def silence(asked: SilenceAsked) -> str:
    """What is not sent, and for how long."""
    what = "no new order" if asked.orders_only else "nothing at all"
    why = "has banned this address" if asked.is_ban else "asked for silence"
    return f"The exchange {why}: {what} is sent for {asked.seconds:.0f} s"
