"""The papers' own numbers, to stand beside ours where they measure the same thing (`paper_tables.csv`)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

_GUIDANCE = {
    "image_guided_translation": "image",
    "audio_guided_translation": "audio",
    "image_guided_vc": "image",
    "audio_guided_vc": "audio",
    "face_from_voice": "voice",
}
_DATASETS = {"grid": "GRID", "vctk": "VCTK", "celeba_hq": "CelebA-HQ", "voxceleb_vggface": "VoxCeleb+VGGFace"}
_MODELS = {
    "xfavot": "XFaVoT",
    "starganv2": "StarGANv2",
    "sgsim": "SGSIM",
    "adain_vc": "AdaIN-VC",
    "adain_cvc": "AdaIN-CVC",
    "fragment_vc": "Fragment-VC",
    "cae": "CAE",
    "ground_truth": "GroundTruth",
}
_METRICS = {
    "nisqa@nisqa.tar": "NISQA",
    "spksim@resemblyzer": "SpkSim",
    "fid@starganv2": "FID",
    "lpips@alex": "LPIPS",
    "retrieval_top5@own": "retrieval_top5_of_500_pct",
}
_FAMILIES = {"wer": "WER", "cos_input": "cos_gen_vs_input_A", "cos_target": "cos_gen_vs_target_B"}
"""Metrics whose network the papers do not name: any published one may stand beside them, ours of `pocket` may not."""
_TABLES = {("XFaVoT", "T2"), ("XFaVoT", "T3"), ("CAE", "T3"), ("CAE", "text4.3")}


def paper_value(task: str, corpus: str, system: str, metric: str) -> tuple[float | None, str]:
    """(the paper's number, why there is none although the paper has such a cell).

    Only the main comparisons count (XFaVoT tables 2 and 3, CAE table 3 and its retrieval); a system with a variant has
    no row there.
    """
    family, _, protocol = metric.partition("@")
    name = _METRICS.get(metric) or ("" if "pocket" in protocol.split(":") else _FAMILIES.get(family))
    dataset = _DATASETS.get(corpus)
    if task == "image_guided_vc" and corpus == "vctk" and system != "ground_truth":
        dataset = "VCTK+CelebA-HQ"  # VCTK has no faces: the paper takes the references from CelebA-HQ
    guidance = "none" if system == "ground_truth" else _GUIDANCE.get(task)
    value = _values().get((dataset, guidance, _MODELS.get(system), name))
    if value == "":
        return None, "the paper's value is lost"
    if value == "NA":
        return None, "not defined in the paper"
    if value is None:
        return None, ""
    return (float(value) / 100 if name and name.endswith("_pct") else float(value)), ""


@cache
def printed() -> tuple[Mapping[str, str], ...]:
    """The rows of `paper_tables.csv` as written: paper, table, dataset, guidance, model, metric, value (empty where it
    is lost, NA where the paper defines none), better (up, down, -), note."""
    text = resources.files("benchmark.reporting").joinpath("paper_tables.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _values() -> dict[tuple[str | None, str | None, str | None, str | None], str]:
    """(dataset, guidance, model, metric) -> value as written."""
    rows = (row for row in printed() if (row["paper"], row["table"]) in _TABLES)
    return {(row["dataset"], row["guidance"], row["model"], row["metric"]): row["value"] for row in rows}
