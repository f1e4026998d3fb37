# Registers this package whoever's train.py reads the config.
custom_imports = dict(
    imports=['lm4ve_mm.plugin'], allow_failed_imports=False)
