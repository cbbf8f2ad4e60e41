"""The judge of voices with faces: both sides of the embedded corpus in one space (docs/pocket.md)."""
