"""A runner of mmengine that trains in no time."""
from itertools import count
from pathlib import Path

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

_NUMBER = count()


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)

    def forward(self, inputs, mode='tensor'):
        out = self.fc(torch.stack(inputs)).mean()
        return dict(loss=out**2) if mode == 'loss' else [out.item()]


class Points(torch.utils.data.Dataset):
    metainfo = dict(classes=('a', 'b'), more=ConfigDict(deep=dict(x=1)))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([index, 1.]))


def toy_runner(work_dir, epochs=1, **kwargs):
    """Return a runner of two iterations an epoch."""
    torch.manual_seed(0)
    loader = dict(
        batch_size=kwargs.pop('batch_size', 2),
        num_workers=0,
        dataset=kwargs.pop('dataset', None) or Points(),
        sampler=kwargs.pop('sampler', dict(type='DefaultSampler',
                                           shuffle=True)))
    loop = dict(by_epoch=True, max_epochs=epochs, val_interval=9)
    return Runner(
        model=Toy(),
        work_dir=str(work_dir),
        default_scope='mmengine',
        experiment_name=f'{Path(work_dir).name}-{next(_NUMBER)}',
        train_dataloader=loader,
        train_cfg=kwargs.pop('train_cfg', loop),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
        # Its state names functions, which pickle looks up by getattr.
        param_scheduler=kwargs.pop('param_scheduler', dict(
            type='OneCycleLR', eta_max=.1, total_steps=9, end=9)),
        default_hooks=dict(
            kwargs.pop('hooks', {}),
            logger=dict(type='LoggerHook', interval=1)),
        log_level='WARNING',
        **kwargs)
