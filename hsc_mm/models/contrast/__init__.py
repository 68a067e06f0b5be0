"""Hierarchical semantic contrast: objective, levels, prototypes."""
