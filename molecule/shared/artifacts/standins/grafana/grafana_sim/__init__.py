"""Stands in for Grafana where it cannot be had: its HTTP API, its settings and provisioning files, a SQLite database.

Behaves as the documented API of Grafana 11, 12 and 13 does in what roles and modules look at. Python 3.9, standard
library only; nothing here ships. `grafana_sim.api` has one file for each part of the API.
"""
