"""Soak: days of trading in virtual time, and what the daemon holds meanwhile: memory, files, tasks, threads, and the size of its book."""
