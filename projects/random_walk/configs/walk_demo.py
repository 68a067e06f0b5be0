# Plain CAM on the demo, pseudo labels refined by a random walk.
_base_ = '../../../configs/demo/cam_demo.py'
custom_imports = dict(imports=['hsc_mm', 'projects.random_walk.steps'])
pseudo_label = dict(soft='also')
pipeline = dict(steps=[
    dict(type='hsc_mm.TrainCAM'),
    dict(type='hsc_mm.ScoreSeeds'),
    dict(type='hsc_mm.MakePseudoLabels'),
    dict(type='hsc_mm.TrainAffinity'),
    # Pictures have 16 x 16 cells: 2^8 steps would mix all of them.
    dict(type='hsc_mm.RandomWalk', log_steps=4, alpha=4),
    dict(type='hsc_mm.TrainSegmentor'),
    dict(type='hsc_mm.EvaluateSegmentor'),
    dict(type='hsc_mm.WriteReport')
])
