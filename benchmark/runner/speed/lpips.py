"""`lpips`: diversity of ten outputs a source from one pass a picture, against the package over all 45 pairs."""

from __future__ import annotations

import warnings
from itertools import combinations
from pathlib import Path

import torch

from benchmark.media.image import read_image
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.threads import in_parallel
from benchmark.upstream.alexnet import alexnet_maps, lpips_heads, network_alex
from protocols.perceptual import diversity

OUTPUTS = 10
"""Pictures that stand for the outputs of one source; the files are taken in tens."""


def lpips() -> Comparison:
    """One random AlexNet on both sides, the trained heads; the package as StarGANv2's evaluation calls it: a batch of
    sources, pair after pair, each pair through the network."""
    import lpips as package

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torchvision, that the package calls it an old way
        theirs = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    # The package cuts the trunk into slices and keeps the numbers of the layers.
    state = {f"features.{key.split('.', 1)[1]}": value for key, value in theirs.net.state_dict().items()}
    network, heads = network_alex(state), lpips_heads()

    def ours(folder: Path) -> Side:
        def one(files: list[Path]) -> float:
            return diversity([read_image(file) for file in files], lambda some: alexnet_maps(some, network), heads)

        return Side("ours", lambda: in_parallel(one, _sources(folder)))

    def pairs(folder: Path) -> Side:
        @torch.no_grad()
        def run() -> list[float]:
            read = [[package.im2tensor(read_image(file)) for file in files] for files in _sources(folder)]
            outputs = [torch.cat(batch) for batch in zip(*read, strict=True)]
            values = torch.stack([theirs(a, b).flatten() for a, b in combinations(outputs, 2)])
            return [float(value) for value in values.mean(dim=0)]

        return Side("lpips package, 45 pairs a source", run)

    return Comparison(ours, pairs, "s a picture", 1e-6)


def _sources(folder: Path) -> list[list[Path]]:
    files = sorted(folder.iterdir())
    return [files[start : start + OUTPUTS] for start in range(0, len(files) - OUTPUTS + 1, OUTPUTS)]
