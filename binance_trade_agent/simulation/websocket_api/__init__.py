"""The WebSocket API of the simulated exchange: requests answered by the endpoints of REST, sessions, and account events."""
