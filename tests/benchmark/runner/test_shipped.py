"""Shipped networks: made from a training, used where a run would train the same, and told about where it would not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.starganv2.system import StarGANv2
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.registry import parse_system
from benchmark.reporting.schema import SystemFacts
from benchmark.reporting.store import RunFolder
from benchmark.reporting.tables import write_tables
from benchmark.runner import networks, run, ship, shipped
from benchmark.runner.settings import Plan, RunSettings
from benchmark.runner.settings import plan as make_plan
from benchmark.runner.systems import build
from benchmark.settings import Profile
from benchmark.system import System
from benchmark.training.checkpoint import load_trained, newest, read
from benchmark.training.log import read_losses

TASK, NETWORK, CORPUS = "image_guided_translation", "starganv2", "pocket_faces"
SMALL = {"size": 32, "width": 4, "max_width": 8, "hidden": 8, "style": 4, "latent": 4, "batch": 4}
TRAINER = {"steps": 3, "save_every": 1, "log_every": 1}


@dataclass(frozen=True)
class Bench:
    """A corpus, a profile and a folder for shipped networks, all made up, behind the names of the real ones."""

    store: Store
    folder: Path

    def profile(self, name: str = "pocket", trainer: Mapping[str, Any] = TRAINER, **settings: Any) -> Profile:
        return Profile(name, systems={NETWORK: {**SMALL, **settings, "train": dict(trainer)}})

    def plan(self, out: str, profile: Profile | None = None, *systems: str, **options: Any) -> Plan:
        names = systems or (NETWORK,)
        asked = RunSettings(TASK, names, (CORPUS,), device="cpu", out=self.folder / out, **options)
        return replace(make_plan(asked), profile=profile or self.profile())

    def found(self, plan: Plan) -> dict[str, networks.Network]:
        return networks.shipped_networks(plan, [self.store])


def with_fingerprint(store: Store, **changes: Any) -> Store:
    """The store, as a reader of such a fingerprint would have made it."""
    path = store.folder / "store.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": {"version": 1, "seed": 0, **changes}}))
    return Store(store.folder)


@pytest.fixture
def bench(tmp_path: Path, speech_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(with_fingerprint(speech_store(name=CORPUS)), tmp_path / "out")
    for module in (run, ship):
        monkeypatch.setattr(module, "open_store", lambda *_: made.store)
    monkeypatch.setattr(ship, "load_profile", made.profile)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "shipped")
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that trains leaves the training for the others."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def training(bench: Bench, kept: Path) -> Path:
    """A run folder in which the network was trained."""
    folder = bench.folder / "training"
    if not (kept / "training").exists():
        run.train_all(bench.plan("training", None, NETWORK, "copy_source"))
        shutil.copytree(folder, kept / "training")
    return shutil.copytree(kept / "training", folder, dirs_exist_ok=True)


@pytest.fixture
def checkpoint(bench: Bench, training: Path) -> Path:
    """The last of the training; its network is shipped."""
    ship.ship(training, NETWORK)
    return max(training.rglob("step-*.pt"))


def outputs(system: System) -> list[Tensor]:
    faces = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    reference = {"face128": faces.flip(0), "gender": torch.tensor([0, 1])}
    with torch.no_grad():
        return [
            system.eval().translate(task, {"face128": faces}, reference, torch.tensor([1, 2]))
            for task in (TASK, "latent_guided_translation")
        ]


def fresh(bench: Bench) -> System:
    return build(parse_system(NETWORK), bench.profile(), seed=5)


# --- what is shipped --------------------------------------------------------------------------------------------------


def test_a_shipped_network_translates_as_the_averages_of_its_checkpoint(bench: Bench, checkpoint: Path) -> None:
    trained, taken = fresh(bench), fresh(bench)
    load_trained(trained, checkpoint)
    bench.found(bench.plan("later"))[NETWORK].load(taken)
    for ours, theirs in zip(outputs(taken), outputs(trained), strict=True):
        assert ours.isfinite().all()
        assert torch.equal(ours, theirs)
    averages = read(checkpoint)["ema"]
    for module, average in averages.items():
        for name, tensor in taken.get_submodule(module).state_dict().items():
            assert torch.equal(tensor, average[name]), (module, name)
    live = build(parse_system(NETWORK), bench.profile())
    live.load_state_dict(read(checkpoint)["model"], strict=False)
    assert not torch.equal(outputs(live)[0], outputs(trained)[0]), "averages and live weights are the same here"


def test_what_only_trains_is_left_out_and_poisons_what_would_use_it(bench: Bench, checkpoint: Path) -> None:
    record = shipped.find_shipped(NETWORK)
    assert record is not None
    assert set(record.parameters) == {"generator", "mapping_network", "style_encoder"}
    system = fresh(bench)
    assert sum(record.parameters.values()) < sum(p.numel() for p in system.parameters())
    shipped.load_shipped(system, NETWORK, record)
    assert all(p.isnan().all() for p in system.get_submodule("discriminator").parameters())


def test_a_system_without_averages_is_shipped_whole() -> None:
    system = build(parse_system("adain_cvc"), Profile("pocket", systems={"adain_cvc": {"channels": 8}}))
    assert shipped.translating(system).keys() == system.state_dict().keys()


def test_the_record_says_where_the_network_comes_from(bench: Bench, checkpoint: Path) -> None:
    path = shipped.weights_file(NETWORK)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["bytes"] == path.stat().st_size
    assert record["settings"]["width"] == 4
    assert record["training"]["steps"] == 3
    assert record["seconds"] == pytest.approx(read(checkpoint)["seconds"], abs=0.06)
    assert record["corpora"][0]["fingerprint"] == {"version": 1, "seed": 0}
    assert record["corpora"][0]["sha256"] == bench.store.sha256
    assert [line["step"] for line in record["curve"]] == [0, 1, 2]
    assert "generator_latent/adversarial" in record["curve"][0]
    assert record["packages"]["torch"]
    assert "--from-scratch" in record["command"]
    assert f"ship results/{NETWORK}-pocket {NETWORK}" in record["command"]
    assert str(bench.folder) not in path.with_suffix(".json").read_text(), "a path of this machine"


def test_losses_are_thinned_evenly_with_both_ends(tmp_path: Path) -> None:
    lines = [{"step": i, "phase/loss": i / 7, "phase/lr/all": 1e-4, "steps_per_s": 3.0} for i in range(1001)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [row["step"] for row in read_losses(tmp_path)] == list(range(1001))
    for most in (2, 3, 200):
        rows = read_losses(tmp_path, most)
        assert len(rows) <= most
        assert (rows[0]["step"], rows[-1]["step"]) == (0, 1000)
    assert rows[1] == {"step": 6, "phase/loss": 0.8571}


# --- when it is used --------------------------------------------------------------------------------------------------


def test_a_run_that_would_train_the_same_takes_it(bench: Bench, checkpoint: Path) -> None:
    plan = bench.plan("later", None, NETWORK, f"shuffled_reference:{NETWORK}")
    found = bench.found(plan)
    assert found.keys() == {NETWORK}
    assert found[NETWORK].origin == "shipped"
    assert found[NETWORK].seconds == pytest.approx(read(checkpoint)["seconds"], abs=0.06)
    assert "starganv2:pocket: the shipped network" in found[NETWORK].note
    assert "last bits" not in found[NETWORK].note
    assert run.train_all(plan) == {NETWORK: shipped.weights_file(NETWORK)}
    assert not (bench.folder / "later" / "systems").exists(), "it trained all the same"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"profile": {"name": "small"}}, "it is of profile pocket, this run of small"),
        ({"seed": 1}, "seed 1 makes other people than the shipped starganv2 saw (seed 0)"),
        ({"profile": {"style": 8}}, "style 4 then, 8 now"),
        ({"profile": {"trainer": {**TRAINER, "steps": 7}}}, "otherwise: steps 3 then, 7 now"),
        ({"profile": {"trainer": {**TRAINER, "ema_start": 2}}}, "otherwise: ema_start 0 then, 2 now"),
    ],
)
def test_another_training_is_done_and_the_reason_said(
    bench: Bench, checkpoint: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], reason: str
) -> None:
    profile = bench.profile(**change.pop("profile", {}))
    assert bench.found(bench.plan("later", profile, **change)) == {}
    said = capsys.readouterr().err
    assert reason in said
    assert f"training {profile.systems[NETWORK]['train']['steps']} steps" in said


def test_what_only_says_where_and_how_often_does_not_matter(bench: Bench, checkpoint: Path) -> None:
    profile = bench.profile(trainer={**TRAINER, "save_every": 2, "log_every": 2, "placement": "host"})
    assert bench.found(bench.plan("later", profile)).keys() == {NETWORK}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "pocket_faces is not the one it was trained on: version 1 then, 2 now"),
        ({"scale": 0.5}, "scale (none) then, 0.5 now"),
    ],
)
def test_another_making_of_the_corpus_is_another_corpus(
    bench: Bench, checkpoint: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], reason: str
) -> None:
    other = replace(bench, store=with_fingerprint(bench.store, **change))
    assert other.found(other.plan("later")) == {}
    assert reason in capsys.readouterr().err


def test_another_corpus_is_said_before_its_seed(
    bench: Bench, checkpoint: Path, speech_store: Callable[..., Store], capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(bench, store=speech_store(name="celeba_hq"))
    assert other.found(other.plan("later", seed=1)) == {}
    assert "it was trained on pocket_faces, this run is on celeba_hq" in capsys.readouterr().err


def test_other_last_bits_are_a_remark_and_no_reason(bench: Bench, checkpoint: Path) -> None:
    path = bench.store.folder / "face128.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sha256": "0" * 64}))
    other = replace(bench, store=Store(bench.store.folder))
    assert "pocket_faces has other last bits here" in other.found(other.plan("later"))[NETWORK].note


def test_a_changed_recipe_makes_another_network(
    bench: Bench, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    phases = StarGANv2.phases
    monkeypatch.setattr(StarGANv2, "phases", lambda self: phases(self)[:3])
    assert bench.found(bench.plan("later")) == {}
    assert "phase generator_reference" in capsys.readouterr().err


def test_from_scratch_trains_and_the_gender_only_form_has_none(bench: Bench, checkpoint: Path) -> None:
    assert bench.found(bench.plan("later", from_scratch=True)) == {}
    assert bench.found(bench.plan("later", None, f"gender_only:{NETWORK}")) == {}


def test_a_network_that_another_run_trained_is_taken(bench: Bench, training: Path) -> None:
    checkpoint = max(training.rglob("step-*.pt"))
    plan = bench.plan("later", None, NETWORK, f"shuffled_reference:{NETWORK}", trained=(training,))
    assert run.train_all(plan) == {NETWORK: checkpoint}
    assert not (bench.folder / "later" / "systems").exists(), "it trained all the same"
    network = bench.found(plan)
    assert network == {}, "nothing is shipped"
    taken = networks.networks_of_others(plan, [bench.store])[NETWORK]
    assert taken.origin == "trained"
    assert taken.seconds == pytest.approx(read(checkpoint)["seconds"])
    assert f"trained in {training} (3 steps)" in taken.note
    with pytest.raises(BenchmarkError, match="no network of this run was trained there"):
        run.train_all(bench.plan("controls", None, "copy_source", trained=(training,)))
    other = bench.profile(style=8)
    with pytest.raises(BenchmarkError, match="style"):
        run.train_all(bench.plan("other", other, NETWORK, trained=(training,)))
    longer = bench.profile(trainer={**TRAINER, "steps": 7})
    with pytest.raises(BenchmarkError, match="is of step 3, the profile says 7"):
        run.train_all(bench.plan("longer", longer, NETWORK, trained=(training,)))
    with pytest.raises(BenchmarkError, match="--from-scratch trains every network"):
        bench.plan("both", None, NETWORK, trained=(training,), from_scratch=True)


def test_a_folder_keeps_the_network_it_began_with(bench: Bench, checkpoint: Path) -> None:
    both = (NETWORK, "copy_source")
    same = bench.plan("training", None, *both, from_scratch=True)
    assert run.train_all(same) == {NETWORK: checkpoint}, "it was begun by training"
    with pytest.raises(BenchmarkError, match=r"settings\.networks"):
        run.train_all(bench.plan("training", None, *both))
    run.train_all(bench.plan("later"))
    with pytest.raises(BenchmarkError, match=r"settings\.networks"):
        run.train_all(bench.plan("later", from_scratch=True))
    assert make_plan(RunSettings(TASK)).folder != make_plan(RunSettings(TASK, from_scratch=True)).folder


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["weights", "record", "record gone", "weights gone"])
def test_damage_is_told_with_what_mends_it(bench: Bench, checkpoint: Path, part: str) -> None:
    weights = shipped.weights_file(NETWORK)
    record = weights.with_suffix(".json")
    if part == "weights":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif part == "record":
        record.write_text(record.read_text()[:-20])
    else:
        (record if part == "record gone" else weights).unlink()
    with pytest.raises(BenchmarkError) as error:
        bench.found(bench.plan("later"))
    for word in (f"git checkout -- {weights.with_suffix('')}.json", "uv sync --reinstall-package", "--from-scratch"):
        assert word in str(error.value)
    assert bench.found(bench.plan("later", from_scratch=True)) == {}


# --- making it --------------------------------------------------------------------------------------------------------


def test_shipping_again_writes_the_same_weights(bench: Bench, checkpoint: Path, tmp_path: Path) -> None:
    path, _ = ship.ship(bench.folder / "training", NETWORK, tmp_path / "again")
    assert path.read_bytes() == shipped.weights_file(NETWORK).read_bytes()
    assert path.with_suffix(".json").read_text() == shipped.weights_file(NETWORK).with_suffix(".json").read_text()


def test_an_unfinished_training_is_not_shipped(training: Path) -> None:
    path = max(training.rglob("step-*.pt"))
    path.unlink()
    with pytest.raises(BenchmarkError, match="is of step 2, the profile says 3"):
        ship.ship(training, NETWORK)
    assert newest(path.parent) is not None
    for left in path.parent.glob("step-*.pt"):
        left.unlink()
    with pytest.raises(BenchmarkError, match="holds no checkpoint"):
        ship.ship(training, NETWORK)


def test_other_settings_than_the_profile_has_are_not_shipped(
    bench: Bench, training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "load_profile", lambda name: bench.profile(name, lambda_cyc=2.0))
    with pytest.raises(BenchmarkError, match=r"lambda_cyc 1\.0 then, 2\.0 now"):
        ship.ship(training, NETWORK)


def test_only_learnt_systems_of_the_run_on_embedded_corpora_are_shipped(training: Path) -> None:
    for other in ("adain_vc", "copy_source", f"shuffled_reference:{NETWORK}"):
        with pytest.raises(BenchmarkError, match="trains no network"):
            ship.ship(training, other)
    record = json.loads((training / "run.json").read_text())
    (training / "run.json").write_text(json.dumps({**record, "corpora": ["celeba_hq"]}))
    with pytest.raises(BenchmarkError, match="only networks of embedded corpora"):
        ship.ship(training, NETWORK)
    (training / "run.json").write_text(json.dumps({**record, "profile": "mine"}))
    with pytest.raises(BenchmarkError, match="mine, a profile of your own"):
        ship.ship(training, NETWORK)


def test_scores_of_this_network_enter_the_record_and_those_of_another_do_not(
    bench: Bench, checkpoint: Path, tmp_path: Path
) -> None:
    digest = hashlib.sha256(shipped.weights_file(NETWORK).read_bytes()).hexdigest()
    run.train_all(bench.plan("scored"))
    path, rows = bench.folder / "scored", [row("starganv2:pocket", 31.5), row("copy_source", 80.0)]
    note_facts(path, digest)
    write_tables(path, rows, [], "")
    _, record = ship.ship(bench.folder / "training", NETWORK, tmp_path / "again", scored=path)
    assert [(found["metric"], found["value"], found["n"]) for found in record.evaluation] == [("fid@pocket", 31.5, 90)]
    note_facts(path, "0" * 64)
    with pytest.raises(BenchmarkError, match="did not score this starganv2"):
        ship.ship(bench.folder / "training", NETWORK, tmp_path / "again", scored=path)


def row(system: str, value: float) -> Any:
    from benchmark.reporting.schema import TableRow

    return TableRow(
        task=TASK,
        corpus=CORPUS,
        system=system,
        split="all",
        metric="fid@pocket",
        value=value,
        low=None,
        high=None,
        n=90,
        failed=0,
    )


def note_facts(folder: Path, digest: str) -> None:
    with RunFolder(folder) as found:
        facts = {NETWORK: SystemFacts(checkpoint_sha256=digest)}
        found.write(found.read().model_copy(update={"facts": facts}))
