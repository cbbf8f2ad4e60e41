"""How long a missing run takes: only what was measured counts, and what was not is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.reporting.reproduce.runs import find_runs
from benchmark.reporting.reproduce.times import REST, Paces, Time, duration, paces, together
from benchmark.reporting.schema import SystemFacts
from benchmark.settings import Profile, load_profile

Make = Callable[..., Path]
Document = Callable[..., dict[str, Any]]
MINE = Profile("mine", systems={"adain_vc": {"train": {"steps": 100}}, "xfavot": {"train": {"steps": 10}}})
TABLES = {"profile": {"systems": {"adain_vc": {"train": {"steps": 50}}}}}


def trained(make: Make, seconds: float, seed: int = 0, **timings: float) -> Path:
    facts = {"adain_vc": SystemFacts(network="trained", train_seconds=seconds, checkpoint_sha256=f"{seed}")}
    means = {"adain_vc": {"spksim@resemblyzer": 0.7}, "ground_truth": {"spksim@resemblyzer": 0.9}}
    return make(
        "audio_guided_vc", "pocket_av", means, seed=seed, profile="mine", facts=facts, settings=TABLES, timings=timings
    )


def measured(profile: Profile = MINE) -> Paces:
    return paces(profile, find_runs(profile.name, ()).runs)


def test_training_is_the_median_pace_times_the_steps_of_the_profile(make: Make) -> None:
    for seed, seconds in enumerate((50.0, 100.0, 400.0)):
        trained(make, seconds, seed)
    time = measured().time("audio_guided_vc", ["adain_vc", "ground_truth"], ["pocket_av"], 3)
    assert time.training == {"adain_vc": 100.0 / 50 * 100}
    assert (time.rest, time.unknown, time.text) == (None, (REST,), f"at least 3 min; not measured: {REST}")


def test_the_rest_is_that_of_the_slowest_run_a_system_without_its_training(make: Make) -> None:
    trained(make, 50.0, 0, prepare=1.0, train=999.0, translate=4.0, score=5.0)
    trained(make, 50.0, 1, prepare=1.0, train=999.0, translate=14.0, score=5.0)
    time = measured().time("audio_guided_vc", ["adain_vc", "copy_source", "ground_truth"], ["pocket_av"], 3)
    assert time.rest == 20.0 / 2 * 3
    assert time.measured == 30.0 + 100.0
    assert time.text == "about 2 min"
    assert measured().time("image_guided_vc", ["adain_cvc"], ["pocket_av"], 3).rest is None


def test_what_was_never_timed_is_named_and_no_number(make: Make) -> None:
    time = measured().time("audio_guided_vc", ["adain_vc", "xfavot:joint", "ground_truth"], ["pocket_av"], 0)
    assert time == Time({"adain_vc": None, "xfavot:joint": None}, None)
    assert time.text == "not measured"
    trained(make, 50.0)
    assert "training xfavot:joint" in measured().time("audio_guided_vc", ["xfavot:joint"], ["pocket_av"], 0).unknown


def test_a_shipped_network_that_fits_is_not_trained_and_another_seed_is() -> None:
    here = paces(load_profile("pocket"), ())
    record = json.loads(Path("benchmark/weights/pocket/starganv2.json").read_text())
    ask = ("image_guided_translation", ["starganv2"], ["pocket_faces"])
    assert here.time(*ask, 0).training == {}
    assert here.time(*ask, 1).training == {"starganv2": pytest.approx(record["seconds"])}
    assert here.time(ask[0], ask[1], ["pocket_av"], 0).training == {"starganv2": pytest.approx(record["seconds"])}
    twice = {"train": {"steps": 2 * record["training"]["steps"]}}
    longer = replace(load_profile("pocket"), systems={"starganv2": twice})
    assert paces(longer, ()).time(*ask, 0).training == {"starganv2": pytest.approx(2 * record["seconds"])}
    assert paces(load_profile("paper"), ()).time(*ask, 0).text == "not measured"


def test_together_a_network_of_one_seed_is_trained_once() -> None:
    first, second = Time({"xfavot": 100.0}, 10.0), Time({"xfavot": 100.0, "sgsim": None}, 20.0)
    assert together([(first, 0), (second, 0)]) == Time({"xfavot": 100.0, "sgsim": None}, 30.0)
    assert together([(first, 0), (first, 1)]) == Time({"xfavot": 200.0}, 20.0)
    assert together([(first, 0), (Time({}, None), 0)]).rest is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (3599, "1 h 0 min"), (6747, "1 h 52 min"), (2e5, "2 d 7 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_document_has_every_commands_time(make: Make, document: Document) -> None:
    found = document("xfavot.table5", "--profile", "pocket")
    for command in found["commands"]:
        assert command["estimate"].startswith("at least ") or command["seconds"] == 0.0
        assert any("xfavot:joint" in what for what in command["not_measured"])
    assert found["time"]["seconds"] > 0
