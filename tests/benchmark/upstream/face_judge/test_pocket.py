"""The shipped judge on people that it never saw: what it tells, and what its features notice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmark import weights
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.face import render
from benchmark.corpora.pocket.face_view import draw_view
from benchmark.corpora.pocket.identity import make_identity, rng
from benchmark.corpora.pocket.pools import POOLS
from benchmark.media.catalogue import feature
from benchmark.upstream.face_judge.augment import box_blur
from benchmark.upstream.face_judge.evaluate import judged, verification
from benchmark.upstream.face_judge.labels import pose
from benchmark.upstream.face_judge.load import WEIGHTS, face_judge, judged_size
from benchmark.upstream.face_judge.network import ATTRIBUTES


@pytest.fixture(scope="module")
def path() -> Path:
    return weights.get(WEIGHTS)


def photographed(pool: str, people: int, pictures: int, seed: int) -> tuple[Tensor, np.ndarray, np.ndarray, np.ndarray]:
    """(N, 3, 64, 64), poses (N, 3), genders (N,), people (N,)."""
    shown, poses, genders, numbers = [], [], [], []
    for number in range(people):
        person = make_identity(pool, number, seed)
        for i in range(pictures):
            view = draw_view(rng("judge test", pool, seed, number, i))
            shown.append(render(person, view))
            poses.append(pose(view))
            genders.append(person.gender)
            numbers.append(number)
    faces = feature("face128").batch(torch.from_numpy(np.stack(shown))[:, None])
    return judged_size(faces), np.stack(poses), np.array(genders), np.array(numbers)


@pytest.fixture(scope="module")
def strangers() -> tuple[Tensor, np.ndarray, np.ndarray, np.ndarray]:
    """30 people of a contestants' pool, 4 pictures each."""
    return photographed("pocket_faces", 30, 4, seed=3)


def test_the_record_belongs_to_the_weights(path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(WEIGHTS).sha256
    assert record["parameters"] == sum(p.numel() for p in face_judge().parameters())
    assert record["bytes"] == path.stat().st_size == weights.entry(WEIGHTS).bytes
    assert record["corpus"]["name"] == "pocket_judge_faces"
    assert record["corpus"]["records"] == POOLS["pocket_judge_faces"].size
    assert tuple(record["attributes"]) == ATTRIBUTES
    figures = record["evaluation"]
    for shown in ("unseen", "blurred"):
        assert figures[f"gender_{shown}"] >= 0.99
        assert figures[f"auc_{shown}"] >= 0.98
        for angle in ("yaw", "pitch", "roll"):
            assert figures[f"{angle}_{shown}"] <= 0.33 * figures[f"{angle}_random"]


def test_it_is_frozen_and_one_object() -> None:
    judge = face_judge()
    assert judge is face_judge()
    assert not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    assert all(p.dtype == torch.float32 for p in judge.parameters())


@pytest.mark.parametrize("soft", [False, True])
def test_strangers_gender_pose_and_identity(
    strangers: tuple[Tensor, np.ndarray, np.ndarray, np.ndarray], soft: bool
) -> None:
    pictures, poses, gender, number = strangers
    found = judged(face_judge(), box_blur(pictures) if soft else pictures)
    assert ((found.gender.numpy() > 0) == gender).mean() >= 0.97
    error = np.abs(found.pose.numpy() - poses).mean(0)
    floor = np.abs(np.random.default_rng(0).permutation(poses) - poses).mean(0)
    assert (error <= 0.4 * floor).all()
    told = verification(found.identity, gender, number)
    assert told["auc"] >= 0.97
    assert told["nearest"] >= 0.9


def test_a_mirrored_picture_is_the_same_person_turned_over(
    strangers: tuple[Tensor, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    pictures = strangers[0]
    found, mirrored = judged(face_judge(), pictures), judged(face_judge(), pictures.flip(3))
    difference = (mirrored.pose - found.pose * torch.tensor([-1.0, 1.0, -1.0])).abs().mean(0)
    assert (difference < torch.tensor([3.0, 2.0, 1.0])).all()
    assert ((mirrored.gender > 0) == (found.gender > 0)).float().mean() >= 0.97
    assert (mirrored.identity * found.identity).sum(1).mean() > 0.8


def gaussian(pictures: Tensor, sigma: float) -> Tensor:
    taps = torch.exp(-(torch.arange(-8, 9.0) ** 2) / (2.0 * sigma**2))
    taps = (taps / taps.sum()).expand(3, 1, 1, 17)
    wide = functional.conv2d(functional.pad(pictures, (8, 8, 0, 0), mode="replicate"), taps, groups=3)
    return functional.conv2d(functional.pad(wide, (0, 0, 8, 8), mode="replicate"), taps.mT, groups=3)


def grained(pictures: Tensor, level: float) -> Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    return (pictures + level * noise).clamp(-1.0, 1.0)


def chequered(pictures: Tensor, level: float) -> Tensor:
    side = torch.arange(pictures.shape[-1])
    return (pictures + level * ((side[:, None] + side) % 2 * 2.0 - 1.0)).clamp(-1.0, 1.0)


LEVELS = (0.08, 0.12, 0.2, 0.35, 0.6)
"""Deviation of noise, height of the chequers; a picture spans 2, so the faintest is 10 of 255 steps. What is
fainter lies within the distance of two sets of people."""


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of (N, d) and (M, d)."""
    one, two = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
    mixed = np.sqrt(np.linalg.eigvalsh(root @ two @ root).clip(0.0)).sum()
    return float(np.square(first.mean(0) - second.mean(0)).sum() + np.trace(one) + np.trace(two) - 2.0 * mixed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("artefact", "levels"), [(gaussian, (0.7, 1.0, 1.4, 2.0, 2.8)), (grained, LEVELS), (chequered, LEVELS)]
)
def test_artefacts_of_rising_strength_raise_the_frechet_distance(
    crowd: tuple[Tensor, np.ndarray], artefact: Callable[[Tensor, float], Tensor], levels: tuple[float, ...]
) -> None:
    pictures, gender = crowd
    for sex in (0, 1):
        own = pictures[gender == sex]
        real, made = own[0::2], own[1::2]
        known = judged(face_judge(), real).features.numpy().astype(np.float64)
        versions = [made, *(artefact(made, level) for level in levels)]
        found = [frechet(known, judged(face_judge(), v).features.numpy().astype(np.float64)) for v in versions]
        assert found == sorted(found), (sex, found)
        assert len(set(found)) == len(found)
        assert found[-1] > 3.0 * found[0]


@pytest.fixture(scope="module")
def crowd() -> tuple[Tensor, np.ndarray]:
    """600 pictures of 600 people, 300 women: neighbours of a gender are real and made by turns."""
    pictures, _, gender, _ = photographed("pocket_faces", 600, 1, seed=3)
    return pictures, gender


def test_features_tell_women_from_men_more_than_women_from_women(
    strangers: tuple[Tensor, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    pictures, _, gender, number = strangers
    features = judged(face_judge(), pictures).features.numpy().astype(np.float64)
    women, men = features[gender == 0], features[gender == 1]
    half = number[gender == 0] % 4 == 0
    assert (
        np.square(women.mean(0) - men.mean(0)).sum() > 2.0 * np.square(women[half].mean(0) - women[~half].mean(0)).sum()
    )


def test_the_pool_of_training_is_no_contestants() -> None:
    people = {r.speaker for r in PocketCorpus(pool="pocket_judge_faces").records()}
    for name in ("pocket_av", "pocket_av_many", "pocket_faces"):
        assert not people & {r.speaker for r in PocketCorpus(pool=name).records()}
