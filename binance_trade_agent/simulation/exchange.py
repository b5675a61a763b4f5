"""SimulatedExchange: market, clock, engine, store and REST face tied together, with typed views for reports and checkers."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import ZERO, money
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.simulation.clocks import SkewedClock
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.amounts import floor_amount
from binance_trade_agent.simulation.engine.commissions import CommissionTerms, Rates
from binance_trade_agent.simulation.engine.history import History
from binance_trade_agent.simulation.engine.listing import Listing, TradingStatus
from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.public_market import PublicMarket
from binance_trade_agent.simulation.engine.public_trades import PublicTrades
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.engine.symbol_filters import ExchangeFilter, SymbolFilter
from binance_trade_agent.simulation.faults.incident import Incident, Incidents
from binance_trade_agent.simulation.faults.incident_acts import IncidentActs
from binance_trade_agent.simulation.faults.others_hurry import hurry
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.faults.replica import Replica
from binance_trade_agent.simulation.faults.weather import Weather
from binance_trade_agent.simulation.history.export import HistorySource, history_lines
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.rest.endpoint import Venue
from binance_trade_agent.simulation.rest.exchange_info import ExchangeInfo
from binance_trade_agent.simulation.rest.face import RestFace
from binance_trade_agent.simulation.rest.rate_limits import RateLimits
from binance_trade_agent.simulation.rest.security import KeyRing, key_fingerprint, require_usable

STANDARD_RATE = Decimal("0.001")
LARGEST_BALANCE = Decimal(10) ** 15


class SimulatedExchange:
    """A Binance Spot exchange in this process, at the time of `clock`, over `market`.

    Nothing runs in the background: every request, and `advance`, first brings the exchange to the present; a server asks for those who
    listen to streams, for as long as they do. `face` answers REST; what other faces need are `venue`, `keys` and `clock`.

    With a `store` on disk everything that was answered survives the process; without one it lives in memory. `seed` only shapes ids that
    the exchange makes up itself, and the chances of its `faults` when no plan of them is given. Accounts trade with the market and with
    each other, at `maker_rate` and `taker_rate`. Use it from one thread at a time.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        *,
        maker_rate: Decimal = STANDARD_RATE,
        taker_rate: Decimal = STANDARD_RATE,
        store: History | None = None,
        seed: int = 0,
        faults: FaultPlan | None = None,
    ) -> None:
        self.clock = SkewedClock(clock)
        self.faults = FaultPlan(seed) if faults is None else faults
        self._store: History = store or MemoryHistory()
        self.keys = KeyRing()
        self._accounts = dict(self._store.load().accounts)
        limits = RateLimits()
        self._engine = Engine(market, self._store, rates=Rates(maker_rate, taker_rate), seed=seed, first_fill=limits.first_fill)
        public_market = PublicMarket(market, self._past_trades, self._engine.numbering.trades, self._engine.feed)
        self.venue = Venue(
            engine=self._engine,
            market=public_market,
            archive=self._store.archive,
            limits=limits,
            info=ExchangeInfo(),
            public_trades=PublicTrades(public_market),
            replica=Replica(self._engine, self._store.archive, self.faults, self.account_ids, self.clock.now_ms),
        )
        self.face = RestFace(self.venue, self.keys, self.present_ms, self.clock.now_ms)
        self.incidents = Incidents(self.faults.seed)
        self.acts = IncidentActs(self._engine, self.clock, self.faults, self.account_ids)
        hurry(self._engine.shortage, self.faults)

    def open_account(self, api_key: str, api_secret: str, balances: Mapping[str, Decimal]) -> int:
        """Let a key trade; returns the account's number, from 1. `api_secret` is an HMAC secret, or an RSA or Ed25519 key in PEM.

        An account that the store already holds under this key keeps its stored balances, and `balances` is not looked at.
        Raises ConfigurationError for a key, a secret or an amount that cannot be, BookError when it cannot be stored.
        """
        require_usable(api_key, api_secret)
        fingerprint = key_fingerprint(api_key)
        account_id = self._accounts.get(fingerprint)
        if account_id is not None:
            self.keys.add(api_key, api_secret, account_id)
            return account_id
        given = tuple(_given(asset, amount) for asset, amount in sorted(balances.items()))
        account_id = len(self._accounts) + 1
        self._store.open_account(account_id, fingerprint, given, self.advance())
        self._accounts[fingerprint] = account_id
        self._engine.adopt_account(account_id, given)
        self.keys.add(api_key, api_secret, account_id)
        return account_id

    def account_ids(self) -> list[int]:
        """The numbers of all accounts, ascending."""
        return sorted(self._accounts.values())

    def deposit(self, api_key: str, asset: str, amount: Decimal) -> None:
        """Put `amount` into the key's account from outside, as a deposit does; a negative one is a withdrawal, of free balance only.

        Raises LookupError for a key without an account, ConfigurationError for an amount that cannot be.
        """
        account_id = self.keys.account_id(api_key)
        size = _given(asset, abs(amount)).free
        self.advance()
        held = self._engine.balances(account_id).get(asset)
        if amount < 0 and (held is None or held.free < size):
            raise ConfigurationError(f"{size} {asset} cannot be withdrawn: the simulated account does not have that much free")
        self._engine.move(account_id, asset, size if amount > 0 else -size)

    # --- rules that change while it runs (they are not stored: a restarted exchange has those it was made with) ---------------------

    @property
    def listings(self) -> Listings:
        """What is listed, by which rules; change it by the methods below, which bring the exchange to the present first."""
        return self._engine.rulebook.listings

    def set_symbol_status(self, symbol: str, status: TradingStatus) -> None:
        """Stop a symbol, or let it trade again. While it is stopped resting orders keep their places, and what the market does passes them.

        Raises ExchangeRefusedError (-1121) for a symbol that there is not, as the other two do.
        """
        self.advance()
        self.listings.set_status(symbol, status)

    def set_filter(self, symbol: str, new: SymbolFilter) -> None:
        """Put a filter in the place of the symbol's filter of the same kind, or add it; orders that rest already may stay."""
        self.advance()
        self.listings.set_filter(symbol, new)

    def list_as(self, listing: Listing) -> None:
        """List a symbol in another way: other kinds of orders, permissions, execution rules, reference price."""
        self.advance()
        self.listings.put(listing)

    def set_exchange_filters(self, *filters: ExchangeFilter) -> None:
        """Bind every account over all symbols together by these filters, and by no others."""
        self.listings.exchange_filters = filters

    def set_account_terms(self, api_key: str, terms: AccountTerms) -> None:
        """Deal with the key's account on other terms; LookupError for a key without an account."""
        self._engine.rulebook.terms.put(self.keys.account_id(api_key), terms)

    def set_commission(self, terms: CommissionTerms, *, api_key: str | None = None, symbol: str | None = None) -> None:
        """Ask other commissions, of the key's account alone, on the symbol alone, or both; LookupError for a key without an account."""
        self.advance()
        account_id = None if api_key is None else self.keys.account_id(api_key)
        self._engine.rulebook.commissions.set(terms, account_id=account_id, symbol=symbol)

    # --- time, and what there is ----------------------------------------------------------------------------------------------------

    def advance(self) -> int:
        """Bring the exchange to the present: fill what the market has reached since, and let happen what is due.

        Returns the engine's time, ms UTC, which never goes back.
        """
        engine_ms = self._engine.advance(self.clock.now_ms())
        if not self.incidents.is_due(engine_ms):
            return engine_ms
        self.incidents.come_to(engine_ms, self.acts.happen)
        return self._engine.advance(self.clock.now_ms())

    def present_ms(self) -> int:
        """Advance; the time that the exchange believes it is: what its clock shows when that was set, else the engine's time."""
        engine_ms = self.advance()
        return self.clock.now_ms() if self.clock.was_set else engine_ms

    def let_happen(self, incident: Incident) -> int | None:
        """Let an incident happen now, or again and again from now on; then its number is returned. ValueError for what makes no sense."""
        now_ms = self.advance()
        if incident.every_ms is not None:
            return self.incidents.add(incident, now_ms)
        self.incidents.happen(incident, self.acts.happen, now_ms)
        return None

    def let_break(self, weather: Weather) -> None:
        """Put everything that `weather` holds into the plan of faults, and let its incidents happen from now on."""
        for fault in weather.faults:
            self.faults.append(fault)
        for incident in weather.incidents:
            self.let_happen(incident)

    def checkpoint(self) -> None:
        """Advance, and remember the time reached, so that market time does not go back after a restart."""
        self._store.checkpoint(self.advance())

    def resting_symbols(self) -> tuple[str, ...]:
        """The symbols on which any account has an open order, sorted."""
        return self._engine.resting_symbols()

    def balances(self, api_key: str) -> Mapping[str, Balance]:
        """What the key's account holds now, by asset; LookupError for a key without an account."""
        account_id = self.keys.account_id(api_key)
        self.advance()
        return self._engine.balances(account_id)

    def orders(self, api_key: str) -> list[ExchangeOrder]:
        """Every order that the key's account ever placed, by symbol and order id."""
        account_id = self.keys.account_id(api_key)
        self.advance()
        return self._store.archive.all_orders(account_id)

    def trades(self, api_key: str) -> list[ExchangeTrade]:
        """Every trade of the key's account, by symbol and trade id."""
        account_id = self.keys.account_id(api_key)
        self.advance()
        return self._store.archive.all_trades(account_id)

    def _past_trades(self) -> Iterator[ExchangeTrade]:
        """Every side of every trade so far."""
        for account_id in self._accounts.values():
            yield from self._store.archive.all_trades(account_id)

    def history(self) -> Iterator[bytes]:
        """The complete history until now, as lines of JSON (history/export.py); take them before anything else is asked of the exchange."""
        source = HistorySource(self._store.archive, self._accounts, self._engine.balances, self.venue.market.rules)
        return history_lines(source, self.advance())

    def close(self) -> None:
        """Remember the time and close the store."""
        self.checkpoint()
        self._store.close()


def _given(asset: str, amount: Decimal) -> Balance:
    value = money(amount)
    if not ZERO <= value <= LARGEST_BALANCE or floor_amount(value) != value:
        raise ConfigurationError(f"the simulated account cannot start with {value} {asset}: 0 to {LARGEST_BALANCE}, at most 8 decimals")
    return Balance(asset, value, ZERO)
