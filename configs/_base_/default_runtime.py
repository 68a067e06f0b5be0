custom_imports = dict(imports=['hsc_mm'], allow_failed_imports=False)
default_scope = 'mmseg'
runner_type = 'hsc_mm.CheckedRunner'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=1800))
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='hsc_mm.SafeCheckpointHook', by_epoch=False, interval=2000),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='hsc_mm.PredictionVisualizationHook'),
    keep_memory=dict(type='hsc_mm.KeepMemoryHook'),
    startup_check=dict(type='hsc_mm.StartupCheckHook'),
    leak_guard=dict(type='hsc_mm.LeakGuardHook'),
    finite_loss=dict(type='hsc_mm.FiniteLossHook'),
    training_health=dict(type='hsc_mm.TrainingHealthHook'),
    prototypes=dict(type='hsc_mm.MomentumPrototypeHook'),
    exact_resume=dict(type='hsc_mm.ExactResumeHook'))
visualizer = dict(
    type='SegLocalVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    name='visualizer')
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
