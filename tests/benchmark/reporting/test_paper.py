from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path

import pytest

from benchmark.reporting.paper import paper_value

SHARED = Path(__file__).parents[4] / "shared" / "reference" / "paper_tables.csv"


@pytest.mark.parametrize(
    ("task", "corpus", "system", "metric", "value"),
    [
        ("audio_guided_vc", "grid", "adain_vc", "spksim@resemblyzer", 0.75),
        ("audio_guided_vc", "vctk", "adain_vc", "nisqa@nisqa.tar", 2.99),
        ("image_guided_vc", "grid", "adain_cvc", "spksim@resemblyzer", 0.61),
        ("image_guided_vc", "vctk", "adain_cvc", "nisqa@nisqa.tar", 2.63),
        ("image_guided_vc", "grid", "xfavot", "wer@espnet:librispeech", 0.48),
        ("image_guided_vc", "vctk", "ground_truth", "spksim@resemblyzer", 0.93),
        ("audio_guided_vc", "grid", "ground_truth", "nisqa@nisqa.tar", 4.61),
        ("face_from_voice", "voxceleb_vggface", "cae", "cos_target@facenet", 0.42),
        ("face_from_voice", "voxceleb_vggface", "cae", "cos_target@own", 0.42),
        ("face_from_voice", "voxceleb_vggface", "cae", "cos_input@own", 0.32),
        ("face_from_voice", "voxceleb_vggface", "cae", "retrieval_top5@own", 0.21),
    ],
)
def test_values_are_those_of_the_papers(task: str, corpus: str, system: str, metric: str, value: float) -> None:
    assert paper_value(task, corpus, system, metric) == (value, "")


@pytest.mark.parametrize(
    ("task", "corpus", "system", "metric", "note"),
    [
        ("image_guided_translation", "grid", "xfavot", "fid@starganv2", "the paper's value is lost"),
        ("image_guided_vc", "vctk", "xfavot", "spksim@resemblyzer", "not defined in the paper"),
        ("image_guided_vc", "grid", "adain_cvc", "nisqa@nisqa_tts.tar", ""),
        ("audio_guided_vc", "grid", "adain_vc", "wer@espnet:pocket", ""),
        ("audio_guided_vc", "grid", "adain_vc", "wer@espnet:pocket:en1", ""),
        ("face_from_voice", "voxceleb_vggface", "cae", "cos_target@pocket", ""),
        ("face_from_voice", "voxceleb_vggface", "cae", "cos_target@pocket:centred", ""),
        ("face_from_voice", "voxceleb_vggface", "cae", "retrieval_top5@pocket", ""),
        ("face_from_voice", "voxceleb_vggface", "cae", "retrieval_top1@own", ""),
        ("image_guided_translation", "grid", "xfavot", "fid@pocket", ""),
        ("audio_guided_vc", "pocket", "adain_vc", "spksim@resemblyzer", ""),
        ("audio_guided_vc", "grid", "copy_source", "spksim@resemblyzer", ""),
        ("audio_guided_vc", "grid", "adain_vc:official", "spksim@resemblyzer", ""),
        ("audio_guided_vc", "grid", "adain_cvc", "spksim@resemblyzer", ""),
        ("latent_guided_vc", "grid", "xfavot", "spksim@resemblyzer", ""),
    ],
)
def test_what_the_papers_do_not_have_is_not_made_up(
    task: str, corpus: str, system: str, metric: str, note: str
) -> None:
    assert paper_value(task, corpus, system, metric) == (None, note)


def test_every_cell_we_can_ask_for_is_one_cell() -> None:
    text = resources.files("benchmark.reporting").joinpath("paper_tables.csv").read_text(encoding="utf-8")
    rows = [
        r for r in csv.DictReader(text.splitlines()) if (r["paper"], r["table"]) in {("XFaVoT", "T2"), ("XFaVoT", "T3")}
    ]
    keys = [(r["dataset"], r["guidance"], r["model"], r["metric"]) for r in rows]
    assert len(keys) == len(set(keys)) == 24 + 36


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_file(), reason="../shared/reference is not here")
def test_the_shipped_table_is_the_reference() -> None:
    ours = resources.files("benchmark.reporting").joinpath("paper_tables.csv").read_bytes()
    assert ours == SHARED.read_bytes()
