"""`styles` on a system trained for a moment: its table, its pictures, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.media.image import read_image
from benchmark.reporting.styles import neighbour_map

pytestmark = pytest.mark.slow


def test_a_trained_system_is_asked_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    asked = ["--task", "audio_guided_vc", "--profile", "tiny", "--out", str(run)]
    assert _exit(["train", "--systems", "xfavot", "copy_source", *asked]) == 0
    capsys.readouterr()
    assert _exit(["styles", str(run), "xfavot", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert lines == json.loads((run / "styles-xfavot.json").read_text())
    assert {(line["split"], line["probe"], line["stratum"]) for line in lines} == {
        (split, probe, stratum) for split in ("seen", "unseen") for probe in ("face", "voice") for stratum in "UG"
    }
    for line in lines:
        assert 0 <= line["value"] <= 1
        assert line["n"] >= line["people"] > 1
        assert line["chance"] == pytest.approx((2 if line["stratum"] == "G" else 1) / line["people"], rel=0.3)
    for split in ("seen", "unseen"):
        picture = read_image(run / f"styles-xfavot-pocket_av-{split}.png")
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
    assert _exit(["styles", str(run), "copy_source"]) != 0
    assert "no styles of both faces and voices" in capsys.readouterr().err
    assert _exit(["styles", str(run), "adain_vc"]) != 0
    assert "no system adain_vc; its systems are xfavot, copy_source" in capsys.readouterr().err
    record = (run / "run.json").read_text()
    for given, reason in (
        ("trained 0123456789abcdef", "took xfavot from another folder (--trained; sha256 0123456789ab)"),
        ("shipped 0123456789abcdef", "had a shipped network of xfavot (sha256 0123456789ab) that is not the one"),
    ):
        changed = json.loads(record)
        changed["settings"]["networks"] = {"xfavot": given}
        (run / "run.json").write_text(json.dumps(changed))
        assert _exit(["styles", str(run), "xfavot"]) != 0, "never the styles of another network"
        assert reason in capsys.readouterr().err.replace("\n", " ")
    (run / "run.json").write_text(record)
    for checkpoint in (run / "systems" / "xfavot").glob("*.pt"):
        checkpoint.unlink()
    assert _exit(["styles", str(run), "xfavot"]) != 0
    assert "has no weights of xfavot yet" in capsys.readouterr().err


def test_a_map_is_the_same_every_time_and_keeps_neighbours() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(6), 5)
    styles = np.eye(6, 12)[person] + 0.05 * rng.standard_normal((30, 12))
    places = neighbour_map(styles)
    assert np.array_equal(places, neighbour_map(styles))
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(30, np.inf))
    assert (person[apart.argmin(1)] == person).all()


def _exit(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)
