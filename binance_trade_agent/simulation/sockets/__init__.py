"""WebSocket connections of the simulated exchange: frames, the rules of a connection, and what keeps streams going."""
