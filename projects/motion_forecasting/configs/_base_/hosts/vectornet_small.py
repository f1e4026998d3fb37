# A quarter of the width: tokens of 64 numbers.
_base_ = './vectornet.py'
model = dict(widths=(16, 32, 64))
