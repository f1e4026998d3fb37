"""Exact, cheaper ways to compute what a block computes."""
