"""What a linear reader of small pictures can tell about people it has never seen."""

from __future__ import annotations

import numpy as np

from benchmark.corpora.pocket.face import draw_view, render
from benchmark.corpora.pocket.identity import DRIVERS, make_identity, rng


def _pictures(pool: str, people: int, views: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 3072) of 32 x 32 pixels in 0..1 and identity vectors (N, 9)."""
    pixels, truth = [], []
    for number in range(people):
        person = make_identity(pool, number, 0)
        for view in range(views):
            picture = render(person, draw_view(rng("probe-view", person.name, view)))
            pixels.append(picture.reshape(32, 4, 32, 4, 3).mean((1, 3)).ravel() / 255.0)
            truth.append(person.vector)
    return np.array(pixels), np.array(truth)


def test_linear_probe_reads_gender_and_age_of_unseen_people(record_property) -> None:
    x, y = _pictures("probe_train", 400, 2)
    mirrored = x.reshape(-1, 32, 32, 3)[:, :, ::-1].reshape(len(x), -1)
    x, y = np.concatenate([x, mirrored]), np.concatenate([y, y])
    unseen, truth = _pictures("probe_unseen", 200, 1)
    mean = x.mean(0)
    gram = (x - mean) @ (x - mean).T
    ridge = gram + 0.02 * np.trace(gram) / len(gram) * np.eye(len(gram))
    weights = (x - mean).T @ np.linalg.solve(ridge, y - y.mean(0))
    guess = (unseen - mean) @ weights + y.mean(0)
    r2 = 1.0 - np.square(guess - truth).sum(0) / np.square(truth - truth.mean(0)).sum(0)
    scores = dict(zip(DRIVERS, r2.round(2).tolist(), strict=True))
    accuracy = float(np.mean((guess[:, 0] > 0) == (truth[:, 0] > 0)))
    record_property("r2", scores)
    print(f"gender accuracy {accuracy:.3f}, R2 {scores}")
    assert accuracy >= 0.95
    assert scores["age"] >= 0.5
    assert scores["hidden"] < 0.1  # nothing to read: the probe is honest
    assert min(scores[d] for d in DRIVERS if d != "hidden") > 0.0
