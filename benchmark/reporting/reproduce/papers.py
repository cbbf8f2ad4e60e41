"""The tables of both papers as data: every printed number, and which of our runs measures the same thing.

The numbers are those of `paper_tables.csv`; here stands what each of its words means to us. Where a paper gives one
number for two corpora (LRS3+Lip2Wav) there is a cell for each, because we score corpora apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmark.errors import BenchmarkError, unknown
from benchmark.reporting.paper import printed

XFAVOT_CORPORA = ("grid", "lrs3", "lip2wav", "celeba_hq", "vctk")
"""XFaVoT trains on all five at once (papers.md 1.6); its baselines take from them what they can use."""
HUMAN = "it asked people, ours is a matcher; people: `questionnaire`, `score --ratings`"


@dataclass(frozen=True)
class Measure:
    """What a paper's metric is here. paper, embedded: our key at profile paper and at the others (a pattern may end in
    `*`). ask: the key that a command names instead. unit: of the paper's number in ours. unlike: why the paper's number
    must not stand beside ours, empty where it may."""

    paper: str
    embedded: str
    ask: str = ""
    unit: float = 1.0
    unlike: str = ""


@dataclass(frozen=True)
class Cell:
    """One number of a paper's table. dataset, guidance, model, metric: as the csv writes them. value: as printed, empty
    where it is lost, NA where the paper defines none. corpus: ours at profile paper, that of the sources. crosses:
    whether its references are of another corpus; no trial list of ours has such rows. embedded: what stands for the
    corpus at any other profile, None where nothing does. train: the corpora of a run at profile paper."""

    dataset: str
    guidance: str
    model: str
    metric: str
    value: str
    note: str
    higher: bool
    task: str
    system: str
    corpus: str
    crosses: bool
    embedded: str | None
    guest: str | None
    train: tuple[str, ...]
    measure: Measure

    @property
    def number(self) -> float | None:
        """The printed number in our unit; None where there is none."""
        return None if self.value in ("", "NA") else float(self.value) * self.measure.unit


@dataclass(frozen=True)
class PaperTable:
    """One table: its title and its cells in the order of the csv."""

    name: str
    title: str
    cells: tuple[Cell, ...]


SYSTEMS = {
    "XFaVoT": "xfavot",
    "StarGANv2": "starganv2",
    "SGSIM": "sgsim",
    "AdaIN-VC": "adain_vc",
    "AdaIN-CVC": "adain_cvc",
    "Fragment-VC": "fragment_vc",
    "GroundTruth": "ground_truth",
    "A0_StarGANv2": "starganv2",
    "A0_StarGANv2VC+one-shot": "starganv2_vc:one_shot",
    "A1_joint": "xfavot:joint",
    "A2_joint+csc": "xfavot:joint_csc",
    "A3_XFaVoT": "xfavot",
    "A4_XFaVoT_no_csc": "xfavot:no_csc",
    "CAE": "cae",
    "real_pairs": "ground_truth",
    "random": "random_reference",
    "random_mapping": "cae",
}
MEASURES = {
    "FID": Measure("fid@starganv2", "fid@pocket"),
    "LPIPS": Measure("lpips@alex", "lpips@pocket"),
    "NISQA": Measure("nisqa@nisqa.tar", "nisqa@nisqa.tar"),
    "SpkSim": Measure("spksim@resemblyzer", "spksim@resemblyzer"),
    "WER": Measure("wer@espnet:*", "wer@espnet:pocket:en1", "wer@espnet:librispeech_conformer6"),
    "CPR": Measure("cpr@any", "cpr@any", unlike=HUMAN),
    "human_acc_pct": Measure("mapping@pocket", "mapping@pocket", unit=0.01, unlike=HUMAN),
    "cos_gen_vs_input_A": Measure("cos_input@own", "cos_input@own"),
    "cos_gen_vs_target_B": Measure("cos_target@own", "cos_target@own"),
    "cos": Measure("cos_random@own", "cos_random@own", unlike="the paper does not say what it mapped at random"),
    "retrieval_top5_of_500_pct": Measure("retrieval_top5@own", "retrieval_top5@own", unit=0.01),
}
_REAL_PAIRS = Measure("mapping@pocket:pairs", "mapping@pocket:pairs", unit=0.01, unlike=HUMAN)
"""Raters saw two images and heard both voices; of CAE's outputs they saw two and heard one."""
_CPR_OF_FACES = Measure("cpr@same_gender", "cpr@same_gender", unlike=HUMAN)
"""A source meets voices of one gender in the lists that profiles draw: `cpr@any` has no triplets of its own there."""
_EMBEDDED = {
    "grid": "pocket_av",
    "vctk": "pocket_voices",
    "celeba_hq": "pocket_faces",
    "voxceleb_vggface": "pocket_av_many",
}
_GUESTS = {("xfavot", corpus): "xfavot@pocket_av" for corpus in ("pocket_faces", "pocket_voices")}
"""XFaVoT learns of faces and voices together: of either alone none is trained, and the shipped one of both is tried."""
_CORPORA = {
    "GRID": ("grid",),
    "GRID?": ("grid",),
    "VCTK": ("vctk",),
    "CelebA-HQ": ("celeba_hq",),
    "LRS3+Lip2Wav": ("lrs3", "lip2wav"),
    "VCTK+CelebA-HQ": ("vctk",),
    "VoxCeleb+VGGFace": ("voxceleb_vggface",),
}
"""Dataset -> the corpora that its sources are of."""
_CPR_TASKS = {
    "audio->image": ("audio_guided_translation",),
    "image->audio": ("image_guided_vc",),
    "none": ("audio_guided_translation", "image_guided_vc"),
}
_GUIDED = {"audio_guided_translation": "audio->image", "image_guided_vc": "image->audio"}
"""The ground truth of CPR is that of either task."""
_TITLES = {
    "xfavot.table2": ("XFaVoT", "T2", "XFaVoT, Table 2: image translation"),
    "xfavot.table3": ("XFaVoT", "T3", "XFaVoT, Table 3: voice conversion"),
    "xfavot.table4": ("XFaVoT", "T4", "XFaVoT, Table 4: ablation, images (A0 to A4)"),
    "xfavot.table5": ("XFaVoT", "T5", "XFaVoT, Table 5: ablation, voices (A0 to A3)"),
    "xfavot.figure5": ("XFaVoT", "F5", "XFaVoT, Figure 5: correct pairs (CPR)"),
    "cae.table2": ("CAE", "T2", "CAE, Table 2: which face belongs to a voice"),
    "cae.table3": ("CAE", "T3", "CAE, Table 3: likeness"),
    "cae.retrieval": ("CAE", "text4.3", "CAE, section 4.3: retrieval"),
}
NAMES = tuple(_TITLES)
"""CAE's Table 1 is a network's layers and has no results (`list systems --profile paper` counts its parameters)."""


def paper_table(name: str) -> PaperTable:
    """The table of that name.

    Raises:
        BenchmarkError: unknown name; the message lists the known ones.
    """
    if name not in _TITLES:
        raise BenchmarkError(f"{unknown('table', name, NAMES)} All: {', '.join(NAMES)}.")
    paper, table, title = _TITLES[name]
    rows = [row for row in printed() if (row["paper"], row["table"]) == (paper, table)]
    return PaperTable(name, title, tuple(cell for row in rows for cell in _cells(row)))


def _cells(row: Mapping[str, str]) -> Iterator[Cell]:
    for task in _tasks(row):
        for corpus in _corpora(row["dataset"], task):
            crosses = _crosses(row["dataset"], task)
            embedded = None if crosses else _EMBEDDED.get(corpus)
            yield Cell(
                dataset=row["dataset"],
                guidance=_GUIDED[task] if row["metric"] == "CPR" else row["guidance"],
                model=row["model"],
                metric=row["metric"],
                value=row["value"],
                note=row["note"],
                higher=row["better"] != "down",
                task=task,
                system=SYSTEMS[row["model"]],
                corpus=corpus,
                crosses=crosses,
                embedded=embedded,
                guest=_GUESTS.get((SYSTEMS[row["model"]], embedded or "")),
                train=("voxceleb_vggface",) if row["paper"] == "CAE" else XFAVOT_CORPORA,
                measure=_measure(row, task),
            )


def _measure(row: Mapping[str, str], task: str) -> Measure:
    if row["model"] == "real_pairs":
        return _REAL_PAIRS
    return _CPR_OF_FACES if (row["metric"], task) == ("CPR", "audio_guided_translation") else MEASURES[row["metric"]]


def _tasks(row: Mapping[str, str]) -> tuple[str, ...]:
    if row["paper"] == "CAE":
        return ("face_from_voice",)
    if row["metric"] == "CPR":
        return _CPR_TASKS[row["guidance"]]
    guidance = "audio" if row["guidance"] == "none" else row["guidance"]  # the ground truth of table 3
    return (f"{guidance}_guided_{'translation' if row['metric'] in ('FID', 'LPIPS') else 'vc'}",)


def _crosses(dataset: str, task: str) -> bool:
    """Whether sources and references are of two corpora: a face of CelebA-HQ and a voice of VCTK."""
    return {"celeba_hq": task == "audio_guided_translation", "vctk": task == "image_guided_vc"}.get(
        _corpora(dataset, task)[0], False
    )


def _corpora(dataset: str, task: str) -> tuple[str, ...]:
    if dataset == "CelebA-HQ+VCTK":
        return ("celeba_hq",) if task.endswith("translation") else ("vctk",)
    return _CORPORA[dataset]
