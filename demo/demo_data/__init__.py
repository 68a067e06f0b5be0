"""A demo data set: a miniature of PASCAL VOC, painted by the machine.

Each object is a large plain body with a small head that tells its class, so
that the class activation map of a classifier lights up the head and misses
the body: the difficulty of weakly supervised segmentation in small.
"""
from demo_data.creatures import CLASSES
from demo_data.dataset import DemoData, make_demo_data
from demo_data.scene import Scene, make_scene

__all__ = ['CLASSES', 'DemoData', 'Scene', 'make_demo_data', 'make_scene']
