# What every run of ours has, in MMSegmentation's scope.
_base_ = ['../../_base_/runtime.py']
custom_imports = dict(imports=['lm4ve_mm.plugin', 'lm4ve_mm.dense'])
default_scope = 'mmseg'
default_hooks = dict(
    visualization=dict(
        _delete_=True, type='mmseg.SegVisualizationHook', draw=False))
visualizer = dict(type='mmseg.SegLocalVisualizer')
