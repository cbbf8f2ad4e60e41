"""Parallel WaveGAN, the vocoder of the suite's mel: networks, training recipe, shipped and published weights."""
