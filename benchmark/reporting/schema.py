"""What a run writes about itself: `run.json` and the rows of its tables (DESIGN.md section 8)."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import socket
import subprocess
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_DISTRIBUTION = "face-voice-benchmark"
_REQUIRED_CELLS = ("task", "corpus", "system", "split", "metric", "value", "low", "high", "n", "failed", "paper_value")


class Strict(BaseModel):
    """Unknown keys are an error: a misspelt field would otherwise be lost in silence. NaN is refused as in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Git(Strict):
    """The commit a run was made from; None where the suite is installed without a repository."""

    commit: str | None = None
    dirty: bool | None = None
    remote: str | None = None


class Device(Strict):
    """What computed, and the flags that change bits."""

    name: str
    kind: Literal["cpu", "cuda", "mps"]
    count: int = 1
    threads: int
    tf32_matmul: bool
    tf32_cudnn: bool
    cudnn_benchmark: bool
    cuda: str | None = None


class Count(Strict):
    """Of one metric: scores it should have given, gave, could not give.

    A metric of rows has one a row. One of sets or of sources (FID, LPIPS) has one for all rows of each, and besides a
    failed one for every single row whose output cannot be read.
    """

    planned: int
    scored: int
    failed: int


class SystemFacts(Strict):
    """What is said of a system besides its scores. network: where its weights come from, None where it has none.
    checkpoint_sha256: of their file. real_time_factor: seconds of work a second of output, or a picture. vocoder: what
    made waveforms of its mels, None where it gives waveforms or pictures."""

    parameters: int | None = None
    network: Literal["trained", "shipped", "published"] | None = None
    train_seconds: float | None = None
    real_time_factor: float | None = None
    checkpoint_sha256: str | None = None
    vocoder: str | None = None


class Given(Strict):
    """The list that was scored: outputs somebody else produced.

    path: of the list as it was named; sha256: of its bytes; root: folder of its paths, absolute; tasks: task of its
    rows -> metrics they were judged by; real: sha256 of the real pictures they were compared with, where there are any.
    """

    path: str
    sha256: str
    root: str
    tasks: dict[str, list[str]]
    real: str | None = None


class RunRecord(Strict):
    """`run.json`. Task, profile, systems, corpora and their bytes, seeds and settings name the run: a folder holds one.

    systems: key in `scores.jsonl` -> name of its table rows (`adain_cvc` -> `adain_cvc:pocket`), in table order.
    partial: corpora whose trial counts could not be met. metric_notes: metric -> why its cells are empty and the
    command that mends it. corpus_sha256: of manifest and decoded bytes. real_pictures: corpus -> gender -> pictures of
    the real set that sets of outputs are compared with. peak_memory: bytes, of the largest process so far. Times are
    ISO 8601 with zone. kind "score": a given list was scored; task and profile are then empty, and `given` says what it
    was. protocol_versions: metric -> version of its protocol (`registry.Entry.version`); records from before there were
    versions have none, and mean 1.

    What earlier versions of the suite wrote is read as well (tests/historic).
    """

    schema_version: Literal[1] = 1
    kind: Literal["run", "score"] = "run"
    command: str
    task: str
    profile: str
    systems: dict[str, str]
    corpora: list[str]
    metrics: list[str]
    protocol_versions: dict[str, int] = Field(default_factory=dict)
    seeds: list[int]
    settings: dict[str, Any]
    git: Git
    packages: dict[str, str]
    python: str
    platform: str
    host: str
    device: Device
    corpus_sha256: dict[str, str] = Field(default_factory=dict)
    trials_sha256: str | None = None
    weights_sha256: dict[str, str] = Field(default_factory=dict)
    real_pictures: dict[str, dict[str, int]] = Field(default_factory=dict)
    counts: dict[str, Count] = Field(default_factory=dict)
    facts: dict[str, SystemFacts] = Field(default_factory=dict)
    partial: list[str] = Field(default_factory=list)
    metric_notes: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    timings: dict[str, float] = Field(default_factory=dict)
    peak_memory: int | None = None
    given: Given | None = None
    started: str
    finished: str | None = None
    status: Literal["running", "trained", "finished", "failed", "interrupted"] = "running"

    @model_validator(mode="before")
    @classmethod
    def _of_earlier(cls, stored: Any) -> Any:
        """Until bf33420 one vocoder was named for the whole run, and not for which systems: it becomes a note."""
        if isinstance(stored, dict) and "vocoder" in stored:
            stored = dict(stored)
            vocoder = stored.pop("vocoder")
            stored["notes"] = [*stored.get("notes", []), *([f"vocoder of mels: {vocoder}"] if vocoder else [])]
        return stored

    def protocol_version(self, metric: str) -> int:
        """By which version of its protocol this run computed a metric."""
        return self.protocol_versions.get(metric, 1)

    @property
    def vocoders(self) -> str:
        """Every vocoder that a system of the run used, in the order of the table; "none" where none did."""
        return ", ".join(dict.fromkeys(f.vocoder for f in self.facts.values() if f.vocoder)) or "none"

    def identity(self) -> dict[str, Any]:
        """What a resumed run must share with the first."""
        names = ("kind", "task", "profile", "systems", "corpora", "corpus_sha256", "metrics", "seeds", "settings")
        include: dict[str, Any] = {**dict.fromkeys(names, True), "given": {"sha256", "root", "tasks", "real"}}
        return self.model_dump(mode="json", include=include)


class TableRow(Strict):
    """One cell of a table, long form. `low` and `high` are None where `note` says why.

    clusters: the smaller number of speakers of the two sides, set where that is why there is no interval.
    sets: over how many sets of outputs the value is the mean, where a metric judges whole sets: such a value has no
    interval, and n counts the outputs of the sets.
    paper_value: only for unshrunken systems at profile paper.
    """

    task: str
    corpus: str
    system: str
    split: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    failed: int
    paper_value: float | None = None
    parameters: int | None = None
    train_seconds: float | None = None
    real_time_factor: float | None = None
    vocoder: str | None = None
    clusters: int | None = None
    sets: int | None = None
    partial: bool = False
    note: str = ""

    def cells(self) -> dict[str, Any]:
        """For JSON: the eleven fixed keys always, the others where there is something to say."""
        return {
            k: v
            for k, v in self.model_dump().items()
            if k in _REQUIRED_CELLS or (v is not None and v is not False and v != "")
        }


class DifferenceRow(Strict):
    """The paired difference `system` - `against` over the `n` trials that both have scores for; of a metric that judges
    whole sets over the `sets` that both have, without an interval.

    against_metric: set where it is a difference of two metrics of one system, `metric` - `against_metric`; `against` is
    then the system itself.
    """

    task: str
    corpus: str
    system: str
    against: str
    split: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    clusters: int | None = None
    sets: int | None = None
    against_metric: str | None = None


def provenance(device: str = "cpu") -> dict[str, Any]:
    """The fields git, packages, python, platform, host and device of a `RunRecord`, as keyword arguments.

    `device` as torch names it: "cpu", "cuda", "cuda:1", "mps".
    """
    return {
        "git": _git(Path(__file__).resolve()),
        "packages": _packages(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "device": _device(device),
    }


def without_credentials(text: str) -> str:
    """`text` with the user and password of every address in it taken out."""
    return re.sub(r"(?<=://)[^/\s@]+@", "", text)


def _git(file: Path) -> Git:
    """State of the repository that tracks `file`; nothing where none does (an installed copy)."""

    def ask(*words: str) -> str | None:
        command = ["git", "-C", str(file.parent), *words]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
            )
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if ask("ls-files", "--error-unmatch", file.name) is None:
        return Git()
    changes, remote = ask("status", "--porcelain"), ask("remote", "get-url", "origin")
    return Git(
        commit=ask("rev-parse", "HEAD"),
        dirty=None if changes is None else bool(changes),
        remote=None if remote is None else without_credentials(remote),
    )


def _packages() -> dict[str, str]:
    """The suite and what it depends on directly: name -> version, as installed."""
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        required = ["torch", "numpy", "scipy"]
    names = {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in required} | {_DISTRIBUTION}
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _device(name: str) -> Device:
    import torch

    kind = torch.device(name).type
    cuda = kind == "cuda"
    facts = {
        "name": torch.cuda.get_device_name(name) if cuda else platform.processor() or platform.machine(),
        "kind": kind,
        "count": torch.cuda.device_count() if cuda else 1,
        "threads": torch.get_num_threads(),
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cuda": torch.version.cuda if cuda else None,
    }
    return Device.model_validate(facts)
