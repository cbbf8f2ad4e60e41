"""The networks in benchmark/weights/pocket are those that their profiles train."""

from __future__ import annotations

import json

import pytest

from benchmark.registry import find, parse_system
from benchmark.runner import shipped
from benchmark.runner.settings import RunSettings
from benchmark.runner.systems import build, train_settings
from benchmark.settings import load_profile


def test_what_the_repository_ships_is_what_its_profile_trains() -> None:
    """A change of profile, system or generator leaves a shipped network behind: the default run would then train."""
    paths = [path for path in shipped.FOLDER.glob("*.json") if "recipe" in json.loads(path.read_text())]
    if not paths:
        pytest.skip("no system is shipped yet")
    for path in paths:
        record = shipped.find_shipped(json.loads(path.read_text())["name"])
        assert record is not None
        name, profile = parse_system(record.name), load_profile(record.profile)
        seed = record.training["seed"]
        readers = {
            c.name: find("corpora", c.name).load()(None, seed, pool=c.name, **profile.corpora.get(c.name, {}))
            for c in record.corpora
        }
        system = build(name, profile, seed=seed)
        trainer = train_settings(name, profile, RunSettings("image_guided_vc", seed=seed))
        fingerprints = {corpus: reader.fingerprint() for corpus, reader in readers.items()}
        assert shipped.unfit(record, name, profile, trainer, system, fingerprints) is None
