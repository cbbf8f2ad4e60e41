"""What the embedded corpus is worth: how voices differ, what drives them, and how far a face can know them.

All numbers are cosines, or shares of variance, of Resemblyzer embeddings (resemble-ai/Resemblyzer, package 0.1.4) and
of face pictures of 32 x 32 pixels; docs/pocket.md prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.identity import DRIVERS, Identity
from benchmark.corpora.pocket.voice import synthesise
from benchmark.errors import BenchmarkError
from benchmark.media.audio import RATE

SIDE = 32
"""Pixels of a probed picture's side."""
PICTURE_PENALTY = 0.3
"""Ridge penalty where pixels predict: they outnumber the pictures."""


@dataclass(frozen=True)
class Sample:
    """S people with U recordings each.

    sentences: U a person. voices: (S, U, 256) unit embeddings. faces: (S, P, 3072) pixels in [-1, 1] of all pictures.
    """

    people: tuple[Identity, ...]
    sentences: tuple[tuple[str, ...], ...]
    voices: np.ndarray
    faces: np.ndarray

    @property
    def vectors(self) -> np.ndarray:
        """(S, 9), columns as DRIVERS."""
        return np.stack([person.vector for person in self.people])

    def __add__(self, other: Sample) -> Sample:
        """The people of both."""
        voices, faces = (np.concatenate([getattr(s, a) for s in (self, other)]) for a in ("voices", "faces"))
        return Sample(self.people + other.people, self.sentences + other.sentences, voices, faces)


@dataclass(frozen=True)
class Row:
    """One measured number. `n` counts people."""

    table: str
    name: str
    value: float
    n: int


def embed(waves: Sequence[np.ndarray]) -> np.ndarray:
    """(N, 256) unit Resemblyzer embeddings of 24 kHz waveforms, through the package's own preprocessing."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)
    return np.stack([encoder.embed_utterance(preprocess_wav(wave, source_sr=RATE)) for wave in waves])


def gather(corpus: PocketCorpus, split: str, speakers: int, utterances: int) -> Sample:
    """The first `utterances` recordings of the first `speakers` people of a split.

    Raises:
        BenchmarkError: the pool is smaller, or has not both modalities.
    """
    by_speaker: dict[str, list[int]] = {}
    records = corpus.records()
    for i, record in enumerate(records):
        if record.split == split:
            by_speaker.setdefault(record.speaker, []).append(i)
    chosen = [rows[:utterances] for rows in list(by_speaker.values())[:speakers]]
    if len(chosen) < speakers or any(len(rows) < utterances for rows in chosen):
        raise BenchmarkError(
            f"Pool {corpus.name} has {len(by_speaker)} {split} speakers; {speakers} with {utterances} recordings asked."
        )
    waves, faces = [], []
    for i in (i for rows in chosen for i in rows):
        media = corpus.load(records[i])
        if media.wave is None or media.faces is None:
            raise BenchmarkError(f"Pool {corpus.name} has one modality only; measuring needs faces and voices.")
        waves.append(media.wave)
        blocks = media.faces.reshape(-1, SIDE, 128 // SIDE, SIDE, 128 // SIDE, 3).mean((2, 4))
        faces.append(blocks.reshape(len(blocks), -1) / 127.5 - 1.0)
    return Sample(
        tuple(corpus.identity(records[rows[0]]) for rows in chosen),
        tuple(tuple(str(records[i].transcript) for i in rows) for rows in chosen),
        embed(waves).reshape(speakers, utterances, -1),
        np.concatenate(faces).reshape(speakers, -1, faces[0].shape[1]),
    )


def without_hidden(sample: Sample) -> np.ndarray:
    """(S, U, 256): the same people say the same sentences with `hidden` at 0, that is as a face at best can tell."""
    people = [replace(person, hidden=0.0) for person in sample.people]
    waves = [synthesise(p, said, 0) for p, said_by in zip(people, sample.sentences, strict=True) for said in said_by]
    return embed(waves).reshape(sample.voices.shape)


def unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True))


def ridge(x: np.ndarray, y: np.ndarray, queries: np.ndarray, penalty: float = 0.01) -> np.ndarray:
    """Predictions (Q, K) at `queries` (Q, D) of the ridge regression of y (N, K) on x (N, D).

    In the dual, so that D may exceed N; `penalty` is relative to the mean squared norm of the centred rows of x.
    """
    centre, level = x.mean(0), y.mean(0)
    kernel = (x - centre) @ (x - centre).T
    kernel += penalty * np.trace(kernel) / len(x) * np.eye(len(x))
    return np.asarray((queries - centre) @ (x - centre).T @ np.linalg.solve(kernel, y - level) + level)


def _same_gender(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) masks: another person of the same gender, a person of the other gender."""
    gender = np.array([person.gender for person in sample.people])
    equal = gender[:, None] == gender[None]
    return equal & ~np.eye(len(gender), dtype=bool), ~equal


def cosines(sample: Sample) -> dict[str, float]:
    """Mean cosine of two utterances of the same person, of two people of a gender, and of a woman and a man."""
    pairs = np.einsum("iud,jvd->ijuv", sample.voices, sample.voices)
    other_utterance = ~np.eye(sample.voices.shape[1], dtype=bool)
    same, cross = _same_gender(sample)
    own = np.einsum("iiuv->iuv", pairs)[:, other_utterance]
    return {
        "same person": float(own.mean()),
        "same gender": float(pairs[same].mean()),
        "other gender": float(pairs[cross].mean()),
    }


def driver_shares(sample: Sample) -> dict[str, float]:
    """Share of each driver in the variance between speakers, and in all ("total"), by linear regression.

    A driver's share is the fall of the explained variance of speaker means when it is left out; the utterance noise
    that remains in the means is taken off the variance that shares refer to.
    """
    means, utterances = sample.voices.mean(1), sample.voices.shape[1]
    within = sample.voices.var(1, ddof=1).sum() / utterances / len(means)
    between = means.var(0, ddof=1).sum() - within

    def explained(columns: Sequence[int]) -> float:
        x = np.column_stack([np.ones(len(means)), sample.vectors[:, columns]])
        residual = means - x @ np.linalg.lstsq(x, means, rcond=None)[0]
        unexplained = (residual**2).sum() / (len(means) - x.shape[1])
        return float(1.0 - (unexplained - within) / between)

    everything = list(range(len(DRIVERS)))
    total = explained(everything)
    shares = {d: total - explained([c for c in everything if c != k]) for k, d in enumerate(DRIVERS)}
    return {**shares, "total": total}


def oracle(train: Sample, unseen: Sample) -> dict[str, float]:
    """Mean cosine against utterances of unseen people: of voices that are there, and of predicted embeddings.

    Predictions are ridge regressions on the training people: from the gender alone, from the visible drivers, from all,
    from pictures. A predicted embedding is a mean and so lies nearer to any utterance than an utterance does: compare
    predictions with "gender" and with "own mean" (leaving the utterance out), voices with the other voices.
    """
    voices, utterances = unseen.voices, unseen.voices.shape[1]
    means = train.voices.mean(1)
    visible = [k for k, d in enumerate(DRIVERS) if d != "hidden"]

    def against(predicted: np.ndarray) -> float:
        return float(np.einsum("sud,sd->su", voices, unit(predicted)).mean())

    def from_drivers(columns: list[int]) -> float:
        return against(ridge(train.vectors[:, columns], means, unseen.vectors[:, columns]))

    pixels = train.faces.reshape(-1, train.faces.shape[-1])
    targets = np.repeat(means, train.faces.shape[1], axis=0)
    from_pictures = ridge(pixels, targets, unseen.faces.reshape(-1, pixels.shape[1]), PICTURE_PENALTY)
    without = [np.delete(voices, u, axis=1).mean(1) for u in range(utterances)]
    own = [np.einsum("sd,sd->s", voices[:, u], unit(without[u])) for u in range(utterances)]
    shifted = np.roll(without_hidden(unseen), 1, axis=1)
    return {
        "random voice of the gender": cosines(unseen)["same gender"],
        "voice without hidden": float((voices * shifted).sum(-1).mean()),
        "another utterance": cosines(unseen)["same person"],
        "predicted from gender": from_drivers([DRIVERS.index("gender")]),
        "predicted from pictures": against(from_pictures.reshape(*unseen.faces.shape[:2], -1).mean(1)),
        "predicted from visible drivers": from_drivers(visible),
        "predicted from all drivers": from_drivers(list(range(len(DRIVERS)))),
        "own mean": float(np.mean(own)),
    }


def way(value: float, floor: float, ceiling: float) -> float:
    """How far `value` has come from `floor` to `ceiling`: 0 to 1."""
    return (value - floor) / (ceiling - floor)


def probes(train: Sample, unseen: Sample) -> dict[str, float]:
    """Linear probes on unseen people, one utterance or picture at a time: accuracy of gender, R^2 of age."""
    found = {}
    for modality in ("voices", "faces"):
        x, queries = (getattr(s, modality).reshape(-1, getattr(s, modality).shape[-1]) for s in (train, unseen))
        columns = [DRIVERS.index("gender"), DRIVERS.index("age")]
        y, truth = (np.repeat(s.vectors[:, columns], getattr(s, modality).shape[1], axis=0) for s in (train, unseen))
        guess = ridge(x, y, queries, PICTURE_PENALTY if modality == "faces" else 0.01)
        found[f"gender from {modality}, accuracy"] = float((np.sign(guess[:, 0]) == truth[:, 0]).mean())
        found[f"age from {modality}, R2"] = float(1 - ((guess[:, 1] - truth[:, 1]) ** 2).mean() / truth[:, 1].var())
    return found


def measure(seed: int = 0, speakers: int = 96, unseen: int = 32, utterances: int = 4, pictures: int = 2) -> list[Row]:
    """All tables of docs/pocket.md for `pocket_av`; `pictures` a recording; about 80 ms an utterance on one core."""
    corpus = PocketCorpus(seed=seed, frames_per_clip=pictures)
    known = gather(corpus, "train", speakers, utterances)
    held_out = gather(corpus, "unseen", unseen, utterances)
    everybody = known + held_out
    ways = oracle(known, held_out)
    tables = {
        "cosine": (cosines(everybody), everybody),
        "driver share": (driver_shares(everybody), everybody),
        "oracle": (ways, held_out),
        "probe": (probes(known, held_out), held_out),
    }
    rows = [Row(t, name, v, len(s.people)) for t, (values, s) in tables.items() for name, v in values.items()]
    floor, ceiling = ways["random voice of the gender"], ways["another utterance"]
    for name in ("voice without hidden", "predicted from visible drivers", "predicted from all drivers"):
        rows.append(Row("way from random voice to another utterance", name, way(ways[name], floor, ceiling), unseen))
    floor, ceiling = ways["predicted from gender"], ways["own mean"]
    for name in ("predicted from pictures", "predicted from visible drivers", "predicted from all drivers"):
        rows.append(Row("way from gender to own mean", name, way(ways[name], floor, ceiling), unseen))
    return rows


def report(seed: int = 0, speakers: int = 96, unseen: int = 32, utterances: int = 4, pictures: int = 2) -> str:
    """The rows of `measure` as a Markdown table."""
    rows = measure(seed, speakers, unseen, utterances, pictures)
    lines = [f"| {row.table} | {row.name} | {row.value:.3f} | {row.n} |" for row in rows]
    return "\n".join(["| table | row | value | people |", "|---|---|---|---|", *lines])
