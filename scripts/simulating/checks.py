"""Checks: what must hold in every simulation, each by a name, and a finding that says how one did not."""

from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """What is claimed; what is looked at for it stands in watch.py, reckoning.py, growth.py and world.py."""

    ONE_ORDER = "one order per intent"
    """The exchange never holds two orders of one client order id, and no request for one is written twice."""
    INTENT_FIRST = "intent first"
    """No order is on the exchange without a committed intent that says the same and that may have been sent."""
    IN_TIME = "in time"
    """No order is signed after its send deadline."""
    HALT_HOLDS = "halt holds"
    """Nothing is written to a connection that the mode in force forbids (cancels may), and a process begins as strict as its book says."""
    LIMITS = "exposure within limits"
    """With whatever of ours is on the exchange, known to the book or not, neither limit of exposure is passed by a buy."""
    ONLY_HELD = "only what is held is sold"
    """Our orders never sell more than was bought, and no position is protected twice."""
    FILLS = "fills equal"
    """The book has exactly the exchange's trades since it was opened, each once, to the last digit."""
    ORDERS = "orders equal"
    """Each order ends in the book as on the exchange, with as much executed."""
    SETTLED = "all settled"
    """After the calm no order's fate is open."""
    BALANCES = "balances conserved"
    """For each asset: the wallet is the exchange's balance, the postings make the wallet, each transaction sums to zero."""
    POSITIONS = "positions follow from fills"
    """A position is its fills less fees in the base asset, in quantity, cost and profit."""
    TABLE = "states move along the table"
    """Each event of the journal is one of the table's, from where the order stood to where the table says."""
    REPLAY = "replay gives the same state"
    """The journal replayed makes what is kept; and what a process that ended in order had in memory is what its book says."""
    NO_FALSE_ALARM = "no false alarm"
    """None counts as never placed but by the exchange's word; where nothing is late, none that is there, and no deposit is made up."""
    PROTECTED = "protection stands"
    """With PROTECTION on, what is held after the calm and can be sold has its pair on the exchange, unless its symbol was given up."""
    SILENCE = "silence is kept"
    """No request leaves before the silence is over that the exchange asked for."""
    WEIGHT = "weight within the limit"
    """The exchange never counts more of this address than it allows, whoever else uses the address."""
    NO_LEAK = "no secret leaks"
    """Neither key nor secret stands in a log, a metric or a file."""
    BOUNDED = "bounded"
    """Tasks, timers, open files and whatever a process keeps in memory stay under their bounds in each life."""
    ORDERLY = "ends in order"
    """No exception goes unhandled, no task outlives its process, and the calm ends with a process that runs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How a check did not hold."""

    check: Check
    what: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.check}: {self.what}"
