"""Metrics of pictures as a protocol, with networks whose verdicts can be told beforehand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.media.image import shrink_square
from benchmark.registry import PROTOCOLS
from protocols import looking, vision
from protocols.frechet import frechet_distance, kernel_distance
from protocols.pictures import Pictures
from protocols.protocol import Doubting, RealPictures, Together
from protocols.trial import Score, Trial
from protocols.vision import Face, Look, Vision

KEYS = tuple(key for key, entry in PROTOCOLS.items() if entry.target == "protocols.pictures:Pictures")
SIDE = 32


def colours(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([p.reshape(-1, 3).mean(axis=0) for p in pictures]).astype(np.float32)


class Network:
    """Sees mean colours: red above 128 is male, green and blue are the pose, all three the identity."""

    def __init__(self) -> None:
        self.looked: list[tuple[int, ...]] = []
        self.pixels: list[int] = []

    def look(self, pictures: Sequence[np.ndarray], pixels: int) -> Look:
        rows = colours(pictures)
        self.looked += [tuple(row.astype(int)) for row in rows]
        self.pixels += [pixels] * len(rows)
        faces = [
            Face(float(r - 128), np.array([g, b, 0.0]), np.array([r, g, b]) / np.linalg.norm([r, g, b]))
            for r, g, b in rows.astype(np.float64)
        ]
        maps = [torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()]
        return Look(rows, maps, faces)


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Network]:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    made = {name: Network() for name in vision.NETWORKS}
    for name, network in made.items():
        monkeypatch.setitem(vision.NETWORKS, name, Vision(network.look, (), "made"))  # type: ignore[arg-type]
    return made


def picture(path: Path, red: int, green: int, blue: int, side: int = SIDE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (red, green, blue)).save(path)
    return path.name


def real(counts: tuple[int, int] = (5, 6), corpus: str = "made") -> RealPictures:
    """Women are dark, men bright; the shades differ a little."""

    def read(gender: int) -> list[np.ndarray]:
        rng = np.random.default_rng(gender)
        return [
            np.full((SIDE, SIDE, 3), 60 + 120 * gender + rng.integers(0, 40), np.uint8) for _ in range(counts[gender])
        ]

    return RealPictures(corpus, f"{counts}{corpus}", dict(enumerate(counts)), lambda g: iter(read(g)))


def made_rows(folder: Path, sources: int = 3, draws: int = 3, system: str = "s") -> list[Trial]:
    """Both directions; every output is a picture of its own."""
    rows = []
    rng = np.random.default_rng(1)
    for gender in (1, 0):
        for source in range(sources):
            origin = picture(folder / f"source{gender}{source}.png", 20 + source, 100, 100 + gender)
            for draw in range(draws):
                number = len(rows)
                reference = picture(folder / f"reference{number}.png", 200 * gender + 20, 50, number)
                red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
                rows.append(
                    Trial(
                        output=picture(folder / f"{system}{number}.png", red, green, blue),
                        system=system,
                        task="image_guided_translation",
                        source=origin,
                        reference=reference,
                        source_id=origin,
                        source_gender=1 - gender,
                        target_id=reference,
                        target_gender=gender,
                        trial=f"made-seen-{number:04d}",
                        draw=draw,
                        split="seen",
                    )
                )
    return rows


def judged(
    protocol: Pictures, rows: Sequence[Trial], root: Path, real_set: RealPictures | None
) -> dict[str, list[Score]]:
    protocol.compare_with([real_set] if real_set else [])
    found: dict[str, list[Score]] = {metric: [] for metric in protocol.metrics}
    for score in protocol.score(rows, root):
        found[score.metric].append(score)
    return found


def shade(root: Path, row: Trial) -> np.ndarray:
    return np.asarray(Image.open(root / row.output))[0, 0].astype(np.float64)


def test_it_is_a_protocol_of_several_keys_that_share_their_networks() -> None:
    together: Together = Pictures(*KEYS)
    doubting: Doubting = Pictures(*KEYS)
    assert together.metrics == doubting.metrics == KEYS
    assert len(together.weights) == len(set(together.weights)) == 5
    assert Pictures("fid@pocket", "pose_error@pocket").weights == ("pocket/face_judge.safetensors",)
    assert Pictures("fid@random").weights == ()
    assert set(Pictures("fid@random").own_sha256) == {"weights"}
    assert together.of_sets == tuple(k for k in KEYS if k.startswith(("fid", "kid")))


def test_rows_are_judged_by_what_their_faces_show(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path)
    keys = ("gender_flip@pocket", "pose_error@pocket", "cos_target@pocket")
    found = judged(Pictures(*keys), rows, tmp_path, None)
    assert all(len(of) == len(rows) for of in found.values())
    for row, flip, pose, cosine in zip(rows, *found.values(), strict=True):
        assert {s.trial for s in (flip, pose, cosine)} == {row.trial}
        r, g, b = shade(tmp_path, row)
        assert flip.value == float((r > 128) == (row.target_gender == 1))
        origin = np.asarray(Image.open(tmp_path / row.source))[0, 0].astype(float)
        assert pose.value == pytest.approx((abs(g - origin[1]) + abs(b - origin[2])) / 3)
        other = np.asarray(Image.open(tmp_path / row.reference))[0, 0].astype(float)
        expected = np.dot((r, g, b), other) / np.linalg.norm((r, g, b)) / np.linalg.norm(other)
        assert cosine.value == pytest.approx(expected)


def test_likeness_of_a_face_made_from_a_voice_is_to_target_source_and_a_stranger(
    tmp_path: Path, networks: object
) -> None:
    names = {n: picture(tmp_path / f"{n}.png", *c) for n, c in (("target", (9, 90, 9)), ("other", (200, 9, 80)))}
    rows = [
        replace(row, reference="voice.flac", other_target_face=names["target"], other_face=names["other"])
        for row in made_rows(tmp_path, 2, 1)
    ]
    keys = ("cos_target@pocket", "cos_input@pocket", "cos_random@pocket")
    found = judged(Pictures(*keys), rows, tmp_path, None)
    for i, row in enumerate(rows):
        output = shade(tmp_path, row) / np.linalg.norm(shade(tmp_path, row))
        for key, name in zip(keys, (names["target"], row.source, names["other"]), strict=True):
            other = np.asarray(Image.open(tmp_path / name))[0, 0].astype(float)
            assert found[key][i].value == pytest.approx(output @ other / np.linalg.norm(other))
    bare = [replace(row, other_target_face="", other_face="") for row in rows]
    assert {k: len(of) for k, of in judged(Pictures(*keys), bare, tmp_path, None).items()} == dict(
        zip(keys, (0, 4, 0), strict=True)
    )


def test_rows_without_what_a_metric_compares_with_have_no_score_of_it(tmp_path: Path, networks: object) -> None:
    (row, *_) = made_rows(tmp_path, 1, 1)
    bare = replace(row, source="", reference="voice.wav", target_gender=None)
    found = judged(Pictures("gender_flip@pocket", "pose_error@pocket", "cos_target@pocket"), [bare], tmp_path, None)
    assert not any(found.values())
    assert not list(Pictures("gender_flip@pocket").score([replace(row, output="voice.wav")], tmp_path))


def test_a_set_has_one_distance_under_its_first_row(tmp_path: Path, networks: dict[str, Network]) -> None:
    rows, pictures = made_rows(tmp_path), real()
    found = judged(Pictures("fid@pocket", "kid@pocket", "fid@random"), rows, tmp_path, pictures)
    for gender, half in ((1, rows[:9]), (0, rows[9:])):
        outputs = np.stack([shade(tmp_path, row) for row in half])
        others = colours(list(pictures.read(gender)))
        fid = next(s for s in found["fid@pocket"] if s.trial == half[0].trial)
        kid = next(s for s in found["kid@pocket"] if s.trial == half[0].trial)
        assert fid.value == pytest.approx(frechet_distance(outputs, others))
        assert kid.value == pytest.approx(kernel_distance(outputs, others))
        assert (fid.rows, fid.weight) == (9, None)
    assert {len(of) for of in found.values()} == {2}


def test_diversity_is_the_mean_over_pairs_of_a_source(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path)
    keys = ("lpips@alex", "lpips@alex:per_source", "lpips@pocket")
    found = judged(Pictures(*keys), rows, tmp_path, None)

    def unit(row: Trial) -> np.ndarray:
        colour = shade(tmp_path, row)
        return np.asarray(colour / np.linalg.norm(colour))

    for key in keys:
        assert [s.trial for s in found[key]] == [rows[i].trial for i in range(0, 18, 3)]
        for i, score in enumerate(found[key]):
            pairs = combinations(rows[3 * i : 3 * i + 3], 2)
            expected = np.mean([np.square(unit(a) - unit(b)).sum() for a, b in pairs])
            assert score.value == pytest.approx(expected, rel=1e-5)
            assert score.rows is None
    assert [s.weight for s in found["lpips@alex"]] == pytest.approx([1 / 3] * 6)
    assert {s.weight for key in keys[1:] for s in found[key]} == {None}


def test_weights_of_many_sources_are_those_of_official_batches(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path, sources=40, draws=2)
    found = judged(Pictures("lpips@alex"), rows, tmp_path, None)["lpips@alex"]
    values, weights = [s.value or 0.0 for s in found], [s.weight or 0.0 for s in found]
    directions = [np.mean([np.mean(own[:32]), np.mean(own[32:])]) for own in (values[:40], values[40:])]
    assert np.average(values, weights=weights) == pytest.approx(np.mean(directions))
    assert np.mean(values) != pytest.approx(np.mean(directions), rel=1e-4)


def test_a_picture_is_looked_at_once_by_each_network_that_needs_it(
    tmp_path: Path, networks: dict[str, Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = made_rows(tmp_path, 2, 2)
    shutil.copy(tmp_path / rows[0].output, tmp_path / "again.png")
    rows.append(replace(rows[0], output="again.png", trial="made-seen-0099", draw=9))
    read: list[str] = []
    real_read = looking.read_image
    monkeypatch.setattr(looking, "read_image", lambda path: read.append(path.name) or real_read(path))
    judged(Pictures("fid@pocket", "fid@random", "pose_error@pocket", "lpips@alex"), rows, tmp_path, real())
    contents = {(tmp_path / name).read_bytes() for row in rows for name in (row.output, row.source)}
    assert len(read) == len(contents)
    outputs = {(tmp_path / row.output).read_bytes() for row in rows}
    assert len(networks["alex"].looked) == len(outputs)
    assert len(networks["random"].looked) == len(outputs) + 5 + 6, "and the real set"
    assert not networks["starganv2"].looked


def test_features_of_the_real_set_are_kept_and_a_damaged_file_is_made_anew(
    tmp_path: Path, networks: dict[str, Network]
) -> None:
    rows = made_rows(tmp_path, 1, 2)
    first = judged(Pictures("fid@random"), rows, tmp_path, real())["fid@random"]
    files = sorted((tmp_path / "cache" / "features").glob("*.npy"))
    assert len(files) == 2
    before = len(networks["random"].looked)
    assert judged(Pictures("fid@random"), rows, tmp_path, real())["fid@random"] == first
    assert len(networks["random"].looked) == before + 4, "outputs alone"
    files[0].write_bytes(files[0].read_bytes()[:-7])
    assert judged(Pictures("fid@random"), rows, tmp_path, real())["fid@random"] == first
    assert len(networks["random"].looked) > before + 8
    judged(Pictures("fid@random"), rows, tmp_path, real((5, 7)))
    assert len(list((tmp_path / "cache" / "features").glob("*.npy"))) == 4, "other pictures, other files"


def test_starganv2_stretches_the_real_set_to_the_size_of_the_outputs(
    tmp_path: Path, networks: dict[str, Network]
) -> None:
    rows = made_rows(tmp_path, 1, 2)
    judged(Pictures("fid@starganv2", "fid@inception-2015"), rows, tmp_path, real())
    assert sorted(networks["starganv2"].pixels) == [0] * 4 + [SIDE] * 11
    assert set(networks["inception-2015"].pixels) == {0}
    picture(tmp_path / rows[0].output, 1, 2, 3, side=64)
    found = judged(Pictures("fid@starganv2", "fid@inception-2015"), rows, tmp_path, real())
    assert "32x32, 64x64 pixels: this FID is of square pictures of one size" in (found["fid@starganv2"][0].error or "")
    assert found["fid@inception-2015"][0].value is not None


def test_what_cannot_be_read_fails_its_row_and_leaves_the_set(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path)
    (tmp_path / rows[0].output).write_bytes(b"no picture")
    (tmp_path / rows[4].output).unlink()
    rows[10] = replace(rows[10], output="")
    (tmp_path / rows[12].source).unlink()
    keys = ("fid@pocket", "lpips@pocket", "gender_flip@pocket", "pose_error@pocket")
    found = judged(Pictures(*keys), rows, tmp_path, real())
    for key in keys:
        failed = {s.trial: s.error or "" for s in found[key] if s.error is not None}
        lost = {rows[i].trial for i in (0, 4, 10)} | ({r.trial for r in rows[12:15]} if key == keys[3] else set())
        assert set(failed) == lost, key
        assert "not a readable picture" in failed[rows[0].trial]
        assert failed[rows[10].trial] == "The row names no output."
    sets = {s.trial: s.rows for s in found["fid@pocket"] if s.value is not None}
    assert sets == {rows[1].trial: 7, rows[9].trial: 8}
    assert [s.trial for s in found["lpips@pocket"] if s.value is not None][:2] == [rows[1].trial, rows[3].trial]
    assert len({(s.trial, s.metric) for of in found.values() for s in of}) == sum(map(len, found.values()))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"target_gender": None}, "does not say the target's gender"),
        ({"target_gender": 1, "corpus": "other"}, ""),
    ],
)
def test_without_a_real_set_a_distance_is_an_error_that_says_how_to_mend(
    tmp_path: Path, networks: object, change: dict[str, object], part: str
) -> None:
    rows = made_rows(tmp_path, 1, 2)[:2]
    if part:
        rows = [replace(row, target_gender=None) for row in rows]
        found = judged(Pictures("fid@pocket"), rows, tmp_path, real())
    else:
        found = judged(Pictures("fid@pocket"), rows, tmp_path, real((5, 1)))
        part = "no real pictures of that gender to compare with. `score` takes them with --real FOLDER"
    (score,) = found["fid@pocket"]
    assert part in (score.error or "")


def test_one_readable_output_is_no_set_and_no_pair(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path, 1, 2)[:2]
    (tmp_path / rows[0].output).unlink()
    found = judged(Pictures("fid@pocket", "lpips@pocket"), rows, tmp_path, real())
    errors = {key: [s.error for s in of if s.trial == rows[1].trial] for key, of in found.items()}
    assert errors["fid@pocket"] == ["female->male: 1 output can be read; the distance of sets needs two."]
    assert errors["lpips@pocket"] == ["1 of 2 outputs of this source can be read; diversity needs two."]


def test_it_plans_what_it_gives(tmp_path: Path, networks: object) -> None:
    rows = made_rows(tmp_path)
    rows.append(replace(rows[0], source="alone.png", trial="made-seen-0100", reference="voice.wav"))
    picture(tmp_path / "alone.png", 5, 5, 5)
    protocol = Pictures(*(key for key in KEYS if "alex" not in key), "lpips@alex")
    planned = protocol.planned(rows)
    found = judged(protocol, rows, tmp_path, real())
    assert {key: sorted(names) for (_, key), names in planned.items()} == {
        key: sorted(s.trial for s in of) for key, of in found.items()
    }


def test_what_a_reader_has_to_know_is_said(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    protocol = Pictures("fid@pocket", "gender_flip@pocket", "lpips@alex", "fid@random")
    protocol.compare_with([real()])
    said = protocol.remarks([*rows, replace(rows[0], source="alone.png", trial="made-seen-0100")])
    assert [line.split(":")[0] for line in said] == [
        "fid@pocket, gender_flip@pocket",
        "fid@pocket, fid@random",
        "lpips@alex",
    ]
    assert "sets of 9 to 10 outputs against 5 to 6 real pictures" in said[1]
    assert "1 of 7 sources have one output" in said[2]
    assert not protocol.fits(rows)
    assert Pictures("fid@random", "lpips@alex").fits(rows)
    embedded = [replace(row, trial=f"pocket_faces-seen-{i}") for i, row in enumerate(rows)]
    assert protocol.fits(embedded)
    protocol.compare_with([real((3000, 3000))])
    many = [replace(embedded[i % 2 * 9], trial=f"pocket_faces-seen-{i}") for i in range(4200)]
    assert protocol.remarks(many) == [], "two sources of 2,100 outputs each"


def test_outputs_too_small_for_a_network_are_failed_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(  # type: ignore[misc]
        vision.NETWORKS, "alex", replace(vision.NETWORKS["alex"], look=lambda pictures, pixels: Look())
    )
    rows = made_rows(tmp_path, 1, 2)[:2]
    (score,) = judged(Pictures("lpips@alex"), rows, tmp_path, None)["lpips@alex"]
    assert "too small a picture for the network alex" in (score.error or "")


def damaged(picture: np.ndarray, kind: str, strength: int, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) uint8 with an artefact of strength 1, 2 or 3."""
    x = picture.astype(np.float64)
    if kind == "blur":
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(strength)))
    if kind == "noise":
        x += rng.normal(0, 6 * 2**strength, x.shape)
    else:  # the pattern that transposed convolutions leave
        x += 5 * 2**strength * (np.indices(x.shape[:2]).sum(axis=0) % 2 * 2 - 1)[..., None]
    return np.asarray(x.clip(0, 255).round().astype(np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["pocket", "random"])
def test_artefacts_of_rising_strength_raise_the_distance(network: str) -> None:
    """With the shipped judge, on drawn faces at 64 pixels, half of them the real set; no artefact is the least."""
    corpus = PocketCorpus(pool="pocket_faces")
    media = (corpus.load(record).faces for record in islice(corpus.records(), 400))
    faces = [shrink_square(pictures[0], 64) for pictures in media if pictures is not None]
    real_rows = vision.features(network, faces[::2])
    rng = np.random.default_rng(0)
    clean = frechet_distance(vision.features(network, faces[1::2]), real_rows)
    for kind in ("blur", "noise", "checkerboard"):
        found = [clean]
        for strength in (1, 2, 3):
            outputs = [damaged(face, kind, strength, rng) for face in faces[1::2]]
            found.append(frechet_distance(vision.features(network, outputs), real_rows))
        assert found == sorted(found), (kind, found)
        assert found[-1] > 3 * clean, (kind, found)
