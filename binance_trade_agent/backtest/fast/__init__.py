"""The fast path: the stations that trade live over a whole history, stepping only where something can happen."""
