"""Heads; each file is imported by the plugin whose toolbox it needs."""
