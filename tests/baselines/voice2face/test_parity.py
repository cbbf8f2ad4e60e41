"""One training step against the official code, frozen.

`official_steps.json` was written by hand by the networks of cmu-mlsp/reconstructing_faces_from_voices@469e249:
network.py and the two steps of its gan_train.py, term by term, on a CPU (torch 2.11.0) in float64: weights by `filled`
under the official names, inputs as below, labels of the discriminator floats (quirk Q42). Nothing of that code is
needed here. `generate` is judged by networks that `judge` has moved, and `fake_after` is made by the generator that
`generate` has moved, so the optimisers are held too.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.voice2face.system import Voice2Face, Voice2FaceSettings
from benchmark.system import Step
from benchmark.upstream.voice_embedding.network import VoiceEmbedding

EXPECTED = json.loads(Path(__file__).with_name("official_steps.json").read_text(encoding="utf-8"))
SUBJECTS, FRAMES = 7, 90


def filled(network: str, name: str, shape: tuple[int, ...]) -> Tensor:
    """The weight `name` of official network `network`, drawn by itself, (shape) float32."""
    x = np.random.default_rng(zlib.crc32(f"{network}.{name}".encode())).standard_normal(shape)
    if len(shape) > 1:
        fan = float(np.prod(shape[1:]))
        if network == "g":  # transposed convolutions: inputs come first, and an output sees a quarter of a 4x4 kernel
            fan = shape[0] * np.prod(shape[2:]) / (4 if shape[2:] == (4, 4) else 1)
        x *= np.sqrt(2 / fan)
    elif name.endswith("running_var"):
        x = 1 + np.abs(x)
    else:
        x = 0.1 * x + (1 if network == "e" and name.endswith("weight") else 0)
    return torch.from_numpy(x).float()


@torch.no_grad()
def fill(network: str, module: nn.Module) -> None:
    for name, own in module.state_dict().items():
        if own.is_floating_point():
            own.copy_(filled(network, name.replace("layers", "model", 1), tuple(own.shape)))


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Voice2Face:
    voice = VoiceEmbedding().eval().requires_grad_(False)
    monkeypatch.setattr("baselines.voice2face.system.voice_embedding", lambda which: voice)
    made = Voice2Face(Voice2FaceSettings(crop=FRAMES, least_crop=FRAMES, flip=False, batch=3), SUBJECTS).double()
    fill("e", made.voice_network)
    fill("g", made.generator)
    fill("f", made.face_network)
    with torch.no_grad():
        for name, head in (("d", made.discriminator), ("c", made.classifier)):
            head.weight.copy_(filled(name, "model.weight", tuple(head.weight.shape)))
    return made


def step() -> Step:
    return Step(0, torch.Generator().manual_seed(5), np.random.default_rng(0), lambda x: x)


def test_a_training_step_is_the_official_one(system: Voice2Face) -> None:
    draw = np.random.default_rng(0)
    mel = torch.from_numpy(draw.standard_normal((3, 64, FRAMES)))[:, None]
    faces = torch.from_numpy(draw.uniform(-1, 1, (3, 3, 64, 64)))
    batch = {
        "voice": {"mel64": mel, "speaker": torch.tensor([0, 3, 6])},
        "face": {"face128": faces, "speaker": torch.tensor([2, 5, 3])},
    }
    found: dict[str, list[float] | float] = {}
    with torch.no_grad():
        found["embedding"] = system.embed({"mel64": mel})[0, :4].tolist()
        found["trunk"] = system.face_network(faces)[0, :4].tolist()
        found["fake"] = system.imagine(batch, step())[1, :, 31, 40].tolist()
    named = system.optimizers()
    optimisers = {
        name: torch.optim.Adam(system.get_submodule(name).parameters(), o.lr, **o.options) for name, o in named.items()
    }
    for phase in system.phases():
        for name in named:
            system.get_submodule(name).requires_grad_(name in phase.steps).zero_grad()
        terms = system(phase.name, batch, step())
        sum(terms.values()).backward()  # type: ignore[union-attr]
        found |= {f"{phase.name}/{name}": float(term.detach()) for name, term in terms.items()}
        for name in phase.steps:
            own = [p.grad.flatten() for p in system.get_submodule(name).parameters() if p.grad is not None]
            found[name[0]] = float(torch.cat(own).norm())
            optimisers[name].step()
    with torch.no_grad():
        found["fake_after"] = system.imagine(batch, step())[1, :, 31, 40].tolist()
    vectors = ("embedding", "trunk", "fake", "fake_after")
    expected = {**EXPECTED["terms"], **EXPECTED["gradient_norms"], **{name: EXPECTED[name] for name in vectors}}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-11), name
