"""The first golden tier: fixed media, scored on every push; and what it catches, one fault at a time (issue 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.cli import main
from benchmark.errors import BenchmarkError
from benchmark.reporting.golden import read_golden

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parents[2] / "results/golden"
MEDIA = GOLDEN / "media"
Scored = Callable[[], tuple[int, str]]


def go(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    return int(str(stop.value.code or 0))


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Scored:
    """Score the pictures by this very code and compare with the golden file: exit code, and what is said."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))

    def scored() -> tuple[int, str]:
        metrics = read_golden(GOLDEN / "media-faces.json").metrics
        line = ("--trials", MEDIA / "faces/trials.csv", "--real", MEDIA / "faces/real", "--out", tmp_path / "run")
        assert go("score", *line, "--metrics", *metrics) == 0
        capsys.readouterr()
        code = go("compare", GOLDEN / "media-faces.json", tmp_path / "run")
        return code, capsys.readouterr().out

    return scored


def failed(text: str) -> set[str]:
    """Metrics of which a row is off."""
    return {line.split(" · ")[0] for line in text.splitlines() if " · image_guided_translation" in line}


def test_the_scorer_gives_the_golden_scores(faces: Scored) -> None:
    code, text = faces()
    assert code == 0, text


def test_pictures_in_0_to_1_before_lpips(faces: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its network takes [-1, 1]; LPIPS asks the embedded judge's maps here."""
    import protocols.vision

    right = protocols.vision.face_judge.judged_size
    monkeypatch.setattr(protocols.vision.face_judge, "judged_size", lambda batch: right((batch + 1) / 2))
    code, text = faces()
    assert code == 1
    assert "lpips@pocket" in failed(text)
    assert "fid@random" not in failed(text), "which looks for itself"


def test_tf32(faces: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU does it, on any machine: 10 bits of mantissa of what goes into convolutions and matrix products."""

    def rounded(x: Tensor) -> Tensor:
        return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)

    for name in ("conv2d", "linear"):
        right = getattr(torch.nn.functional, name)

        def low(
            x: Tensor, weight: Tensor, *rest: object, _right: Callable[..., Tensor] = right, **more: object
        ) -> Tensor:
            return _right(rounded(x), rounded(weight), *rest, **more)

        monkeypatch.setattr(torch.nn.functional, name, low)
    assert float(rounded(torch.tensor(1 + 2.0**-12))) == 1.0
    code, text = faces()
    assert code == 1
    assert failed(text) & {"fid@pocket", "lpips@pocket", "pose_error@pocket", "cos_target@pocket"}


def test_another_network_of_features(faces: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    """FID by another network under the same key, as torchvision's Inception in place of pytorch-fid's would be."""
    import protocols.vision

    right = protocols.vision.random_features.random_features
    monkeypatch.setattr(
        protocols.vision.random_features,
        "random_features",
        lambda pictures: right([p[:, ::-1].copy() for p in pictures])[:, ::2],
    )
    code, text = faces()
    assert code == 1
    assert failed(text) == {"fid@random"}


def test_a_switch_of_tf32_is_seen_where_it_changes_nothing(faces: Scored) -> None:
    """A CPU computes as before; the run says how a GPU would have rounded, and the gate is red for that alone."""
    torch.backends.cuda.matmul.allow_tf32 = True  # monkeypatch cannot put back what is a property of a C module
    try:
        code, text = faces()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    assert code == 1
    assert "tf32_matmul is off in A and on in B" in " ".join(text.split())
    assert not failed(text)


def test_other_weights_of_the_network_of_features(faces: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    """FID by the same network with other weights: the hash says so, and so do the scores."""
    from benchmark.upstream import random_features

    monkeypatch.setattr(random_features, "_SEED", 1)
    random_features.random_network.cache_clear()
    try:
        code, text = faces()
    finally:
        random_features.random_network.cache_clear()
    assert code == 1
    assert "the weights fid@random weights of a metric are others" in " ".join(text.split())
    assert failed(text) == {"fid@random"}


def test_other_weights_in_the_judges_file(faces: Scored, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who trains the judge anew and ships it under the old name has made another metric of every key it stands in."""
    from dataclasses import replace

    from safetensors.torch import load_file, save_file

    from benchmark import weights
    from benchmark.upstream.face_judge import load

    name, known = load.WEIGHTS, weights.entries()
    state = load_file(weights.get(name))
    generator = torch.Generator().manual_seed(0)
    kernels = (key for key, value in state.items() if value.ndim == 4)
    moved = {key: 0.02 * state[key].std() * torch.randn(state[key].shape, generator=generator) for key in kernels}
    assert moved
    path = tmp_path / "weights" / known[name].file
    path.parent.mkdir(parents=True)
    save_file({key: value + moved.get(key, 0) for key, value in state.items()}, path)
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "weights"))
    elsewhere = replace(known[name], package=None)
    monkeypatch.setattr(weights, "entries", lambda: {**known, name: elsewhere})
    load.face_judge.cache_clear()
    try:
        with pytest.raises(BenchmarkError, match="has sha256"):
            weights.get(name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(weights, "entries", lambda: {**known, name: replace(elsewhere, sha256=digest)})
        code, text = faces()
    finally:
        load.face_judge.cache_clear()
    assert code == 1
    assert f"the weights {name} of a metric are others" in " ".join(text.split())
    assert failed(text) >= {"fid@pocket", "lpips@pocket"}
    assert "fid@random" not in failed(text)


def test_another_inception_is_another_distance() -> None:
    """Equal weights, other poolings: torchvision's network against pytorch-fid's, beyond any tolerance."""
    from benchmark.media.image import read_image
    from benchmark.upstream import inception
    from benchmark.upstream.inception_2015 import features_2015, network_2015
    from benchmark.upstream.inception_v3 import network_v3
    from protocols.frechet import Moments, frechet_distance

    pictures = [read_image(path) for path in sorted(MEDIA.glob("faces/**/*.jpg"))]
    torch.manual_seed(0)
    tensor = torch.from_numpy(pictures[0]).permute(2, 0, 1)[None].float() / 127.5 - 1
    state = inception.random_state(torch.nn.functional.interpolate(tensor, (299, 299)))
    found = []
    for network in (network_2015(state), network_v3(state)):
        features = features_2015(pictures, network)
        half = len(features) // 2
        found.append(frechet_distance(Moments.of(features[:half]), Moments.of(features[half:])))
    assert abs(found[0] - found[1]) > 0.01 * found[0]
