"""How often the intervals of `statistics` are wrong: made data with a true mean of 0 (docs/statistics.md).

`python -m benchmark.reporting.simulation` prints the table of that page.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from benchmark.reporting.statistics import standard_error

CHUNK = 500


@dataclass(frozen=True)
class Design:
    """`trials` over `sources` x `targets` speakers, sparse and crossed.

    even: every speaker has as many trials as any other (our lists), else they are drawn at random.
    shared: the two sides are the same speakers (sources = targets), and nobody is converted into himself.
    """

    trials: int
    sources: int
    targets: int
    even: bool = True
    shared: bool = False

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`count` lists: source and target codes, (count, trials) each, in one numbering."""
        shape = (count, self.trials)
        if self.even:
            sources = np.broadcast_to(np.arange(self.trials) % self.sources, shape)
            targets = rng.permuted(np.broadcast_to(np.arange(self.trials) % self.targets, shape), axis=1)
        else:
            sources, targets = rng.integers(0, self.sources, shape), rng.integers(0, self.targets, shape)
        if self.shared:
            shift = rng.integers(1, self.targets, shape)
            targets = np.where(sources == targets, (targets + shift) % self.targets, targets)
        return sources, targets + (0 if self.shared else self.sources)


@dataclass(frozen=True)
class Effects:
    """Shares of the variance of a score, and the correlation of one speaker's effects as source and as target."""

    source: float
    target: float
    interaction: float
    noise: float
    roles: float = 0.0

    def draw(self, sources: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Scores (R, n) of true mean 0."""
        rows = np.arange(len(sources))[:, None]
        speakers = int(targets.max()) + 1
        first = rng.standard_normal((len(sources), speakers))
        second = self.roles * first + np.sqrt(1 - self.roles**2) * rng.standard_normal(first.shape)
        pairs = sources * speakers + targets
        pair_effects = rng.standard_normal((len(sources), speakers**2))
        return np.asarray(
            np.sqrt(self.source) * first[rows, sources]
            + np.sqrt(self.target) * second[rows, targets]
            + np.sqrt(self.interaction) * pair_effects[rows, pairs]
            + np.sqrt(self.noise) * rng.standard_normal(sources.shape)
        )


def false_alarms(design: Design, effects: Effects, sets: int, seed: int, level: float = 0.95) -> float:
    """Share of `sets` null data sets whose interval leaves 0 out: 1 - level if the interval is right."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for start in range(0, sets, CHUNK):
        sources, targets = design.draw(min(CHUNK, sets - start), rng)
        scores = effects.draw(sources, targets, rng)
        error, freedom = standard_error(scores, sources, targets)
        alarms += int((np.abs(scores.mean(axis=1)) > stdtrit(freedom, (1 + level) / 2) * error).sum())
    return alarms / sets


DESIGNS = (
    Design(48, 8, 8),
    Design(96, 12, 12),
    Design(96, 16, 16),
    Design(96, 16, 32),
    Design(96, 32, 32),
    Design(192, 32, 32),
    Design(384, 64, 64),
)
EFFECTS = {
    "speakers 60 %, pairs 10 %": Effects(0.3, 0.3, 0.1, 0.3),
    "speakers 20 %, pairs 10 %": Effects(0.1, 0.1, 0.1, 0.7),
    "targets 50 %, pairs 20 %": Effects(0.0, 0.5, 0.2, 0.3),
    "no clustering": Effects(0.0, 0.0, 0.0, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=4000, help="null data sets a cell")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = [(name, effects, False) for name, effects in EFFECTS.items()]
    rows += [(f"{name}, sides shared", effects, True) for name, effects in EFFECTS.items()]
    rows += [("speakers 60 %, sides shared, roles correlated 0.5", Effects(0.3, 0.3, 0.1, 0.3, 0.5), True)]
    for even in (True, False):
        print(f"\n{'even' if even else 'random'} lists: false alarms in %, level 95 %, {options.sets} sets a cell\n")
        print("| variance | " + " | ".join(f"{d.trials}: {d.sources} x {d.targets}" for d in DESIGNS) + " |")
        print("|---" * (len(DESIGNS) + 1) + "|")
        for name, effects, shared in rows:
            cells = [_cell(design, effects, even, shared, options.sets, options.seed) for design in DESIGNS]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _cell(design: Design, effects: Effects, even: bool, shared: bool, sets: int, seed: int) -> str:
    if shared and design.sources != design.targets:
        return ""
    drawn = Design(design.trials, design.sources, design.targets, even, shared)
    return f"{100 * false_alarms(drawn, effects, sets, seed):.1f}"


if __name__ == "__main__":
    main()
