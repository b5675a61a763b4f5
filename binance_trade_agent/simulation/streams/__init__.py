"""Market streams of the simulated exchange: what each stream shows, who listens to it, and the messages that control it."""
