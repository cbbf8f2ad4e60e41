"""A system's own face network as a file, so that a metric can ask it (`@own`) without seeing the system.

CAE judges its outputs by the classifier that it was trained against. That says what the authors measured, and no more:
a judge of `@own` has seen the contestant's data and has taught it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError
from benchmark.settings import make
from benchmark.upstream.face_embedding.network import FaceTrunk, FaceTrunkSettings

FILE = "own_judge.safetensors"
"""In the folder of the system's training."""


@dataclass(frozen=True)
class OwnJudge:
    """speakers: names, in the order of the columns of `classifier`, which has no bias or one."""

    trunk: FaceTrunk
    classifier: nn.Linear
    speakers: tuple[str, ...]

    def embedding(self, pictures: Tensor) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1] -> (B, E)."""
        found: Tensor = self.trunk(pictures)
        return found

    def scores(self, embedding: Tensor) -> Tensor:
        """(B, E) -> logits (B, speakers)."""
        found: Tensor = self.classifier(embedding)
        return found


def write_own(path: Path, trunk: FaceTrunk, classifier: nn.Linear, speakers: Sequence[str]) -> None:
    """Atomically; the file says what it takes to build the network again."""
    state = {f"trunk.{name}": value for name, value in trunk.state_dict().items()}
    state |= {f"classifier.{name}": value for name, value in classifier.state_dict().items()}
    about = {"settings": json.dumps(asdict(trunk.settings)), "speakers": json.dumps(list(speakers))}
    with atomic(path) as file:
        file.write(save({name: value.detach().cpu().contiguous() for name, value in state.items()}, about))


def read_own(path: Path) -> OwnJudge:
    """In eval mode, without gradients, on the CPU.

    Raises:
        BenchmarkError: not a file of `write_own`.
    """
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        table = json.loads(about["settings"])
        settings = make(FaceTrunkSettings, {**table, "widths": list(table["widths"])}, f"the settings in {path.name}")
        speakers = tuple(json.loads(about["speakers"]))
        trunk = FaceTrunk(settings)
        classifier = nn.Linear(settings.embedding, len(speakers), bias="classifier.bias" in state)
        nn.ModuleDict({"trunk": trunk, "classifier": classifier}).load_state_dict(state)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise BenchmarkError(f"{path} is no face network of a system: {error}") from error
    for network in (trunk, classifier):
        network.eval().requires_grad_(False)
    return OwnJudge(trunk, classifier, speakers)
