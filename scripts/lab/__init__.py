"""The laboratory: artifacts and hosts that the tests and `make up` run on. Nothing of it ships."""
