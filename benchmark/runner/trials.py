"""The trial list of a run: settings from the profile, drawn or found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.reporting.store import RunFolder
from benchmark.runner.settings import Plan
from benchmark.settings import make
from protocols.trial import read_trials, trials_sha256, write_trials
from protocols.trial_list import (
    TESTED,
    FaceTrialSettings,
    PairTrialSettings,
    TrialList,
    TrialSettings,
    VoiceTrialSettings,
)
from protocols.trials import draw_trials


def trial_settings(plan: Plan) -> TrialSettings:
    """The profile's table of the task, cut to the limit of the command line.

    Raises:
        BenchmarkError: a key that the table may not have; a limit below one source a split and direction.
    """
    task, limit = plan.task.name, plan.settings.limit
    table, where = plan.profile.trials.get(task, {}), f"profile {plan.profile.name}, trials.{task}"
    if plan.task.source == "voice":
        voices = make(VoiceTrialSettings, table, where)
        return voices if limit is None else replace(voices, trials=min(limit, voices.trials))
    if plan.task.pairs:
        pairs = make(PairTrialSettings, table, where)
        return pairs if limit is None else replace(pairs, trials=min(limit, pairs.trials))
    faces = make(FaceTrialSettings, table, where)
    if limit is None:
        return faces
    directions = 4 if faces.genders == "both" else 2
    least = faces.draws * len(TESTED) * directions * plan.settings.n_seeds
    if limit < least:
        raise BenchmarkError(
            f"--limit {limit}: {task} draws {faces.draws} outputs of a source, in 2 splits, {directions} directions "
            f"and {plan.settings.n_seeds} repeats; the least is {least}."
        )
    return replace(faces, sources=min(limit // least, faces.sources or limit))


def draw(plan: Plan, stores: Sequence[Store], folder: RunFolder) -> TrialList:
    """Draw the frozen list and write it, or see that the one which lies here is the same.

    Raises:
        BenchmarkError: another list lies here (of other code, or edited); its media and scores are not this one's.
    """
    options = plan.settings
    trials = draw_trials(
        stores, plan.task.name, plan.task.reference, trial_settings(plan), options.seed, options.n_seeds
    )
    if options.limit is not None:
        trials.notes.append(f"limited to {options.limit} trials per corpus")
    if folder.trials.is_file() and trials_sha256(read_trials(folder.trials)) != trials_sha256(trials.trials):
        raise BenchmarkError(
            f"{folder.trials} is another trial list than this version draws. Name another folder with --out, or remove "
            f"{folder.path}."
        )
    write_trials(folder.trials, trials.trials)
    return trials
