"""Settings: everything an operator can set, read from the environment, files and secrets, checked as a whole before anything starts."""

from binance_trade_agent.settings.catalogue import Settings
from binance_trade_agent.settings.choices import LogFormat, Venue
from binance_trade_agent.settings.loading import LoadedSettings, load_settings, load_with_sources

__all__ = ["LoadedSettings", "LogFormat", "Settings", "Venue", "load_settings", "load_with_sources"]
