"""Table 1 of the XFaVoT paper as data: which style trains what (arXiv 2302.13838, section 3.3).

The table's symbols are lost in the text that can be had; the text of section 3.3 says the same in words. Its column of
L_csc is not here: whatever rows a step draws, it contrasts the people who are seen and heard, once, where the style
encoders step (`methods.xfavot.system.XFaVoT.generate_latent`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from methods.xfavot.settings import Kind, XFaVoTSettings

Encoder = Literal["mapping_network", "image_style_encoder", "audio_style_encoder"]


@dataclass(frozen=True)
class StyleSource:
    """Where a style comes from. All train both generators under every term; they differ in the heads that judge.

    encoder: the module that gives it. kind: of the people that are read; None for a latent code. speaker: whether the
    speaker is known, so that the speaker heads of the audio discriminator and of the classifier are trained too, not
    those of the genders alone.
    """

    encoder: Encoder
    kind: Kind | None
    speaker: bool


STYLE_SOURCES = (
    StyleSource("mapping_network", None, speaker=False),
    StyleSource("mapping_network", None, speaker=True),
    StyleSource("audio_style_encoder", "voices", speaker=True),
    StyleSource("image_style_encoder", "faces", speaker=False),
    StyleSource("audio_style_encoder", "paired", speaker=True),
    StyleSource("image_style_encoder", "paired", speaker=True),
)


def sources(encoder: Encoder, settings: XFaVoTSettings) -> tuple[StyleSource, ...]:
    """The rows of the table that a training with these settings can meet; a pass of `encoder` draws one of them."""
    return tuple(
        row
        for row in STYLE_SOURCES
        if row.encoder == encoder
        and (row.kind is None or row.kind in settings.kinds)
        and (row.kind is not None or settings.speaker_domains or not row.speaker)
    )


def draw_source(encoder: Encoder, settings: XFaVoTSettings, choices: np.random.Generator) -> StyleSource:
    """One of `sources` for a whole step; latents are of a speaker with `speaker_chance`, kinds are equally likely."""
    rows = sources(encoder, settings)
    if encoder == "mapping_network" and len(rows) == 2:
        return rows[int(choices.random() < settings.speaker_chance)]
    return rows[int(choices.integers(len(rows)))]
