#!/usr/bin/env python3
"""Where Grafana's stand-in starts."""

from __future__ import annotations

import sys

from grafana_sim.command import main

sys.exit(main(sys.argv[1:]))
