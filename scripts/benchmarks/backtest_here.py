"""The fast path for `bench backtest`, by itself, so that time and memory are nobody else's; prints JSON."""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

from benchmarks.made_up_history import made_up_year
from benchmarks.market_size import peak_mib
from binance_trade_agent.backtest.fast.histories import Histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.run import run_backtest
from binance_trade_agent.domain.order import Side
from binance_trade_agent.settings import load_settings


def main(terms_file: str) -> None:
    """Backtest by the terms in a JSON file: length and number of candles, levels of the RSI, cash, stake and fee."""
    terms = json.loads(Path(terms_file).read_text())
    histories = Histories.of(made_up_year(terms["interval"], days=terms["days"]))
    share = str(Decimal(str(terms["stake"])) / Decimal(str(terms["cash"])))
    settings = load_settings(
        strategy_name="rsi",
        signal_rsi_oversold=terms["oversold"],
        signal_rsi_overbought=terms["overbought"],
        demo_fee_rate=str(terms["fee"]),
        risk_max_single_trade_size=share,
        risk_max_position_per_symbol=share,
        risk_default_stop_loss_pct="0.05",
        risk_default_take_profit_pct="0.10",
        risk_max_daily_drawdown="1",
        risk_max_total_drawdown="1",
        risk_max_loss_streak=0,
        risk_volatility_threshold="0",
        risk_cooldown_seconds=0,
        risk_max_orders_per_minute=6000,
    )
    plan = BacktestPlan(candles=Path(), settings=settings, initial_cash=Decimal(str(terms["cash"])))
    began = time.process_time()
    result = run_backtest(plan, histories=histories)
    spent_s = time.process_time() - began
    closing = sum(order.intent.side is Side.SELL for order in result.orders)
    print(json.dumps({"cpu_s": spent_s, "peak_mib": peak_mib(), "trades": closing}))


if __name__ == "__main__":
    main(sys.argv[1])
