"""What a block is: geometry, linear maps, norms, attention, feed-forward."""
