"""The seven tasks as data: what is source, what is reference, which protocols score it (no torch here)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.errors import unknown

Side = Literal["face", "voice"]

_NISQA = ("nisqa@nisqa.tar", "nisqa@nisqa_tts.tar")
_VOICE_METRICS = ("spksim@resemblyzer", "wer@espnet:pocket:en1", "f0_corr@world", "f0_target@world", *_NISQA)
_FACE_METRICS = (
    "fid@pocket",
    "kid@pocket",
    "fid@random",
    "lpips@pocket",
    "gender_flip@pocket",
    "pose_error@pocket",
)
_CPR = ("cpr@any", "cpr@same_gender")
_LIKENESS = ("cos_target", "cos_input", "cos_random")
_MATCH_METRICS = (
    *(f"{family}@pocket" for family in _LIKENESS),
    *(f"{family}@pocket:centred" for family in _LIKENESS),
    *(f"{family}@own" for family in _LIKENESS),
    *(f"retrieval_top{k}@{judge}" for judge in ("pocket", "own") for k in (1, 5, 10)),
    *(f"retrieval_top5@{judge}:source" for judge in ("pocket", "own")),
    "mapping@pocket",
    "mapping@pocket:pairs",
    "fid@pocket",
    "gender_flip@pocket",
    "pose_error@pocket",
)
_FACE_PUBLISHED = (
    "fid@starganv2",
    "fid@inception-2015",
    "kid@inception-2015",
    "lpips@alex",
    "lpips@alex:per_source",
)
_FACE_CONTROLS = ("ground_truth", "random_reference", "copy_source")
_VOICE_CONTROLS = ("ground_truth", "vocoded_ground_truth", "random_reference", "copy_source", "vocoded_copy_source")


@dataclass(frozen=True)
class Task:
    """One task. `output` has the source's modality.

    metrics: keys scored by default. published: keys scored by default besides, where a corpus takes part that is
    read from disk (their networks know photographs and are slow on a CPU). systems: names run by default; a learnt
    system stands before its own `shuffled_reference` and `gender_only` forms (DESIGN.md section 6a); `NAME@CORPUS`
    is the network that the suite ships trained there, and NAME, trained by the run, on other corpora or profiles.
    corpora: names read by default. pairs: whether a trial pairs two people of any genders, one output each
    (`protocols.pair_trials`).
    """

    name: str
    source: Side
    reference: Side | None
    summary: str
    metrics: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ("pocket_av",)
    pairs: bool = False


def _with_shuffled(name: str) -> tuple[str, ...]:
    return (name, f"shuffled_reference:{name}")


def _learnt(name: str) -> tuple[str, ...]:
    return (*_with_shuffled(name), f"gender_only:{name}")


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "image_guided_vc",
            "voice",
            "face",
            "voice conversion: a source recording in the voice that a reference face suggests",
            (*_VOICE_METRICS, *_CPR),
            (*_learnt("adain_cvc"), *_with_shuffled("xfavot"), *_VOICE_CONTROLS),
        ),
        Task(
            "audio_guided_vc",
            "voice",
            "voice",
            "one-shot voice conversion: a source recording in the voice of a reference recording",
            _VOICE_METRICS,
            (
                *_learnt("adain_vc"),
                *_with_shuffled("fragment_vc"),
                *_with_shuffled("starganv2_vc:one_shot"),
                *_with_shuffled("xfavot"),
                "world_vc",
                *_VOICE_CONTROLS,
                "copy_reference",
            ),
        ),
        Task(
            "image_guided_translation",
            "face",
            "face",
            "a source face in the style of a reference face of the other gender",
            (*_FACE_METRICS, "cos_target@pocket"),
            (*_with_shuffled("starganv2"), *_FACE_CONTROLS, "copy_reference"),
            _FACE_PUBLISHED,
            ("pocket_faces",),
        ),
        Task(
            "audio_guided_translation",
            "face",
            "voice",
            "a source face in the style of a reference recording",
            (*_FACE_METRICS, *_CPR),
            (
                *_with_shuffled("xfavot@pocket_av"),
                "reconstructed:xfavot@pocket_av",
                *_with_shuffled("cae"),
                *_with_shuffled("sgsim"),
                *_FACE_CONTROLS,
            ),
            _FACE_PUBLISHED,
            ("pocket_av_many",),
        ),
        Task(
            "latent_guided_translation",
            "face",
            None,
            "a source face in a style of the other gender drawn from the latent space",
            _FACE_METRICS,
            ("starganv2", *_FACE_CONTROLS),
            _FACE_PUBLISHED,
            ("pocket_faces",),
        ),
        Task(
            "latent_guided_vc",
            "voice",
            None,
            "a source recording in a style drawn from the latent space",
            ("wer@espnet:pocket:en1", *_NISQA),
        ),
        Task(
            "face_from_voice",
            "face",
            "voice",
            "the face of a speaker from a recording and a proposal face",
            _MATCH_METRICS,
            (
                *_with_shuffled("cae"),
                "cae:ungated",
                *_with_shuffled("voice2face"),
                *_FACE_CONTROLS,
                "mean_face",
                "gender_mean_face",
            ),
            corpora=("pocket_av_many",),
            pairs=True,
        ),
    )
}


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        BenchmarkError: unknown name, with suggestions.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]
