"""What the layer costs beside its host, measured."""
