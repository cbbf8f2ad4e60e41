"""Whose voice it is, as 64 numbers: the frozen encoder of CAE and of Wen et al.'s voice-to-face network."""
