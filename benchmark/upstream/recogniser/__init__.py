"""Recognisers of words: any hybrid CTC/attention model in ESPnet's format, and the suite's own (no torch here)."""
