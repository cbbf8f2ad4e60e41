"""The judge of generated faces: a small network of the judges' pool (docs/pocket.md)."""
