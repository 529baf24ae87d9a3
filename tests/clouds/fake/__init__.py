"""Fake clouds for tests and comparisons: see ../README.md."""
