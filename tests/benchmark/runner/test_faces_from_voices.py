"""A run whose trials pair a face with a voice: the judge that a system brings along, references that change hands, and
the pictures of a run."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from benchmark import registry
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image, resized
from benchmark.registry import Entry
from benchmark.reporting.probes import Probe
from benchmark.runner import retrieval, run, shipped
from benchmark.runner.grid import crossed, write_grid
from benchmark.runner.networks import Network
from benchmark.runner.own_judge import write_own_judge
from benchmark.runner.retrieval import write_retrieval
from benchmark.runner.settings import Plan, RunSettings
from benchmark.runner.settings import plan as make_plan
from benchmark.runner.shelf import Shelf
from benchmark.runner.shuffling import shuffle_references
from benchmark.runner.translate import output_path, translate
from benchmark.system import FACE, Batch, Column, Draw, Optimizer, Phase, Pick, Step, System, Terms
from benchmark.tasks import TASKS
from benchmark.training.checkpoint import read
from benchmark.training.records import speaker_codes
from benchmark.upstream.face_embedding.network import FaceTrunk, FaceTrunkSettings
from benchmark.upstream.face_embedding.own import FILE, OwnJudge, read_own
from protocols.trial import Trial, read_trials
from protocols.trial_list import FaceTrialSettings, PairTrialSettings, TrialList
from protocols.trials import draw_trials

TASK, GUIDED, NETWORK, CORPUS = "face_from_voice", "audio_guided_translation", "judging", "pocket_av_many"
METRICS = ("cos_target@own", "retrieval_top1@own")
PROFILE = """
[trials.face_from_voice]
trials = 16
[systems.judging.train]
steps = 2
save_every = 1
"""


@dataclass(frozen=True)
class JudgingSettings:
    """Nothing to set."""


class Judging(System):
    """A colour matrix and the pitch of the voice as brightness; it is trained against a classifier of its own, and
    against a critic that translating does not need."""

    Settings: ClassVar[type] = JudgingSettings
    tasks = frozenset({TASK, GUIDED})
    ema = {"scaffold": 0.5}

    def __init__(self, settings: JudgingSettings, speakers: int = 0) -> None:
        super().__init__(settings, speakers)
        self.scaffold = nn.Conv2d(3, 3, 1)
        self.trunk = FaceTrunk(FaceTrunkSettings((2, 2, 2, 2, 2), embedding=4))
        self.classifier = nn.Linear(4, speakers or 3)
        self.critic = nn.Linear(4, 1)
        self.inputs = dict.fromkeys(self.tasks, ("face128", "wave24k"))
        self.output = dict.fromkeys(self.tasks, FACE)

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"all": Optimizer(("scaffold", "trunk", "classifier", "critic"))}

    def draws(self) -> Mapping[str, Draw]:
        return {"faces": Draw(4, {"face": Pick("face", ("face128",), pool="paired")})}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("learn", ("all",), "faces"),)

    def learn(self, batch: Batch, step: Step) -> Terms:
        embedding = self.trunk(self.scaffold(resized(batch["face"]["face128"], 64)))
        told = functional.cross_entropy(self.classifier(embedding), batch["face"]["speaker"])
        return {"class": told, "critic": self.critic(embedding).square().mean()}

    def own_judge(self) -> tuple[nn.Module, nn.Linear]:
        return self.trunk, self.classifier

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        wave = reference["wave24k"]
        crossings = (wave[:, 1:] * wave[:, :-1] < 0).float().mean(1)
        return torch.tanh(self.scaffold(resized(source["face128"], 64)) + 20 * crossings[:, None, None, None])


@pytest.fixture
def store(speech_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A corpus behind the name of the real one, and the system among those that are known."""
    made = speech_store(name=CORPUS)
    monkeypatch.setattr(run, "open_store", lambda *_: made)
    monkeypatch.setitem(sys.modules, "judging_system", SimpleNamespace(Judging=Judging))
    entry = Entry("judging_system:Judging", "for tests", "baseline", (TASK, GUIDED))
    monkeypatch.setitem(registry.SYSTEMS, NETWORK, entry)
    registry.entries.cache_clear()
    yield made
    registry.entries.cache_clear()


def plan(folder: Path, *systems: str, **options: Any) -> Plan:
    folder.mkdir(exist_ok=True)
    (folder / "mini.toml").write_text(PROFILE)
    names = systems or (NETWORK, f"shuffled_reference:{NETWORK}", "ground_truth", "copy_source")
    asked = RunSettings(
        TASK, names, (CORPUS,), str(folder / "mini.toml"), METRICS, device="cpu", out=folder / "run", **options
    )
    return make_plan(asked)


def same(judge: OwnJudge, system: Judging) -> bool:
    ours = {**judge.trunk.state_dict(prefix="t."), **judge.classifier.state_dict(prefix="c.")}
    theirs = {**system.trunk.state_dict(prefix="t."), **system.classifier.state_dict(prefix="c.")}
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def files(folder: Path, *patterns: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for pattern in patterns for path in folder.rglob(pattern)}


# --- the judge that a system brings along -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_asks_the_judge_of_its_learnt_system_and_goes_on_without_training(store: Store, tmp_path: Path) -> None:
    folder = run.run(plan(tmp_path))
    judge = read_own(folder / "systems" / NETWORK / FILE)
    assert list(judge.speakers) == [speaker for _, speaker in speaker_codes([store])]
    trained = Judging(JudgingSettings(), 8)
    trained.load_state_dict(read(max(folder.rglob("step-*.pt")))["model"])
    assert same(judge, trained)
    assert not same(judge, Judging(JudgingSettings(), 8))
    record = json.loads((folder / "run.json").read_text())
    # Everybody who trained is a class; a held-out speaker is none, and a cosine needs no class.
    assert record["counts"] == {
        "cos_target@own": {"planned": 64, "scored": 64, "failed": 0},
        "retrieval_top1@own": {"planned": 32, "scored": 32, "failed": 0},
    }
    assert any("has taught a contestant" in note for note in record["notes"])
    for name in ("grid.png", "trials.png", "retrieval.png"):
        assert min(read_image(folder / name).shape[:2]) > 300, name
    rows = read_trials(folder / "outputs.csv")
    own, shuffled = (
        {t.trial: (folder / t.output).read_bytes() for t in rows if t.system == s}
        for s in (NETWORK, f"shuffled_reference:{NETWORK}")
    )
    assert all(own[trial] != shuffled[trial] for trial in own), "another voice gives another face"

    before, lines = files(folder, "*.png", "step-*.pt"), (folder / "scores.jsonl").read_text()
    made = {path: at for path, at in before.items() if path.parent != folder}
    assert run.run(plan(tmp_path)) == folder
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert (folder / "scores.jsonl").read_text() == lines


def test_a_shipped_network_brings_its_judge(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    made, fresh = Judging(JudgingSettings(), 8), Judging(JudgingSettings(), 8)
    kept = shipped.translating(made)
    assert {name.split(".")[0] for name in kept} == {"scaffold", "trunk", "classifier"}
    data = save({name: tensor.contiguous() for name, tensor in kept.items()})
    shipped.weights_file(NETWORK).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    record = shipped.ShippedRecord.model_construct(name=NETWORK, sha256=digest, command="")
    shipped.load_shipped(fresh, NETWORK, record)
    assert all(p.isnan().all() for p in fresh.critic.parameters()), "what only trains is not shipped"
    network = Network(NETWORK, "shipped", shipped.weights_file(NETWORK), digest, 1.0, "", record)
    monkeypatch.setattr(run, "shipped_networks", lambda *_: {NETWORK: network})
    folder = run.run(plan(tmp_path))
    assert same(read_own(folder / "systems" / NETWORK / FILE), made)
    assert not list(folder.rglob("step-*.pt")), "it trained all the same"
    assert json.loads((folder / "run.json").read_text())["counts"]["cos_target@own"]["scored"] == 64


def test_without_such_a_system_nothing_is_asked_and_the_table_says_so(store: Store, tmp_path: Path) -> None:
    folder = run.run(plan(tmp_path, "ground_truth", "copy_source", limit=6))
    record = json.loads((folder / "run.json").read_text())
    assert {c["planned"] for c in record["counts"].values()} == {0}
    assert any("no system of this list has a classifier of its own" in note for note in record["notes"])
    assert Counter(t.split for t in read_trials(folder / "trials.csv")) == {"seen": 3, "unseen": 3}
    assert record["partial"] == [CORPUS]
    assert (folder / "retrieval.png").is_file()
    assert not (folder / "systems").exists()


def test_what_a_control_misses_is_told_before_anything_is_trained(store: Store, tmp_path: Path) -> None:
    store.index["gender"][:] = 0
    with pytest.raises(BenchmarkError, match="gender_mean_face"):
        run.run(plan(tmp_path, NETWORK, "gender_mean_face"))
    assert not list(tmp_path.rglob("step-*.pt"))


def test_a_judge_with_other_classes_than_speakers_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"with 3 classes; .* each of the 8 training speakers"):
        write_own_judge(Judging(JudgingSettings(), 3), tmp_path / "judge", [store])
    assert not (tmp_path / "judge").exists()


def test_a_list_of_pairs_is_drawn_once(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="drawn once"):
        plan(tmp_path, n_seeds=2)


# --- references that change hands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [TASK, GUIDED])
def test_voices_are_shuffled_within_split_and_gender_and_nobody_keeps_his_own(
    speech_store: Callable[..., Store], task: str
) -> None:
    store = speech_store(16, 16)
    settings = PairTrialSettings(48) if task == TASK else FaceTrialSettings(sources=6, draws=4)
    trials = draw_trials([store], task, "voice", settings, 0).trials
    shuffled = shuffle_references(trials, 0)
    owner = {t.reference: (t.split, t.target_gender, t.target_id) for t in trials}
    for before, after in zip(trials, shuffled, strict=True):
        assert owner[after.reference][:2] == (before.split, before.target_gender)
        assert owner[after.reference][2] != before.target_id == after.target_id
    assert Counter(t.reference for t in shuffled) == Counter(t.reference for t in trials)


# --- pictures of a run ------------------------------------------------------------------------------------------------


def grid(store: Store, trials: TrialList, root: Path, name: str) -> list[Trial]:
    pairs = crossed(trials.trials)
    shelf = Shelf([store], trials)
    shelf.write(root)
    system = Judging(JudgingSettings())
    assert not translate(system, "grid/j", TASKS[name], pairs, shelf, root, 0, torch.device("cpu")).failures
    write_grid(root, "grid/j", "judging:mini", pairs)
    return pairs


def test_the_grid_of_pairs_crosses_proposals_and_voices_of_both_genders(
    speech_store: Callable[..., Store], tmp_path: Path
) -> None:
    store = speech_store(24, 24)
    trials = draw_trials([store], TASK, "voice", PairTrialSettings(192), 0)
    pairs = grid(store, trials, tmp_path, TASK)
    for split in ("seen", "unseen"):
        here = [t for t in pairs if t.trial.startswith(f"{split}-")]
        assert {t.split for t in here} == {split}
        proposals = {(t.source_id, t.source_gender) for t in here}
        voices = {(t.target_id, t.target_gender, t.reference, t.other_target_face) for t in here}
        assert Counter(gender for _, gender in proposals) == {0: 3, 1: 3}
        assert Counter(gender for _, gender, _, _ in voices) == {0: 4, 1: 4}
        assert len({(t.source, t.reference) for t in here}) == len(here) == 6 * 8
        assert not {person for person, _ in proposals} & {person for person, *_ in voices}
        for person, gender, voice, face in voices:
            assert f"/{person}_" in voice
            assert f"/{person}_" in face
            assert int(person[1:]) % 2 == gender
    height, width = read_image(tmp_path / "grid.png").shape[:2]
    assert height > 7 * 100
    assert width > 2 * 9 * 100


def test_above_a_voice_stands_the_face_of_who_speaks(store: Store, tmp_path: Path) -> None:
    trials = draw_trials([store], GUIDED, "voice", FaceTrialSettings(draws=4), 0)
    pairs = grid(store, trials, tmp_path, GUIDED)
    whole = read_image(tmp_path / "grid.png").astype(int)
    for path in {t.other_target_face for t in pairs[:1]}:
        Image.new("RGB", (128, 128), (255, 0, 0)).save(tmp_path / path)
    write_grid(tmp_path, "grid/j", "judging:mini", pairs)
    changed = (np.abs(read_image(tmp_path / "grid.png").astype(int) - whole).sum(2) > 0).nonzero()
    assert len(changed[0]) > 50**2
    assert changed[0].max() < 0.4 * whole.shape[0], "the upper line alone"
    assert (tmp_path / output_path("grid/j", pairs[0])).is_file()


def noise(path: Path, seed: int) -> str:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((64, 64)).save(path)
    return path.name


def test_retrieval_names_whom_an_output_is_most_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [noise(tmp_path / f"p{i}.png", i) for i in range(8)]
    shown = [0, 1, 5, 3]  # the third output is somebody else's face
    rows = [
        Trial(
            output=faces[shown[i] if i < 4 else i],
            source=faces[-1],
            source_id="s",
            target_id=f"p{i}",
            target_gender=i % 2,
            trial=f"pocket_made-seen-{i:05d}",
            split="seen",
            other_target_face=faces[i],
        )
        for i in range(8)
    ]
    drawn: list[Probe] = []
    monkeypatch.setattr(retrieval, "write_probes", lambda path, title, probes: drawn.extend(probes))
    write_retrieval(tmp_path, "judging:mini", rows)
    assert [probe.found[0].picture.name for probe in drawn] == ["p0.png", "p1.png", "p5.png", "p3.png"]
    assert [probe.found[0].is_target for probe in drawn] == [True, True, False, True]
    assert [probe.rank.startswith(f"p{i}: 1. of 8") for i, probe in enumerate(drawn)] == [True, True, False, True]
    assert all(len(probe.found) == 5 for probe in drawn)
    assert all(found.is_target == (found.name.split()[0] == f"p{i}") for i, p in enumerate(drawn) for found in p.found)


def test_retrieval_is_not_drawn_where_its_judge_knows_nobody(tmp_path: Path) -> None:
    face = noise(tmp_path / "a.png", 0)
    row = Trial(face, "s", TASK, face, target_id="p", trial="grid-seen-0", split="seen", other_target_face=face)
    write_retrieval(tmp_path, "s", [row])
    assert not (tmp_path / "retrieval.png").exists()
