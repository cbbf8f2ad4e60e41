"""Trial lists: which source meets which reference, drawn once by a seed and then data (DESIGN.md section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from protocols.face_trials import draw_faces
from protocols.latent_voices import draw_latent_voices
from protocols.pair_trials import draw_pairs
from protocols.trial_list import FaceTrialSettings, TrialList, TrialSettings, VoiceTrialSettings
from protocols.voice_trials import draw_voices


def draw_trials(
    stores: Sequence[Store],
    task: str,
    reference: Literal["face", "voice"] | None,
    settings: TrialSettings,
    seed: int,
    repeats: int = 1,
) -> TrialList:
    """Draw the frozen list of a task over every corpus.

    Paths are those of `TrialList.path`; `TrialList.pieces` says what to write there.

    Args:
        stores: the corpora.
        task: its name, written into the rows.
        reference: what a reference is, None where there is none (latent-guided tasks).
        settings: of a task whose sources are voices or faces, or whose trials pair two people.
        seed: decides everything.
        repeats: how often a task of faces is drawn, with seeds seed, seed + 1 ... (`Trial.repeat`).

    Raises:
        BenchmarkError: not one trial can be drawn from any corpus; a corpus has fewer references than each source is
            to meet. The message has the numbers.
    """
    out = TrialList()
    if isinstance(settings, FaceTrialSettings):
        draw_faces(stores, task, reference, settings, seed, repeats, out)
    elif repeats != 1:
        raise BenchmarkError(f"{task}: trials of voices and of pairs are drawn once.")
    elif isinstance(settings, VoiceTrialSettings) and reference is None:
        draw_latent_voices(stores, task, settings, seed, out)
    elif isinstance(settings, VoiceTrialSettings):
        assert reference is not None
        draw_voices(stores, task, reference, settings, seed, out)
    else:
        draw_pairs(stores, task, settings, seed, out)
    if not out.trials:
        raise BenchmarkError(f"No trial of {task} can be drawn. {' '.join([*out.notes, *out.remarks])}")
    return out
