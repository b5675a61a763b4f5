"""However reviews, fills and losses of sight follow each other, risk never promises money that is not there."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.money import floor_to_step, times, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderState, Purpose, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import Approved
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent

SYMBOLS = [f"{letter}USDT" for letter in "ABCDEFGHIJ"]
MINUTE_MS = 60_000
CANDLES = [Candle(index, 1.0, 1.0, 1.0, 1.0, 1.0, index) for index in range(30)]
RATE = Decimal("0.001")


def rules_of(symbol, step):
    return SymbolRules(
        symbol,
        symbol[0],
        "USDT",
        SymbolStatus.TRADING,
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal(10**6),
        step,
        step,
        Decimal(10**6),
        min_notional=Decimal(5),
    )


class World:
    """An account whose orders fill at the reference price, less a fee in the base asset, whenever they are told to."""

    def __init__(self, limits, cash, steps):
        self.limits = limits
        self.cash = cash
        self.rules = {symbol: rules_of(symbol, step) for symbol, step in zip(SYMBOLS, steps, strict=True)}
        self.positions = {}
        self.marks = {}
        self.open = {}
        self.time_ms = 0
        self.count = 0
        self.agent = RiskManagementAgent(limits, next_order_id=self.next_id)

    def next_id(self):
        self.count += 1
        return f"id-{self.count}"

    def view(self):
        orders = tuple(JournaledOrder(intent, OrderState.UNKNOWN, 0, None, Decimal(0), 0) for intent in self.open.values())
        return PortfolioView(self.time_ms, "USDT", self.cash, dict(self.positions), dict(self.marks), orders)

    def review(self, view, symbol, action, price, quantity, fraction):
        snapshot = MarketSnapshot(symbol, self.time_ms, price, CandleWindow(symbol, 10**12, CANDLES))
        signal = Signal(symbol, self.time_ms, "any", action, 1.0, "any", fraction=fraction)
        decision = self.agent.review(signal, snapshot, self.rules[symbol], view, correlation_id="c", quantity=quantity)
        if isinstance(decision, Approved):
            self.check_approved(decision.intent, view)
            self.open[decision.intent.client_order_id] = decision.intent
        return decision

    def check_approved(self, intent, view):
        rules = self.rules[intent.symbol]
        rules.check(intent.quantity, intent.reference_price, market=True)
        assert intent.symbol not in [order.symbol for order in self.open.values()], "two unsettled orders of one symbol"
        if intent.purpose is Purpose.EXIT:
            assert intent.quantity <= self.positions[intent.symbol].quantity
            return
        arrived = floor_to_step(times(intent.quantity, 1 - RATE), rules.step_size)
        rules.check(arrived, times(intent.reference_price, 1 - self.limits.stop_loss_pct), market=True)
        held = self.positions.get(intent.symbol)
        after = times(intent.quantity, intent.reference_price) + (held.value(intent.reference_price) if held else 0)
        assert after <= times(self.limits.max_position_per_symbol, view.equity)

    def check_promises(self, view):
        """After an entry: all approved in this pass and all not settled fit, on top of what the view shows."""
        amounts = [times(times(order.quantity, order.reference_price), 1 + RATE) for order in self.promised if order.side is Side.BUY]
        promised = total(amounts)
        assert view.exposure + promised <= times(self.limits.max_total_exposure, view.equity)
        assert view.cash - promised >= times(self.limits.cash_reserve, view.equity)

    def settle(self, order_id, fills):
        intent = self.open.pop(order_id)
        if fills:
            value = times(intent.quantity, intent.reference_price)
            is_buy = intent.side is Side.BUY
            fee, asset = (times(intent.quantity, RATE), intent.symbol[0]) if is_buy else (times(value, RATE), "USDT")
            fill = Fill(
                intent.symbol, 1, 1, order_id, intent.side, intent.reference_price, intent.quantity, value, fee, asset, self.time_ms, False
            )
            before = self.positions.get(intent.symbol) or Position(intent.symbol, intent.symbol[0], "USDT")
            after = before.apply(fill)
            self.positions[intent.symbol] = after
            self.cash += -value if is_buy else value - fee
            self.agent.note_fill(fill, after.realized - before.realized, self.time_ms)
        self.agent.release(order_id)


PRICES = st.decimals(min_value="0.5", max_value="2000", places=2)
STEPS = st.sampled_from([Decimal("1"), Decimal("0.1"), Decimal("0.001"), Decimal("0.00001")])
SHARES = st.sampled_from([1.0, 1.0, 0.5, 1 / 3, 0.01])
FRACTIONS = st.decimals(min_value="0.01", max_value="1", places=2)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data(), cash=st.decimals(min_value="0", max_value="50000", places=2), steps=st.lists(STEPS, min_size=10, max_size=10))
def test_promises_never_exceed_limits_and_cash(data, cash, steps):
    limits = RiskLimits(
        max_position_per_symbol=data.draw(FRACTIONS),
        max_total_exposure=data.draw(FRACTIONS),
        max_single_trade_size=data.draw(FRACTIONS),
        max_daily_drawdown=Decimal(1),
        max_total_drawdown=Decimal(1),
        volatility_threshold=Decimal(0),
        cooldown_ms=0,
        taker_rate=RATE,
    )
    world = World(limits, cash, steps)
    for _ in range(data.draw(st.integers(1, 4))):
        world.time_ms += MINUTE_MS
        for symbol in world.marks:
            world.marks[symbol] = data.draw(PRICES)
        view = world.view()
        world.agent.begin_pass(view)
        world.promised = list(world.open.values())
        for symbol in data.draw(st.permutations(SYMBOLS)):
            price = world.marks.setdefault(symbol, data.draw(PRICES))
            action = data.draw(st.sampled_from([Action.BUY, Action.BUY, Action.SELL, Action.HOLD]))
            quantity = data.draw(st.none() | st.none() | st.decimals(min_value="0", max_value="50", places=4))
            decision = world.review(view, symbol, action, price, quantity, data.draw(SHARES))
            if isinstance(decision, Approved):
                world.promised.append(decision.intent)
                if decision.intent.purpose is Purpose.ENTRY:
                    world.check_promises(view)
            # Some orders end in the middle of the pass, while the others are still reviewed against the old view.
            if world.open and data.draw(st.booleans()):
                world.settle(data.draw(st.sampled_from(sorted(world.open))), data.draw(st.booleans()))
        for order_id in sorted(world.open):
            if data.draw(st.booleans()):
                world.settle(order_id, data.draw(st.booleans()))
        assert world.cash >= 0
        assert set(world.agent.reservations) == set(world.open)
