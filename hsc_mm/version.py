"""The version of the package, in one place."""
__version__ = '0.1.0'
#: Raised with every change of code by which a config trains other weights, or
#: weights make other masks: what an earlier number made is made again.
RECIPE = 1
