"""`xfavot@pocket_av`: the shipped network of one corpus in a run on another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.runner import networks, run
from benchmark.runner.settings import Plan, RunSettings, plan
from benchmark.runner.systems import display_name

TASK = "audio_guided_translation"
NAME = "cae@pocket_av_many"


def asked(tmp_path: Path, *systems: str, corpus: str = "pocket_av", **options: object) -> Plan:
    return plan(RunSettings(TASK, systems, (corpus,), device="cpu", out=tmp_path / "run", **options))  # type: ignore[arg-type]


@pytest.fixture
def elsewhere(speech_store: Callable[..., Store]) -> Store:
    return speech_store(name="pocket_av")


def test_the_shipped_network_is_found_with_its_own_people(tmp_path: Path, elsewhere: Store) -> None:
    made = asked(tmp_path, NAME, f"shuffled_reference:{NAME}", seed=3)
    found = networks.shipped_networks(made, [elsewhere])
    assert list(found) == [NAME]
    assert found[NAME].origin == "shipped"
    assert "cae:pocket@pocket_av_many: the shipped network" in found[NAME].note
    assert "its corpus is none of this run's" in found[NAME].note
    assert display_name(made.systems[1], made.profile) == "shuffled_reference:cae:pocket@pocket_av_many"
    system = networks.fresh(made.systems[0], made, [elsewhere], found[NAME])
    found[NAME].load(system)
    judge = system.own_judge()
    assert judge is not None
    assert judge[1].out_features == 200, "not as many classes as people of its training"
    assert all(value.isfinite().all() for value in judge[1].state_dict().values())


def test_it_is_taken_with_from_scratch_too(tmp_path: Path, elsewhere: Store) -> None:
    assert list(networks.shipped_networks(asked(tmp_path, NAME, from_scratch=True), [elsewhere])) == [NAME]


@pytest.mark.parametrize(
    ("name", "corpus", "message"),
    [
        ("cae@pocket_faces", "pocket_av", "trained on pocket_av_many"),
        (NAME, "pocket_av_many", "reads pocket_av_many itself; on it alone the name is cae"),
        ("gender_only:xfavot@pocket_av", "pocket_av_many", "no gender_only:xfavot is shipped"),
    ],
)
def test_what_is_not_so_is_refused(
    name: str, corpus: str, message: str, tmp_path: Path, speech_store: Callable[..., Store]
) -> None:
    with pytest.raises(BenchmarkError, match=message):
        networks.shipped_networks(asked(tmp_path, name, corpus=corpus), [speech_store(name=corpus)])


def test_another_profile_has_no_such_network(tmp_path: Path, elsewhere: Store) -> None:
    with pytest.raises(BenchmarkError, match="it is of profile pocket, this run of tiny"):
        networks.shipped_networks(asked(tmp_path, NAME, profile="tiny"), [elsewhere])


def test_what_learns_nothing_has_no_home(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="copy_source is not trained by the suite"):
        run.train_all(asked(tmp_path, "copy_source@pocket_faces"))


def test_default_tables_hold_it_only_where_it_is_shipped_for() -> None:
    def homes(**options: object) -> set[str | None]:
        return {name.home for name in plan(RunSettings(TASK, **options)).systems}  # type: ignore[arg-type]

    assert homes() == {None, "pocket_av"}
    for options in ({"profile": "tiny"}, {"corpus": ("pocket_av",)}, {"from_scratch": True}):
        assert homes(**options) == {None}
    names = [name.full for name in plan(RunSettings(TASK, profile="tiny")).systems]
    assert {"xfavot", "shuffled_reference:xfavot"} <= set(names)


@pytest.mark.parametrize(
    ("systems", "held"),
    [
        (("xfavot", "shuffled_reference:xfavot"), "xfavot:pocket (asr_network, f0_network)"),
        (("sgsim", "cae"), "sgsim:pocket (generator, space); cae:pocket (voice_network)"),
        (("cae:ungated", "gender_only:cae", "copy_source", NAME), None),
    ],
)
def test_frozen_networks_of_embedded_people_are_named_where_strangers_come(
    systems: tuple[str, ...], held: str | None, tmp_path: Path
) -> None:
    for corpus, home in ((f"folder={tmp_path}", False), ("pocket_av_many", True)):
        made = asked(tmp_path, *(name for name in systems if not home or "@" not in name), corpus=corpus)
        session = run._Session(made, [])
        said = run._small_networks_abroad(session)
        assert len(said) == (held is not None and not home)
        assert all(line.startswith("folder is read through") and f": {held}. " in line for line in said)
        session.absent |= dict.fromkeys((system.network for system in made.systems), "cannot be fed here")
        assert not run._small_networks_abroad(session), "of rows that all fail there is nothing to say"
