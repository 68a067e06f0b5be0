"""Refinement of CAMs inside a head."""
