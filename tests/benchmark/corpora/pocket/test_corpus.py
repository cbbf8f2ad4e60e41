import pickle

import numpy as np
import pytest

from benchmark.corpora.manifest import manifest_sha256
from benchmark.corpora.pocket.corpus import VERSION, PocketCorpus
from benchmark.corpora.pocket.pools import POOLS
from benchmark.errors import BenchmarkError


@pytest.mark.parametrize("pool", POOLS)
def test_records_are_what_the_pool_says(pool: str) -> None:
    corpus, spec = PocketCorpus(pool=pool), POOLS[pool]
    records = corpus.records()
    assert corpus.name == pool
    assert len(records) == spec.size == len({r.id for r in records})
    speakers = {split: {r.speaker for r in records if r.split == split} for split in ("train", "seen", "unseen")}
    assert speakers["train"] == speakers["seen"]
    assert not speakers["train"] & speakers["unseen"]
    assert (len(speakers["train"]), len(speakers["unseen"])) == (spec.train, spec.unseen)
    assert all((r.audio is not None) == ("audio" in spec.modalities) == (r.transcript is not None) for r in records)
    assert all((r.image is not None) == ("face" in spec.modalities) for r in records)
    said = [r.transcript for r in records if r.transcript]
    assert len(said) == len(set(said))


def test_no_sentence_is_said_in_two_pools() -> None:
    said = [{r.transcript for r in PocketCorpus(pool=p).records() if r.transcript} for p in POOLS]
    assert sum(map(len, said)) == len(set.union(*said)) > 4000


def test_a_scaled_corpus_is_a_part_of_the_whole() -> None:
    whole, part = PocketCorpus(), PocketCorpus(scale=0.1)
    assert set(part.records()) < set(whole.records())
    assert part.fingerprint() != whole.fingerprint()
    splits = {s: {r.speaker for r in part.records() if r.split == s} for s in ("train", "unseen")}
    assert min(map(len, splits.values())) >= 8
    for split in splits:
        genders = [r.gender for r in part.records() if r.split == split]
        assert 2 * sum(g == 1 for g in genders) == len(genders)
    record = part.records()[-1]
    np.testing.assert_array_equal(part.load(record).wave, whole.load(record).wave)


def test_a_record_loads_alike_after_pickling_and_in_any_order() -> None:
    corpus = PocketCorpus(scale=0.1)
    records = corpus.records()
    first = corpus.load(records[3])
    corpus.load(records[0])
    again = pickle.loads(pickle.dumps(corpus)).load(records[3])
    assert first.wave is not None
    assert first.faces is not None
    np.testing.assert_array_equal(first.wave, again.wave)
    np.testing.assert_array_equal(first.faces, again.faces)
    assert first.wave.dtype == np.float32
    assert first.faces.dtype == np.uint8
    assert first.faces.shape == (2, 128, 128, 3)
    assert not np.array_equal(first.faces[0], first.faces[1])


def test_single_modalities_and_frames() -> None:
    faces, voices = PocketCorpus(pool="pocket_faces"), PocketCorpus(pool="pocket_voices")
    face, voice = faces.load(faces.records()[0]), voices.load(voices.records()[0])
    assert face.wave is None
    assert face.faces is not None
    assert len(face.faces) == 1
    assert voice.faces is None
    assert voice.wave is not None
    clip = PocketCorpus(frames_per_clip=3)
    media = clip.load(clip.records()[0])
    assert media.faces is not None
    assert len(media.faces) == 3


def test_seeds_are_other_people() -> None:
    one, two = PocketCorpus(seed=0), PocketCorpus(seed=1)
    assert manifest_sha256(one.records()) != manifest_sha256(two.records())
    assert one.identity(one.records()[0]) != two.identity(two.records()[0])
    assert one.fingerprint() != two.fingerprint()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"pool": "pocket_vioces"}, "pocket_voices"), ({"frames_per_clip": 0}, "picture"), ({"scale": 2.0}, "scale")],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        PocketCorpus(**options)


def test_a_stranger_is_refused() -> None:
    record = PocketCorpus(pool="pocket_voices").records()[0]
    with pytest.raises(BenchmarkError, match="not of pool pocket_av"):
        PocketCorpus().load(record)
    with pytest.raises(BenchmarkError, match="with seed 1"):
        PocketCorpus(seed=1).load(PocketCorpus(seed=0).records()[0])


@pytest.mark.parametrize(
    ("row", "samples", "loudness", "quarters"),
    [
        (0, 76477, [3.145, 4.053, 3.571, 3.386], [125.3, 100.9, 126.9, 107.5]),
        (40, 76563, [1.990, 2.827, 3.058, 2.251], [179.8, 136.6, 188.3, 148.6]),
        (120, 70669, [4.135, 2.383, 3.213, 3.157], [94.6, 87.1, 100.8, 92.5]),
    ],
)
def test_a_changed_generator_raises_its_version(
    row: int, samples: int, loudness: list[float], quarters: list[float]
) -> None:
    """These values are of VERSION 1. Another voice or face needs another VERSION, or old stores would be used on."""
    corpus = PocketCorpus(scale=0.1)
    media = corpus.load(corpus.records()[row])
    assert media.wave is not None
    assert media.faces is not None
    assert VERSION == 1
    assert len(media.wave) == samples
    assert np.abs(media.wave[:62400]).reshape(4, -1).mean(1) * 100 == pytest.approx(loudness, abs=0.01)
    picture = media.faces[0].reshape(2, 64, 2, 64, 3).mean((1, 3, 4)).ravel()
    assert picture == pytest.approx(quarters, abs=0.2)
