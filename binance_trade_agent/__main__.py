"""`python -m binance_trade_agent`: the same as the command `binance-trade-agent`."""

from binance_trade_agent.cli import main

if __name__ == "__main__":
    main()
