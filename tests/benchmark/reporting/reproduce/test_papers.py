"""The tables as data: every number of the csv is there once, and every claim is true of the printed numbers."""

from __future__ import annotations

import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.paper import printed
from benchmark.reporting.reproduce.claims import claims
from benchmark.reporting.reproduce.papers import NAMES, paper_table


def test_every_printed_number_of_both_papers_is_in_a_table() -> None:
    wanted = {
        (r["paper"], r["dataset"], r["model"], r["metric"], r["value"])
        for r in printed()
        if r["paper"] in ("XFaVoT", "CAE")
    }
    found = {
        ("CAE" if name.startswith("cae") else "XFaVoT", c.dataset, c.model, c.metric, c.value)
        for name in NAMES
        for c in paper_table(name).cells
    }
    assert found == wanted


@pytest.mark.parametrize("name", NAMES)
def test_claims_hold_of_the_papers_own_numbers(name: str) -> None:
    made = claims(paper_table(name))
    assert made
    for claim in made:
        first, second = claim.first.number, claim.second.number
        if first is None or second is None:
            assert "" in (claim.first.value, claim.second.value), claim.text
            continue
        gain = (first - second) * (1 if claim.first.higher else -1)
        scale = abs(second) if claim.relative else 1.0
        assert claim.least * scale < gain <= claim.most * scale, claim.text


@pytest.mark.parametrize(
    ("name", "dataset", "model", "metric", "task", "system", "corpus"),
    [
        ("xfavot.table2", "CelebA-HQ", "SGSIM", "FID", "audio_guided_translation", "sgsim", "celeba_hq"),
        ("xfavot.table3", "GRID", "GroundTruth", "SpkSim", "audio_guided_vc", "ground_truth", "grid"),
        ("xfavot.table3", "VCTK+CelebA-HQ", "AdaIN-CVC", "WER", "image_guided_vc", "adain_cvc", "vctk"),
        ("xfavot.table4", "GRID?", "A4_XFaVoT_no_csc", "LPIPS", "image_guided_translation", "xfavot:no_csc", "grid"),
        ("xfavot.table5", "GRID", "A0_StarGANv2VC+one-shot", "WER", "audio_guided_vc", "starganv2_vc:one_shot", "grid"),
        ("cae.table3", "VoxCeleb+VGGFace", "random_mapping", "cos", "face_from_voice", "cae", "voxceleb_vggface"),
    ],
)
def test_what_a_cell_is_of_ours(
    name: str, dataset: str, model: str, metric: str, task: str, system: str, corpus: str
) -> None:
    cell = next(c for c in paper_table(name).cells if (c.dataset, c.model, c.metric) == (dataset, model, metric))
    assert (cell.task, cell.system, cell.corpus) == (task, system, corpus)


def test_percents_are_in_our_unit() -> None:
    (cell,) = paper_table("cae.retrieval").cells
    assert cell.value == "21"
    assert cell.number == pytest.approx(0.21)


def test_a_dataset_of_two_corpora_has_a_cell_for_each() -> None:
    corpora = [c.corpus for c in paper_table("xfavot.table2").cells if c.dataset == "LRS3+Lip2Wav"]
    assert corpora.count("lrs3") == corpora.count("lip2wav") == 8


def test_made_faces_are_chosen_among_voices_of_one_gender() -> None:
    """The trial lists that profiles draw have no other triplets of faces, so that `cpr@any` would have no value."""
    cells = paper_table("xfavot.figure5").cells
    asked = {(c.task, c.measure.paper, c.measure.embedded) for c in cells}
    assert asked == {
        ("audio_guided_translation", "cpr@same_gender", "cpr@same_gender"),
        ("image_guided_vc", "cpr@any", "cpr@any"),
    }


def test_an_unknown_table_lists_the_known_ones() -> None:
    with pytest.raises(BenchmarkError, match=r"cae\.table1.*xfavot\.figure5.*cae\.retrieval"):
        paper_table("cae.table1")
