"""The dashboards that ship with the role grafana, as Python: `make dashboards` writes their JSON."""
