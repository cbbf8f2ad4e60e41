"""The figures of the record: whether they measure what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmark.corpora.prepared import Store
from benchmark.upstream.face_judge.evaluate import evaluate, pictures_of, verification
from benchmark.upstream.face_judge.labels import labels_of
from benchmark.upstream.face_judge.network import ATTRIBUTES, FaceJudge
from benchmark.upstream.face_judge.recipe import standard

SPEAKER = np.repeat(np.arange(40), 5)
GENDER = SPEAKER % 2


def embedded(noise: float, seed: int = 0) -> torch.Tensor:
    """(200, 16): 40 people, 5 pictures each, the people apart by 1 and the pictures by `noise`."""
    source = torch.Generator().manual_seed(seed)
    people = torch.randn(40, 16, generator=source)[SPEAKER]
    return functional.normalize(people + noise * torch.randn(200, 16, generator=source))


def test_a_perfect_and_a_blind_identity() -> None:
    assert verification(embedded(1e-3), GENDER, SPEAKER) == {"auc": 1.0, "eer": 0.0, "nearest": 1.0}
    blind = verification(functional.normalize(torch.randn(200, 16)), GENDER, SPEAKER)
    assert blind["auc"] == pytest.approx(0.5, abs=0.06)
    assert blind["eer"] == pytest.approx(0.5, abs=0.06)
    assert blind["nearest"] < 0.1


def test_verification_against_its_definition() -> None:
    identity = embedded(1.0)
    cosine = (identity @ identity.T).numpy()
    same, rivals = [], []
    for i in range(200):
        for j in range(i):
            if SPEAKER[i] == SPEAKER[j]:
                same.append(cosine[i, j])
            elif GENDER[i] == GENDER[j]:
                rivals.append(cosine[i, j])
    own, other = np.array(same), np.array(rivals)
    found = verification(identity, GENDER, SPEAKER)
    assert found["auc"] == pytest.approx((own[:, None] > other[None]).mean(), abs=1e-9)
    assert 0.6 < found["auc"] < 0.99
    rates = [max((own <= t).mean(), (other > t).mean()) for t in np.concatenate([own, other])]
    assert found["eer"] == pytest.approx(min(rates), abs=2e-3)


def test_order_does_not_matter() -> None:
    identity, order = embedded(1.0), np.random.default_rng(0).permutation(200)
    again = verification(identity[order], GENDER[order], SPEAKER[order])
    assert again == pytest.approx(verification(identity, GENDER, SPEAKER), abs=1e-3)


def test_pictures_are_those_of_the_records(faces: Store) -> None:
    rows = np.array([3, 40, 1])
    pictures = pictures_of(faces, rows)
    assert pictures.shape == (3, 3, 64, 64)
    for row, picture in zip(rows, pictures, strict=True):
        assert torch.equal(pictures_of(faces, np.array([row]))[0], picture)


def test_an_untrained_network_is_found_out(faces: Store) -> None:
    torch.manual_seed(0)
    labels = labels_of(faces)
    figures = evaluate(FaceJudge().eval(), faces, labels, standard(faces, labels).numpy())
    for angle in ("yaw", "pitch", "roll"):
        assert figures[f"{angle}_unseen"] > 0.5 * figures[f"{angle}_random"] > 0.5
    assert 0.3 < figures["gender_unseen"] < 0.7
    assert figures["r2_age_unseen"] < 0.1
    measured = {name for name in ATTRIBUTES if f"r2_{name}_blurred" in figures}
    rows = labels.attributes[[record.split == "unseen" for record in faces.records]]
    assert measured == {name for name, spread in zip(ATTRIBUTES, np.ptp(rows, 0), strict=True) if spread > 0}
    assert np.isfinite(list(figures.values())).all()
