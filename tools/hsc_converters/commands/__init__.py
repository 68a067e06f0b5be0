"""Commands of the converters; each imports its work after --help."""
