"""StyleGAN2: pictures out of latents by a generator whose every layer has a style (Karras et al. 2020, CVPR)."""
