"""Checkpoints that others published, brought into our models' names."""
