"""How a block's tensors are found, read, checked and written."""
