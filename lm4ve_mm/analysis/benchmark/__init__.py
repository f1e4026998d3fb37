"""Measures what the layer costs beside its host."""
