"""Tiny stores and systems, and a server that forks a child per training run.

Run as a script it imports torch and Lightning once, then forks a child for every request on stdin: so a test can kill
a training run for real, and the next one starts in milliseconds. The server itself never runs a backward pass, because
autograd does not survive a fork after one.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.atomic import write_json
from benchmark.corpora.manifest import Record, manifest_sha256, write_manifest
from benchmark.corpora.prepared import Store, build_index, write_feature
from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature
from benchmark.system import Batch, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable

WAVE_RATE, BAND_RATE, BANDS = 800, 80, 4


def _bands(wave: np.ndarray) -> np.ndarray:
    frames = wave[: len(wave) // 10 * 10].reshape(-1, 10).astype(np.float32) / 32768.0
    levels = np.log(1e-5 + np.abs(np.fft.rfft(frames))[:, :BANDS])
    return np.asarray((levels + 4.0) / 4.0)


WAVE = Feature("wave", "audio", "int16", (), WAVE_RATE, None, None, lambda rows: rows.float() / 32768.0)
BAND = Feature(
    "band", "audio", "float16", (BANDS,), BAND_RATE, "wave", _bands, lambda rows: rows.float().transpose(1, 2)[:, None]
)
FACE = Feature(
    "face",
    "face",
    "uint8",
    (4, 4, 3),
    None,
    None,
    None,
    lambda rows: rows[:, 0].permute(0, 3, 1, 2).float() / 127.5 - 1,
)
FEATURES = {f.name: f for f in (WAVE, BAND, FACE)}


def make_store(
    folder: Path,
    speakers: Sequence[tuple[str, int | None, str, int, str]],
    corpus: str = "toy",
    seconds: tuple[float, float] = (0.4, 1.2),
    frames: int = 3,
    seed: int = 0,
    broken: str | None = None,
) -> Store:
    """A prepared store. A speaker is (name, gender, "av" | "a" | "v", records, split); record `broken` holds a NaN."""
    rng = np.random.default_rng(seed)
    records, waves, faces = [], [], []
    used: Counter[str] = Counter()
    for name, gender, modalities, count, split in speakers:
        for _ in range(count):
            identifier = f"{corpus}-{name}-{used[name]}"
            used[name] += 1
            audio, image = (f"{identifier}.{m}" if m in modalities else None for m in "av")
            records.append(Record(identifier, corpus, name, gender, split, audio, image))
            length = round(float(rng.uniform(*seconds)) * WAVE_RATE)
            wave = rng.integers(-20000, 20000, length).astype(np.int16)
            waves.append(wave if audio else None)
            faces.append(rng.integers(0, 256, (frames, 4, 4, 3)).astype(np.uint8) if image else None)
    bands = [None if w is None else _bands(w).astype(np.float16) for w in waves]
    for record, band in zip(records, bands, strict=True):
        if record.id == broken and band is not None:
            band[:] = np.nan
    folder.mkdir(parents=True)
    write_manifest(folder / "manifest.jsonl", records)
    for feature, rows in ((WAVE, waves), (BAND, bands), (FACE, faces)):
        write_feature(folder, feature, rows)
    index = build_index(
        records,
        np.array([0 if w is None else len(w) for w in waves]),
        np.array([0 if f is None else len(f) for f in faces]),
    )
    np.savez(folder / "index.npz", **index)
    write_json(folder / "store.json", {"corpus": corpus, "manifest_sha256": manifest_sha256(records)})
    return Store(folder)


def people(count: int, modalities: str = "av", records: int = 4, split: str = "train", prefix: str = "p") -> list[Any]:
    """`count` speakers of alternating gender."""
    return [(f"{prefix}{i}", i % 2, modalities, records, split) for i in range(count)]


# ------------------------------------------------------------------------------------------------------------ systems

AT: dict[str, Any] = {}
"""What a child does at a step: {"step": n, "signal": number}."""


def _maybe_signal(step: int) -> None:
    if AT.get("step") == step:
        os.kill(os.getpid(), AT["signal"])


class Duel(Trainable):
    """Two players on one draw, with everything a resumed run could forget: batch norm, dropout, noise, branches,
    averages, an upstream network, statistics, schedules, clipping, and a phase that starts late."""

    ema: ClassVar[Mapping[str, float]] = {"maker": 0.9, "mapping": 0.5}
    upstream: ClassVar[frozenset[str]] = frozenset({"judge"})
    statistics: ClassVar[frozenset[str]] = frozenset({"band"})

    def __init__(self, accumulate: int = 1, lr: float = 1e-2) -> None:
        super().__init__()
        self.accumulate, self.lr = accumulate, lr
        self.mapping = nn.Linear(2, BANDS)
        self.maker = nn.Sequential(nn.Linear(BANDS, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, BANDS))
        self.critic = nn.Sequential(nn.Linear(BANDS, 8), nn.Tanh(), nn.Linear(8, 1))
        self.judge = nn.Sequential(nn.Linear(BANDS, 3), nn.BatchNorm1d(3))
        self.register_buffer("band_mean", torch.zeros(BANDS, 1))
        self.register_buffer("band_std", torch.ones(BANDS, 1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def optimizers(self) -> Mapping[str, Optimizer]:
        decay = {"weight_decay": 1e-4, "betas": (0.0, 0.99)}
        return {
            "critic": Optimizer(("critic",), "adamw", self.lr, decay),
            "maker": Optimizer(("maker",), "adam", self.lr, schedule=lambda step: 0.99**step, clip=1.0),
            "mapping": Optimizer(("mapping",), "radam", self.lr),
        }

    def draws(self) -> Mapping[str, Draw]:
        voice = Pick("audio", ("band",), pool="paired", balance="gender", crop=16)
        face = Pick("face", ("face",), same_speaker="voice")
        return {"pairs": Draw(4, {"voice": voice, "face": face})}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("criticise", ("critic",), "pairs", accumulate=self.accumulate),
            Phase("make", ("maker", "mapping"), "pairs", accumulate=self.accumulate),
            Phase("late", ("maker",), "pairs", start=4, stop=9, accumulate=self.accumulate),
        )

    def _made(self, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        real = ((batch["voice"]["band"][:, 0] - self.band_mean) / self.band_std).mean(-1)
        noise = torch.randn(len(real), 2, generator=step.generator).to(real.device)
        scale = 1.0 if step.choices.random() < 0.5 else 0.5
        return real, self.maker(scale * real + self.mapping(noise) + batch["face"]["face"].mean((1, 2, 3))[:, None])

    def criticise(self, batch: Batch, step: Step) -> Terms:
        self.seen += 1
        real, fake = self._made(batch, step)
        return {"real": self.critic(real).square().mean(), "fake": (self.critic(fake) - 1).square().mean()}

    def make(self, batch: Batch, step: Step) -> Terms:
        _maybe_signal(step.index)
        real, fake = self._made(batch, step)
        return {"adv": self.critic(fake).square().mean(), "judge": self.judge(fake - real).square().mean()}

    def late(self, batch: Batch, step: Step) -> Terms:
        real, fake = self._made(batch, step)
        return {"rec": (fake - real).abs().mean()}


class Contrast(Trainable):
    """A loss over the GLOBAL batch through `gather`, then a plain one that steps another optimiser."""

    def __init__(self, accumulate: int = 1, size: int = 8, contrastive: bool = True) -> None:
        super().__init__()
        self.accumulate, self.size, self.contrastive = accumulate, size, contrastive
        self.voice = nn.Sequential(nn.Linear(BANDS, 8), nn.Tanh(), nn.Linear(8, 6))
        self.face = nn.Sequential(nn.Flatten(), nn.Linear(48, 6))
        self.head = nn.Linear(6, 2)

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"encoders": Optimizer(("voice", "face"), lr=1e-3, clip=0.5), "head": Optimizer(("head",), lr=1e-3)}

    def draws(self) -> Mapping[str, Draw]:
        voice = Pick("audio", ("band",), pool="paired", distinct=True, crop=16)
        return {"pairs": Draw(self.size, {"voice": voice, "face": Pick("face", ("face",), same_speaker="voice")})}

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("contrast", ("encoders",), "pairs", accumulate=self.accumulate),
            Phase("classify", ("head",), "pairs"),
        )

    def contrast(self, batch: Batch, step: Step) -> Terms:
        own, seen = self.voice(batch["voice"]["band"][:, 0].mean(-1)), self.face(batch["face"]["face"])
        rows = {"size": 1e-2 * own.square().mean(), "pair": (own - seen).square().mean()}
        if not self.contrastive:
            return rows
        voice, face = step.gather(own), step.gather(seen)
        logits = nn.functional.normalize(voice, dim=1) @ nn.functional.normalize(face, dim=1).T / 0.07
        speaker = step.gather(batch["voice"]["speaker"])
        assert len(set(speaker.tolist())) == len(speaker)
        target = torch.arange(len(logits))
        nce = nn.functional.cross_entropy(logits, target) + nn.functional.cross_entropy(logits.T, target)
        return {"nce": nce, **rows}

    def classify(self, batch: Batch, step: Step) -> Terms:
        logits = self.head(self.voice(batch["voice"]["band"][:, 0].mean(-1)))
        return {"gender": nn.functional.cross_entropy(logits, batch["voice"]["gender"])}


class Forgetful(Duel):
    """Keeps state where no checkpoint looks."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.memory: dict[str, list[float]] = {"real": []}
        self.rng = np.random.default_rng(0)

    def criticise(self, batch: Batch, step: Step) -> Terms:
        self.calls += 1
        self.memory["real"].append(float(step.index))
        self.rng.random()
        return super().criticise(batch, step)


class Watched(Duel):
    """Notes at every phase: its name, which modules' weights changed since the one before, which it may change."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[str, list[str], list[str]]] = []
        self.last = self._weights()

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.named_parameters()}

    def _note(self, phase: str) -> None:
        now = self._weights()
        changed = {name.split(".")[0] for name, weight in now.items() if not torch.equal(weight, self.last[name])}
        free = {name.split(".")[0] for name, parameter in self.named_parameters() if parameter.requires_grad}
        self.notes.append((phase, sorted(changed), sorted(free)))
        self.last = now

    def criticise(self, batch: Batch, step: Step) -> Terms:
        self._note("criticise")
        return super().criticise(batch, step)

    def make(self, batch: Batch, step: Step) -> Terms:
        self._note("make")
        return super().make(batch, step)

    def late(self, batch: Batch, step: Step) -> Terms:
        self._note("late")
        return super().late(batch, step)


class Mixed(Duel):
    """Sees to it that autocast is on and that it has left the batch alone."""

    def make(self, batch: Batch, step: Step) -> Terms:
        assert torch.is_autocast_enabled("cpu")
        assert batch["voice"]["band"].dtype == torch.float32
        assert self.maker[0](batch["voice"]["band"][:, 0].mean(-1)).dtype == torch.bfloat16
        return super().make(batch, step)


SYSTEMS = {"mixed": Mixed, "duel": Duel, "contrast": Contrast, "forgetful": Forgetful, "watched": Watched}


def digest(value: Any) -> str:
    """sha256 over nested mappings, lists and tensors, to the last bit."""
    if isinstance(value, Tensor):
        body = repr((value.dtype, tuple(value.shape))).encode() + value.contiguous().numpy().tobytes()
    elif isinstance(value, Mapping):
        body = "".join(f"{k}={digest(v)};" for k, v in value.items()).encode()
    elif isinstance(value, list | tuple):
        body = "".join(digest(v) for v in value).encode()
    else:
        body = repr(value).encode()
    return hashlib.sha256(body).hexdigest()


# -------------------------------------------------------------------------------------------------------------- cases


def train(
    stores: list[str],
    folder: str,
    system: str = "duel",
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    at: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    threads: int = 1,
    fault: str | None = None,
) -> dict[str, Any]:
    """Train for real; the answer holds the digest of the last checkpoint, warnings, and changed attributes."""
    from faults import FAULTS  # the script's own folder

    from benchmark.training import checkpoint, loop
    from benchmark.training.attributes import attributes, changed_attributes

    os.environ.update(environ or {})
    torch.set_num_threads(threads)
    AT.update(at or {})
    if fault is not None:
        FAULTS[fault](after=2)
    torch.manual_seed(0)
    made = SYSTEMS[system](**(options or {}))
    before = attributes(made)
    made_settings = loop.TrainSettings(
        **{"device": "cpu", "steps": 12, "save_every": 3, "log_every": 4, **(settings or {})}
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = loop.train(made, [Store(Path(s)) for s in stores], Path(folder), made_settings, FEATURES)
    state = checkpoint.read(result.checkpoint)
    return {
        "checkpoint": str(result.checkpoint),
        "digest": digest([state["model"], state["ema"], state["optimizers"]]),
        "seconds": result.seconds,
        "steps": result.steps,
        "warnings": [str(w.message) for w in caught if issubclass(w.category, UserWarning)],
        "changed": changed_attributes(made, before),
        "notes": getattr(made, "notes", None),
        "handlers": [
            signal.getsignal(s) is not None and "Interruption" not in repr(signal.getsignal(s)) for s in (2, 15)
        ],
    }


CASES = {"train": train}


def _child(request: Mapping[str, Any]) -> None:
    """Run a case; its answer, or its error, goes to `request["answer"]`."""
    code, answer = 0, {}
    with open(request["answer"] + ".log", "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        answer = CASES[request["case"]](**request["arguments"])
    except BenchmarkError as error:
        code, answer = error.exit_code, {"error": type(error).__name__, "message": str(error)}
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        code, answer = 99, {"error": "unexpected", "message": traceback.format_exc()}
    write_json(Path(request["answer"]), answer)
    os._exit(code)


def serve() -> None:
    import lightning.fabric
    import torch.utils.tensorboard

    import benchmark.training.loop

    del lightning, benchmark
    torch.set_num_threads(1)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            status = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
            print(json.dumps({"code": status}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _child(request)
        print(json.dumps({"pid": pid}), flush=True)
    os._exit(0)  # tearing Lightning down takes seconds


if __name__ == "__main__":
    serve()
