import numpy as np
import pytest

from benchmark.corpora.pocket import measure
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.identity import DRIVERS, make_identity
from benchmark.corpora.pocket.measure import Sample, cosines, driver_shares, gather, ridge, unit, way
from benchmark.errors import BenchmarkError


def made(speakers: int = 200, utterances: int = 4, noise: float = 0.1) -> Sample:
    """Embeddings that are age in one direction, size in another and utterance noise in all, about a far centre."""
    people = tuple(make_identity("made", i, 0) for i in range(speakers))
    draw = np.random.default_rng(0)
    voices = noise * draw.standard_normal((speakers, utterances, 16))
    vectors = np.stack([p.vector for p in people])
    voices[..., 0] += 10.0
    voices[..., 1] += 2.0 * vectors[:, None, DRIVERS.index("age")]
    voices[..., 2] += 1.0 * vectors[:, None, DRIVERS.index("size")]
    return Sample(people, (("",) * utterances,) * speakers, voices, np.zeros((speakers, utterances, 3)))


def test_ridge_in_the_dual_is_the_normal_equations() -> None:
    draw = np.random.default_rng(1)
    x, y, queries = draw.standard_normal((30, 4)), draw.standard_normal((30, 2)), draw.standard_normal((5, 4))
    centred = x - x.mean(0)
    penalty = 0.2 * (centred**2).sum() / 30
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(4), centred.T @ (y - y.mean(0)))
    np.testing.assert_allclose(ridge(x, y, queries, 0.2), (queries - x.mean(0)) @ weights + y.mean(0), rtol=1e-9)


def test_ridge_finds_a_linear_map() -> None:
    draw = np.random.default_rng(2)
    x, weights = draw.standard_normal((50, 6)), draw.standard_normal((6, 3))
    queries = draw.standard_normal((9, 6))
    np.testing.assert_allclose(ridge(x, x @ weights + 1, queries, 1e-9), queries @ weights + 1, atol=1e-6)


def test_driver_shares_find_the_drivers() -> None:
    shares = driver_shares(made())
    vectors = made().vectors
    age, size = (vectors[:, DRIVERS.index(d)].var() for d in ("age", "size"))
    assert shares["total"] == pytest.approx(1.0, abs=0.01)
    assert shares["age"] == pytest.approx(4 * age / (4 * age + size), abs=0.05)
    assert shares["size"] == pytest.approx(size / (4 * age + size), abs=0.05)
    assert all(abs(shares[d]) < 0.01 for d in DRIVERS if d not in ("age", "size"))


def test_cosines_tell_people_apart() -> None:
    sample = made(40)
    found = cosines(Sample(sample.people, sample.sentences, unit(sample.voices), sample.faces))
    assert found["same person"] > found["same gender"]
    assert found["same gender"] == pytest.approx(found["other gender"], abs=0.02)


def test_way() -> None:
    assert way(0.6, 0.6, 0.9) == 0.0
    assert way(0.9, 0.6, 0.9) == pytest.approx(1.0)


def test_gather_refuses_what_is_not_there() -> None:
    with pytest.raises(BenchmarkError, match="asked"):
        gather(PocketCorpus(scale=0.1), "unseen", 100, 2)
    with pytest.raises(BenchmarkError, match="one modality"):
        gather(PocketCorpus(pool="pocket_voices"), "unseen", 2, 2)


@pytest.mark.slow
def test_the_corpus_is_worth_training_on() -> None:
    """The numbers of docs/pocket.md on two thirds of the people; limits leave room for the smaller sample."""
    rows = {(r.table, r.name): r.value for r in measure.measure(speakers=64, unseen=20, utterances=2, pictures=4)}
    assert rows["cosine", "same person"] >= 0.83
    assert rows["cosine", "same gender"] <= 0.66
    assert rows["cosine", "other gender"] < rows["cosine", "same gender"]
    assert 0.8 < rows["way from random voice to another utterance", "voice without hidden"] < 1.0
    assert rows["way from random voice to another utterance", "predicted from visible drivers"] >= 0.6
    assert rows["way from gender to own mean", "predicted from visible drivers"] > 0.25
    assert rows["driver share", "age"] > 0.08
    assert rows["driver share", "total"] > 0.35
    assert rows["probe", "gender from voices, accuracy"] >= 0.9
    assert rows["probe", "age from voices, R2"] > 0.5
    assert rows["probe", "gender from faces, accuracy"] > 0.75
    assert rows["probe", "age from faces, R2"] > 0.4
