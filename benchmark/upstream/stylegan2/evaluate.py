"""What a generator is worth on people that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.image import FACE128, resized
from benchmark.upstream.stylegan2.descend import invert
from benchmark.upstream.stylegan2.generator import Generator

FACES, STEPS = 64, 200


def evaluate(generator: Generator, store: Store) -> Mapping[str, float]:
    """Figures over FACES pictures of held-out people, one of each as far as there are so many people.

    inversion_unseen: root of the mean squared difference (pictures are in [-1, 1]) of a picture and its inversion into
        W+ after STEPS steps. start_unseen: the same of the picture of the mean style, where inversions begin.
    apart_made, apart_real: root mean squared difference of two pictures that the generator makes, and of two of these
        people: a generator that makes the same again and again is far below.
    """
    wanted = held_out(store, generator.settings.size)
    with torch.no_grad():
        first = generator(generator.spread(generator.mean_style()[None]))
        found = generator(invert(generator, wanted, STEPS))
        z = torch.randn(len(wanted), generator.settings.style, generator=torch.Generator().manual_seed(1))
        made = generator(generator.spread(generator.map(z))).clamp(-1, 1)
    figures = {
        "inversion_unseen": _root(found - wanted),
        "start_unseen": _root(first - wanted),
        "apart_made": _root(made - made.roll(1, 0)),
        "apart_real": _root(wanted - wanted.roll(1, 0)),
    }
    return {key: round(value, 4) for key, value in figures.items()}


def held_out(store: Store, size: int) -> Tensor:
    """(N, 3, size, size), N up to FACES: pictures of held-out people, the next of somebody else."""
    rows = [i for i, record in enumerate(store.records) if record.split == "unseen"]
    seen: dict[str, int] = {}
    turn = {}
    for i in rows:
        speaker = store.records[i].speaker
        turn[i] = seen[speaker] = seen.get(speaker, -1) + 1
    chosen = sorted(rows, key=lambda i: (turn[i], i))[:FACES]
    pictures = [FACE128.batch(torch.from_numpy(store.rows(FACE128, i)[None, :1].copy())) for i in chosen]
    return resized(torch.cat(pictures), size)


def _root(difference: Tensor) -> float:
    return float(difference.square().mean().sqrt())
