"""`fid_features`: our Inception of 2015 against pytorch-fid's, the same weights and the same batch."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch.nn import functional

from benchmark.media.image import read_image
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.threads import in_parallel
from benchmark.upstream.inception import BATCH, SIDE, WIDTH, random_state
from benchmark.upstream.inception_2015 import features_2015, network_2015


def fid_features() -> Comparison:
    """From files to features, with random weights: they take the time that the published ones take."""
    from pytorch_fid import fid_score, inception  # type: ignore[import-untyped]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        noise = 2 * torch.rand(2, 3, 8, 8) - 1
        state = random_state(functional.interpolate(noise, SIDE, mode="bilinear"))
    network = network_2015(state)
    with mock.patch.object(inception, "load_state_dict_from_url", return_value=state):  # instead of its download
        theirs = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[WIDTH]])

    def ours(folder: Path) -> Side:
        def run() -> list[float]:
            return _means(features_2015(in_parallel(read_image, sorted(folder.iterdir())), network))

        return Side("ours", run)

    def peer(folder: Path) -> Side:
        def run() -> list[float]:
            with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
                found = fid_score.get_activations(sorted(folder.iterdir()), theirs, BATCH, WIDTH, "cpu", 0)
            return _means(found)

        return Side(f"pytorch-fid, batch {BATCH}", run)

    return Comparison(ours, peer, "s a picture", 1e-3)


def _means(features: np.ndarray) -> list[float]:
    return [float(mean) for mean in features.mean(axis=1)]
