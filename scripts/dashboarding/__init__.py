"""The Grafana dashboards in Python: panels, how they are laid out, and one file for each dashboard."""
