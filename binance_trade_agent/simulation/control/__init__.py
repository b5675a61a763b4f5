"""The control address of the simulated exchange: faults, incidents and connections, changed while it runs."""
