"""Labels come from the generator: they are of the pictures that lie in the store."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.face import render
from benchmark.corpora.pocket.face_look import look_of
from benchmark.corpora.pocket.face_view import View
from benchmark.corpora.pocket.identity import make_identity
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.upstream.face_judge.labels import labels_of, mirrored, person_attributes, pose
from benchmark.upstream.face_judge.network import ATTRIBUTES, PERSON, POSE


def test_the_view_that_is_labelled_is_the_one_in_the_store(faces: Store) -> None:
    corpus = PocketCorpus(seed=5, pool="pocket_judge_faces")
    labels = labels_of(faces)
    for i in (0, 7, 50, len(faces.records) - 1):
        record = faces.records[i]
        view = corpus.view(record)
        np.testing.assert_array_equal(render(corpus.identity(record), view), faces.rows(feature("face128"), i)[0])
        np.testing.assert_allclose(np.radians(labels.pose[i]), (view.yaw, view.pitch, view.roll), rtol=1e-6)
        named = dict(zip(ATTRIBUTES, labels.attributes[i], strict=True))
        assert named["smile"] == np.float32(view.smile)
        assert named["light_azimuth"] == np.float32(view.light_azimuth)
        assert named["jaw"] == np.float32(corpus.identity(record).jaw)


def test_pictures_of_a_person_share_what_is_of_the_person(faces: Store) -> None:
    labels = labels_of(faces)
    fixed = labels.attributes[:, : len(PERSON)]
    own = faces.index["speaker"] == faces.index["speaker"][0]
    assert own.sum() == 7
    assert (fixed[own] == fixed[0]).all()
    assert (fixed[~own] != fixed[0]).any(1).all()
    assert len(np.unique(labels.pose[own], axis=0)) == 7


def test_attributes_say_what_is_worn() -> None:
    people = [make_identity("pocket_judge_faces", number, 0) for number in range(200)]
    table = {name: np.array([person_attributes(p)[i] for p in people]) for i, name in enumerate(PERSON)}
    assert (table["glasses"] == [look_of(p).glasses != "none" for p in people]).all()
    beards = sum(table[name] for name in ("stubble", "full_beard", "goatee", "moustache"))
    assert set(beards) == {0.0, 1.0}
    assert not any(beards[[p.gender == 0 for p in people]])
    assert np.median(table["hair_length"][0::2]) > np.median(table["hair_length"][1::2]) + 10
    np.testing.assert_allclose(table["age"], [(p.age - 49) / 18 for p in people])


def test_degrees() -> None:
    np.testing.assert_allclose(pose(View(yaw=math.pi / 6, pitch=-math.pi / 12, roll=0.1)), (30.0, -15.0, 5.7295780))


def test_a_mirrored_picture_is_of_the_mirrored_view() -> None:
    """For somebody whose hair has no parting: bald, symmetric."""
    numbers = range(1, 400, 2)
    bald = next(
        p for n in numbers if look_of(p := make_identity("pocket_judge_faces", n, 0)).style.cover == 0.0 and p.age < 40
    )
    view = View(yaw=0.3, pitch=0.1, roll=0.08, light_azimuth=0.7, background=((0.5,) * 3, (0.5,) * 3))
    angles, _ = mirrored()
    turned = replace(
        view, **{name: float(f) * getattr(view, name) for name, f in zip(POSE, angles, strict=True)}, light_azimuth=-0.7
    )
    flipped = render(bald, view)[:, ::-1].astype(int)
    same, other = (np.abs(flipped - render(bald, v).astype(int)).mean() for v in (turned, view))
    assert same < 0.2 * other


def test_what_mirroring_leaves_alone() -> None:
    angles, attributes = (
        dict(zip(names, f, strict=True)) for names, f in zip((POSE, ATTRIBUTES), mirrored(), strict=True)
    )
    assert angles == {"yaw": -1.0, "pitch": 1.0, "roll": -1.0}
    assert [name for name, factor in attributes.items() if factor < 0] == ["light_azimuth"]
