"""Converters of data and weights of other projects, beside the package."""
