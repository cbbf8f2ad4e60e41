"""Names lead to what they say, and what is listed without loading is what the classes themselves say."""

from __future__ import annotations

from importlib import metadata

import pytest
import torch

from benchmark import registry
from benchmark.errors import BenchmarkError
from benchmark.registry import CORPORA, PROTOCOLS, SYSTEMS, SystemName, entries, find, parse_system
from benchmark.system import System
from benchmark.tasks import TASKS


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_what_its_entry_says(name: str) -> None:
    entry, cls = SYSTEMS[name], SYSTEMS[name].load()
    assert issubclass(cls, System)
    assert cls.tasks == set(entry.tasks) <= set(TASKS)
    assert tuple(cls.variants) == entry.variants
    with torch.device("meta"):  # frozen networks of published weights are absent here
        assert (entry.kind == "control") == (not cls(cls.Settings()).phases())


@pytest.mark.parametrize("key", PROTOCOLS)
def test_a_metric_is_what_its_entry_says(key: str) -> None:
    assert PROTOCOLS[key].load()(*PROTOCOLS[key].arguments).metrics == (key,)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_can_be_loaded(name: str) -> None:
    assert callable(CORPORA[name].load())


def test_tasks_name_what_there_is() -> None:
    for task in TASKS.values():
        assert set(task.metrics) <= set(PROTOCOLS)
        for metric in (*task.metrics, *task.published):
            assert task.name in find("protocols", metric).tasks
        for name in task.systems:
            assert task.name in find("systems", parse_system(name).base).tasks


def test_names_are_taken_apart() -> None:
    assert parse_system("adain_vc") == SystemName(None, "adain_vc", None)
    shuffled = parse_system("shuffled_reference:adain_vc:official")
    assert shuffled == SystemName("shuffled_reference", "adain_vc", "official")
    assert (shuffled.full, shuffled.network) == ("shuffled_reference:adain_vc:official", "adain_vc:official")
    assert parse_system("gender_only:adain_vc").network == "gender_only:adain_vc"
    assert parse_system("reconstructed:xfavot:joint").network == "xfavot:joint"
    away = parse_system("shuffled_reference:xfavot@pocket_av+pocket_faces")
    assert away == SystemName("shuffled_reference", "xfavot", None, "pocket_av+pocket_faces")
    assert (away.full, away.network) == (
        "shuffled_reference:xfavot@pocket_av+pocket_faces",
        "xfavot@pocket_av+pocket_faces",
    )
    assert away.at_home.full == "shuffled_reference:xfavot"
    for wrong in ("pocket_avs", ""):
        with pytest.raises(BenchmarkError, match="corpus"):
            parse_system(f"xfavot@{wrong}")


class _Point:
    """An entry point as `importlib.metadata` gives it."""

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value, self.dist, self.module = name, value, None, value.partition(":")[0]


def test_plug_ins_are_listed_and_harm_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [_Point("theirs", "no_such_package:Thing"), _Point("adain_vc", "no_such_package:Fake")]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == "benchmark.systems" else [])
    entries.cache_clear()
    try:
        assert entries("systems")["theirs"].kind == "plug-in"
        assert find("systems", "adain_vc") is SYSTEMS["adain_vc"], "a plug-in never replaces one of ours"
        with pytest.raises(BenchmarkError, match="Cannot load no_such_package:Thing"):
            registry.find("systems", "theirs").load()
    finally:
        entries.cache_clear()
