"""Table 1: which style trains what."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from methods.xfavot.objective import STYLE_SOURCES, draw_source, sources
from methods.xfavot.settings import XFaVoTSettings


def test_the_table() -> None:
    assert [(row.encoder, row.kind, row.speaker) for row in STYLE_SOURCES] == [
        ("mapping_network", None, False),
        ("mapping_network", None, True),
        ("audio_style_encoder", "voices", True),
        ("image_style_encoder", "faces", False),
        ("audio_style_encoder", "paired", True),
        ("image_style_encoder", "paired", True),
    ]


@pytest.mark.parametrize(
    ("changes", "encoder", "kinds"),
    [
        ({}, "image_style_encoder", ["faces", "paired"]),
        ({}, "audio_style_encoder", ["voices", "paired"]),
        ({"kinds": ("paired",)}, "image_style_encoder", ["paired"]),
        ({"kinds": ("faces", "voices"), "lambda_csc": 0.0}, "audio_style_encoder", ["voices"]),
        ({"kinds": ("paired", "voices")}, "image_style_encoder", ["paired"]),
        ({}, "mapping_network", [None, None]),
        ({"speaker_domains": False}, "mapping_network", [None]),
    ],
)
def test_a_training_meets_the_rows_of_its_people(changes: dict, encoder: str, kinds: list) -> None:  # type: ignore[type-arg]
    assert [row.kind for row in sources(encoder, XFaVoTSettings(**changes))] == kinds  # type: ignore[arg-type]


def test_rows_are_drawn_as_often_as_settings_say() -> None:
    rng, s = np.random.default_rng(0), XFaVoTSettings(speaker_chance=0.25)
    n = 4000
    speakers = sum(draw_source("mapping_network", s, rng).speaker for _ in range(n))
    paired = sum(draw_source("image_style_encoder", s, rng).kind == "paired" for _ in range(n))
    assert abs(speakers / n - 0.25) < 4 * (0.25 * 0.75 / n) ** 0.5
    assert abs(paired / n - 0.5) < 4 * 0.5 / n**0.5


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kinds": ("faces",)}, "nobody is seen, or nobody heard"),
        ({"kinds": ()}, "nobody is seen"),
        ({"kinds": ("faces", "voices")}, "contrast of styles needs people seen and heard"),
        ({"batch": 0}, "batch = 0 in the XFaVoT settings; at least 1"),
        ({"people": 20}, "people = 20, batch = 32; a multiple of the batch"),
        ({"size": 16}, "size = 16"),
        ({"crop": 82}, "a multiple of 4, at least 80"),
        ({"least_gain": 0.0}, r"least_gain = 0\.0"),
        ({"speaker_chance": 1.5}, r"speaker_chance = 1\.5"),
        ({"crop_chance": 7.0}, r"crop_chance = 7\.0"),
        ({"temperature": 0.0}, r"temperature = 0\.0"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict, told: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BenchmarkError, match=told):
        XFaVoTSettings(**changes)


def test_defaults_are_those_of_the_reference_page() -> None:
    s = XFaVoTSettings()
    weights = {name.removeprefix("lambda_"): getattr(s, name) for name in vars(s) if name.startswith("lambda_")}
    assert weights == {
        **{"adv": 1.0, "sty": 1.0, "ds": 2.0, "cyc": 1.0, "asr": 20.0, "f0": 5.0, "norm": 1.0, "adv_cls": 0.05},
        **{"cls": 0.05, "csc": 1.0, "r1": 1.0},
    }
    assert (s.batch, s.lr, s.mapping_lr, s.beta1, s.beta2, s.eps, s.weight_decay, s.ema, s.crop) == (
        *(32, 1e-4, 1e-6, 0.0, 0.99, 1e-9, 1e-4, 0.999, 192),
    )
    assert (s.temperature, s.classifier_start, s.ds_decay, s.style, s.latent, s.hidden) == (
        *(0.07, 6_667, 20_000, 64, 16, 512),
    )
