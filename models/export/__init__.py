"""Exports trained policies for the runner: `python -m export SOURCE ...`."""
