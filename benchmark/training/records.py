"""The records of several stores under one numbering, and which of them training may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.corpora.manifest import SPLITS, Split
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.features import Feature

GENDERS = {-1: "unknown", 0: "female", 1: "male"}


def speaker_codes(stores: Sequence[Store], splits: Sequence[Split] = ("train",)) -> dict[tuple[str, str], int]:
    """(corpus, speaker) -> code of everybody with a training record: first those of whom one is heard, 0..S-1, for whom
    systems have heads, then those who are only seen; by first appearance."""
    heard: dict[tuple[str, str], bool] = {}
    for store in stores:
        for record, audible in zip(store.records, store.index["audio"], strict=True):
            if record.split in splits:
                who = record.corpus, record.speaker
                heard[who] = heard.get(who, False) or bool(audible)
    ordered = sorted(heard, key=lambda who: not heard[who])
    return {who: code for code, who in enumerate(ordered)}


def heard_speakers(stores: Sequence[Store]) -> int:
    """S: how many people have a training recording, and so the size of speaker heads."""
    records = ((r, audible) for store in stores for r, audible in zip(store.records, store.index["audio"], strict=True))
    return len({(r.corpus, r.speaker) for r, audible in records if r.split == "train" and audible})


class Records:
    """Record `i` of store `s` has number `first[s] + i`; all arrays are over these numbers.

    Attributes:
        gender: (R,) int64, 0 = female, 1 = male, -1 = unknown.
        speaker: (R,) int64, the code of `speaker_codes`, -1 where the speaker has no training record.
        training: (R,) bool, whether a batch may hold the record.
        present: modality -> (R,) bool.
        speakers: S.
    """

    def __init__(self, stores: Sequence[Store], splits: Sequence[Split] = ("train",)) -> None:
        """Raises BenchmarkError: no store, no training record, or a speaker held out in one store and trained on in
        another, or of two genders."""
        if not stores:
            raise BenchmarkError("Training needs at least one prepared corpus, got none.")
        self.stores = tuple(stores)
        self.first = np.cumsum([0, *(len(store.records) for store in stores)])
        codes = speaker_codes(stores, splits)
        self.speakers = len(codes)
        everyone = [record for store in stores for record in store.records]
        self.ids = [record.id for record in everyone]
        self.speaker = np.array([codes.get((r.corpus, r.speaker), -1) for r in everyone], np.int64)
        self.gender = np.concatenate([store.index["gender"] for store in stores])
        split = np.concatenate([store.index["split"] for store in stores])
        self.training = np.isin(split, [SPLITS.index(s) for s in splits])
        self.present = {m: np.concatenate([store.index[m] for store in stores]) for m in ("face", "audio")}
        if not self.training.any():
            raise BenchmarkError(f"No record of {self.corpora} is in split {' or '.join(splits)}. Prepare it again.")
        held_out = (split == SPLITS.index("unseen")) & (self.speaker >= 0)
        if "unseen" not in splits and held_out.any():
            record = everyone[int(np.argmax(held_out))]
            raise BenchmarkError(
                f"Speaker {record.speaker} of {record.corpus} is held out in one store and trained on in another "
                f"(record {record.id}). Prepare both with the same seed and splits."
            )
        self.gender_of = np.full(self.speakers, -1, np.int64)
        self.gender_of[self.speaker[self.training]] = self.gender[self.training]
        mixed = self.training & (self.gender_of[self.speaker] != self.gender)
        if mixed.any():
            record = everyone[int(np.argmax(mixed))]
            raise BenchmarkError(
                f"Speaker {record.speaker} of {record.corpus} has records of different gender, for one "
                f"{record.id} ({GENDERS[-1 if record.gender is None else record.gender]}). Mend the manifest."
            )

    @property
    def corpora(self) -> str:
        return ", ".join(store.corpus for store in self.stores)

    def offsets(self, feature: Feature) -> np.ndarray:
        """(R + 1,) int64: record r owns rows offsets[r]:offsets[r + 1] of all stores' rows laid end to end.

        Raises:
            BenchmarkError: a store does not hold the feature.
        """
        parts, total = [np.zeros(1, np.int64)], 0
        for store in self.stores:
            own = store.flat(feature)[1]
            parts.append(own[1:] + total)
            total += int(own[-1])
        return np.concatenate(parts)

    def names(self, numbers: np.ndarray) -> list[str]:
        """Ids of records, each once, in order of appearance."""
        return list(dict.fromkeys(self.ids[int(n)] for n in numbers.reshape(-1)))


def wanted(features: Mapping[str, Feature], keys: Sequence[str]) -> dict[str, Feature]:
    """The features of those keys.

    Raises:
        BenchmarkError: one is not in the catalogue.
    """
    missing = [key for key in keys if key not in features]
    if missing:
        raise BenchmarkError(f"No feature is called {', '.join(missing)}. Known: {', '.join(sorted(features))}.")
    return {key: features[key] for key in keys}
