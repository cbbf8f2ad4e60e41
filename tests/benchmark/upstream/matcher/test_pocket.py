"""The shipped judges of voices with faces: their records, and that they know voices by faces that they never met."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch

from benchmark import weights
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.media.audio import to_int16
from benchmark.media.image import resized
from benchmark.media.mel64 import MEL64
from benchmark.upstream.matcher.load import JUDGES, WEIGHTS, matcher
from benchmark.upstream.matcher.measures import two_way


@pytest.mark.parametrize(("seed", "file"), enumerate(JUDGES))
def test_the_record_belongs_to_the_shipped_weights(seed: int, file: str) -> None:
    path = weights.get(file)
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(file).sha256
    assert record["bytes"] == path.stat().st_size == weights.entry(file).bytes
    assert record["mel"] == MEL64.hash
    assert record["face_judge"] == weights.sha256("pocket/face_judge.safetensors")
    assert record["corpus"]["name"] == "pocket_judge_pairs", "no contestant hears or sees these people"
    assert record["corpus"]["seed"] == record["training"]["seed"] == seed, "each has people of its own"
    figures = record["evaluation"]
    for split in ("unseen", "blurred"):
        assert figures[f"faces_within_{split}"] > 0.7
        assert figures[f"voices_within_{split}"] > 0.7
        assert figures[f"faces_any_{split}"] > 0.8


def test_it_is_frozen_and_one_object() -> None:
    network = matcher(WEIGHTS)
    assert network is matcher(WEIGHTS)
    others = [matcher(file) for file in JUDGES[1:]]
    assert len({id(judge) for judge in (network, *others)}) == len(JUDGES)
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.slow
def test_they_know_voices_by_faces_of_another_pool_within_the_gender() -> None:
    """16 women and 16 men of a contestants' pool, one recording and one picture each, made here."""
    corpus = PocketCorpus(pool="pocket_av", seed=3, frames_per_clip=1)
    records = {r.speaker: r for r in corpus.records() if r.split == "unseen"}
    media = [corpus.load(record) for record in records.values()]
    assert MEL64.compute is not None
    mels, pictures = [], []
    for found in media:
        assert found.wave is not None
        assert found.faces is not None
        mels.append(MEL64.batch(torch.from_numpy(MEL64.compute(to_int16(found.wave))[None])))
        picture = torch.from_numpy(found.faces[:1]).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        pictures.append(resized(picture, 64))
    gender = np.array([record.gender for record in records.values()])
    own = np.eye(len(gender), dtype=bool)
    within = (gender[:, None] == gender) & ~own
    assert len(gender) == 32
    for network in map(matcher, JUDGES):
        voices, faces = torch.cat([network.voice(mel) for mel in mels]), network.face(torch.cat(pictures))
        score = (voices @ faces.T).numpy()
        assert two_way(score, own, within) > 0.65
        assert two_way(score, own, gender[:, None] != gender) > 0.9
