"""One file for each dashboard, each with BOARD."""
