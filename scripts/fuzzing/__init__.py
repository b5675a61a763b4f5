"""Hostile answers for everything that reads what comes over a wire: what is drawn, what is called, and what must hold."""
