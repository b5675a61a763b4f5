"""Sending an answer to whoever asked, or what a fault makes of it."""

import asyncio

from binance_trade_agent.simulation.sockets.faults import SocketFault, SocketFaultKind
from binance_trade_agent.simulation.sockets.session import SocketSession

_CUTS = frozenset({SocketFaultKind.CUT_EXECUTED, SocketFaultKind.CUT_NOT_EXECUTED})
_LOSSES = frozenset({SocketFaultKind.LOSE_ANSWER, SocketFaultKind.LOSE_REQUEST})


def deliver(session: SocketSession, answer: bytes, fault: SocketFault | None) -> None:
    """Send `answer`, a whole frame; late, never, or with the end of the connection in its place where `fault` says so."""
    if fault is None:
        session.send(answer)
    elif fault.kind in _CUTS:
        session.cut()
    elif fault.kind is SocketFaultKind.DELAY_ANSWER:
        asyncio.get_running_loop().call_later(fault.delay_s, session.send, answer)
    elif fault.kind not in _LOSSES:
        session.send(answer)
