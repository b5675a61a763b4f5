"""Version 3 of the book's schema: orders that wake at one price and are then offered at another (STOP_LOSS_LIMIT).

The table of orders is made anew, as in version 2.
"""

from binance_trade_agent.storage.order_list_schema import KEPT, orders_made_anew

VERSION_3 = orders_made_anew("'MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'", f"{KEPT}, stop_price, list_id")
