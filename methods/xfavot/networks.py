"""The eight modules of XFaVoT (arXiv 2302.13838, tables 6 to 9), each one of StarGANv2's or of StarGANv2-VC's.

module                 is                                       parameters (128 px, 128 speakers)
image_generator        `images.Generator`, four halvings        43,206,403
audio_generator        `voices.Generator`                       45,972,993 (table 7: 41,120,257)
image_style_encoder    `images.StyleEncoder`, 2 heads           20,799,744
audio_style_encoder    `voices.StyleEncoder`, 2 heads           13,835,840
mapping_network        `blocks.MappingNetwork`, 130 branches    107,500,672
image_discriminator    `images.Discriminator`, 2 heads          20,735,106
audio_discriminator    `voices.Critic`, 130 heads               13,836,866
classifier             `voices.Critic`, 2 + 128 classes         13,836,866
"""

from __future__ import annotations

from torch import Tensor

from benchmark.stargan.voices import Critic

GENDERS = 2
"""Heads 0 and 1 are the genders'; the head of speaker s is GENDERS + s."""


def judged(critic: Critic, mels: Tensor, heads: Tensor) -> Tensor:
    """Logits (B,) of mels by one head each."""
    logits: Tensor = critic(mels)
    return logits.gather(1, heads[:, None])[:, 0]
