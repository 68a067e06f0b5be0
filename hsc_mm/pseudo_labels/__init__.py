"""From CAMs to files of pseudo labels."""
