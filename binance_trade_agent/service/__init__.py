"""The daemon: schedule, signals, the lock on the data folder, and the HTTP face."""
