"""What similarities of probes and a gallery are worth: verification, choosing, retrieval. Pure maths on arrays.

A probe and a gallery item are alike by one number, larger = more alike. Ties count half everywhere.
"""

from __future__ import annotations

import numpy as np


def auc(same: np.ndarray, other: np.ndarray) -> float:
    """Chance that a pair of `same` (S,) is more alike than a pair of `other` (O,): the area under the ROC curve.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(same) or not len(other):
        raise ValueError(f"{len(same)} pairs of one person and {len(other)} of two: both are needed.")
    ordered = np.sort(other)
    below, upto = (np.searchsorted(ordered, same, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2.0 / len(other))


def eer(same: np.ndarray, other: np.ndarray) -> float:
    """Where the share of refused `same` pairs and of accepted `other` pairs meet: the mean of the two at the threshold
    at which they differ least (accepted: at least as alike as the threshold). As `auc` otherwise."""
    if not len(same) or not len(other):
        raise ValueError(f"{len(same)} pairs of one person and {len(other)} of two: both are needed.")
    thresholds = np.append(np.unique(np.concatenate([same, other])), np.inf)
    refused = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepted = 1.0 - np.searchsorted(np.sort(other), thresholds) / len(other)
    at = np.argmin(np.abs(refused - accepted))
    return float((refused[at] + accepted[at]) / 2.0)


def two_way(similarity: np.ndarray, match: np.ndarray, rival: np.ndarray) -> float:
    """Share of all triples of a probe, a match and a rival of it in which the match is more alike; chance is 0.5.

    similarity, match, rival: (P, G), the latter two bool. Probes without a match or a rival are passed over; the others
    count alike, whatever the number of their triples.

    Raises:
        ValueError: no probe has both.
    """
    shares = [
        auc(row[own], row[others])
        for row, own, others in zip(similarity, match, rival, strict=True)
        if own.any() and others.any()
    ]
    if not shares:
        raise ValueError("No probe has a match and a rival.")
    return float(np.mean(shares))


def mean_average_precision(similarity: np.ndarray, match: np.ndarray) -> float:
    """Mean over probes of the average precision of the gallery, sorted by likeness; (P, G) each, `match` bool.

    Among ties the order is the gallery's, reversed and forward, of which the mean is taken. Probes without a match are
    passed over.

    Raises:
        ValueError: no probe has a match.
    """
    found = []
    for row, own in zip(similarity, match, strict=True):
        if own.any():
            both = [own[np.argsort(-row, kind="stable")], own[::-1][np.argsort(-row[::-1], kind="stable")]]
            found.append(np.mean([(np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean() for hit in both]))
    if not found:
        raise ValueError("No probe has a match.")
    return float(np.mean(found))
