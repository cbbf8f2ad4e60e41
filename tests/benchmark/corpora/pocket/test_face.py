"""Faces: pure functions of person and view, every driver but `hidden` in sight, looks that stay with the person."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.pocket import face, face_look, face_maths
from benchmark.corpora.pocket.face import View, draw_view, render
from benchmark.corpora.pocket.identity import DRIVERS, Identity, make_identity, rng

VISIBLE = [d for d in DRIVERS if d not in ("gender", "hidden")]


def coarse(identity: Identity, view: View) -> np.ndarray:
    """The picture as a face encoder's first layers see it: (32, 32, 3) means of 4 x 4 pixels."""
    return render(identity, view).astype(np.float64).reshape(32, 4, 32, 4, 3).mean((1, 3))


def rms(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)))


def test_picture_is_a_pure_function_of_person_and_view() -> None:
    people = [make_identity("pure", i, 0) for i in range(6)]
    views = [draw_view(rng("view", p.name)) for p in people]
    first = [render(p, v) for p, v in zip(people, views, strict=True)]
    for cached in (face._person, face_maths.pixels, face_maths._table):
        cached.cache_clear()
    again = [render(p, v) for p, v in reversed(list(zip(people, views, strict=True)))][::-1]
    for a, b in zip(first, again, strict=True):
        assert a.shape == (128, 128, 3)
        assert a.dtype == np.uint8
        assert np.array_equal(a, b)


def test_another_process_paints_the_same_bytes() -> None:
    code = (
        "import hashlib; from benchmark.corpora.pocket.face import draw_view, render;"
        "from benchmark.corpora.pocket.identity import make_identity, rng;"
        "print(hashlib.sha256(render(make_identity('pure', 3, 0), draw_view(rng('there')))).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here = render(make_identity("pure", 3, 0), draw_view(rng("there")))
    assert hashlib.sha256(here).hexdigest() == there


@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 400), hidden=st.floats(-2.0, 2.0), view=st.integers(0, 10_000))
def test_hidden_does_not_change_a_pixel(number: int, hidden: float, view: int) -> None:
    person, seen = make_identity("hide", number, 0), draw_view(np.random.default_rng(view))
    assert np.array_equal(render(person, seen), render(replace(person, hidden=hidden), seen))


@pytest.mark.parametrize("driver", VISIBLE)
@pytest.mark.parametrize("gender", [0, 1])
def test_driver_moves_the_picture_steadily(driver: str, gender: int) -> None:
    """Distance from the picture at the low end grows at every step, without a jump, and well above camera noise."""
    values = np.linspace(18.0, 80.0, 9) if driver == "age" else np.linspace(-2.0, 2.0, 9)
    for number in range(5):
        base = make_identity("mono", 2 * number + gender, 0)
        sweep = [coarse(replace(base, **{driver: float(v)}), View()) for v in values]
        distance = np.array([rms(p, sweep[0]) for p in sweep])
        assert (np.diff(distance) > 0).all(), (base.name, distance)
        hops = np.array([rms(a, b) for a, b in itertools.pairwise(sweep)])
        assert hops.max() < 0.4 * hops.sum(), (base.name, hops)
        assert distance[-1] > 1.5, (base.name, distance)


def test_size_broadens_the_neck_and_jaw_the_jaw() -> None:
    """Two drivers where the name says: the row of skin through the neck, the outline at the angle of the jaw."""
    blank = View(background=((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)), light_azimuth=0.0)
    base = replace(make_identity("where", 1, 0), age=25.0, size=0.0, jaw=0.0)

    def solid(identity: Identity, row: int) -> int:
        red, blue = render(identity, blank)[row, :, 0].astype(int), render(identity, blank)[row, :, 2].astype(int)
        return int((red > blue - 60).sum())

    necks = [solid(replace(base, size=s), 119) for s in (-2.0, 0.0, 2.0)]
    jaws = [solid(replace(base, jaw=j), 98) for j in (-2.0, 0.0, 2.0)]
    assert necks[0] + 3 < necks[1] < necks[2] - 3
    assert jaws[0] + 3 < jaws[1] < jaws[2] - 3


def test_gender_changes_the_face_of_the_same_name() -> None:
    woman = replace(make_identity("swap", 0, 0), age=30.0)
    assert rms(coarse(woman, View()), coarse(replace(woman, gender=1), View())) > 8.0


def test_looks_stay_with_the_name_and_spread_over_people() -> None:
    people = [make_identity("looks", i, 0) for i in range(400)]
    looks = [face_look.look_of(p) for p in people]
    other = [replace(p, age=20.0, size=1.0, jaw=-1.0, nose=1.0, lips=1.0, brow=1.0, eyes=1.0) for p in people]
    assert looks == [face_look.look_of(p) for p in other]
    women, men = looks[0::2], looks[1::2]
    assert 0.18 < np.mean([look.glasses != "none" for look in looks]) < 0.32
    assert {look.beard for look in men} == {"none", "stubble", "full", "goatee", "moustache"}
    assert {look.beard for look in women} == {"none"}
    assert {look.style for look in looks} == set(face_look.STYLES.values())
    bald = face_look.STYLES["bald"]
    assert any(look.style == bald for look in men)
    assert not any(look.style == bald for look in women)
    assert np.mean([look.style.end for look in women]) > np.mean([look.style.end for look in men]) + 25.0
    luma = np.array([look.skin for look in looks]).mean(1)
    assert luma.min() < 0.35
    assert luma.max() > 0.75


def test_people_differ_more_than_the_grain_of_the_camera() -> None:
    pictures = [coarse(make_identity("apart", i, 0), View()) for i in range(24)]
    nearest = min(rms(a, b) for i, a in enumerate(pictures) for b in pictures[:i])
    assert nearest > 5.0


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_views_stay_in_their_ranges_and_come_from_the_generator_alone(seed: int) -> None:
    view = draw_view(np.random.default_rng(seed))
    assert view == draw_view(np.random.default_rng(seed))
    assert abs(view.yaw) <= 0.45
    assert abs(view.pitch) <= 0.17
    assert abs(view.roll) <= 0.1
    assert 0.0 <= view.smile <= 1.0
    assert 0.0 <= view.mouth_open <= 1.0
    assert all(0.0 <= c <= 1.0 for colour in (*view.background, view.clothes) for c in colour)


@pytest.mark.parametrize(
    "change",
    [
        {"yaw": 0.4}, {"pitch": 0.15}, {"roll": 0.1}, {"scale": 1.06}, {"shift_x": 3.0}, {"shift_y": 3.0},
        {"light_azimuth": -0.9}, {"light_elevation": 0.0}, {"light": 0.7}, {"ambient": 0.6}, {"warmth": 1.0},
        {"smile": 1.0}, {"mouth_open": 0.6}, {"brow_raise": 1.0}, {"gaze_x": 2.0}, {"gaze_y": 0.7}, {"lid": 0.6},
        {"background": ((0.9, 0.2, 0.2), (0.1, 0.1, 0.1))}, {"clothes": (0.9, 0.1, 0.1)}, {"noise": 2.0},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_every_field_of_a_view_shows(change: dict[str, object]) -> None:
    person = replace(make_identity("fields", 0, 0), age=30.0)
    assert rms(render(person, View()), render(person, replace(View(), **change))) > 0.25
