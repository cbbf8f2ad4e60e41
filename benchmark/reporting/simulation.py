"""How often the intervals of `statistics` are wrong, and the gate of `compare`: made data with a true mean of 0.

`python -m benchmark.reporting.simulation` prints the tables of docs/statistics.md, with `--gate` the last one alone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from benchmark.reporting.gate import ALPHA, detectable, holm, p_of_loss
from benchmark.reporting.statistics import standard_error

CHUNK = 500


@dataclass(frozen=True)
class Design:
    """`trials` over `sources` x `targets` speakers, sparse and crossed.

    even: every speaker has as many trials as any other (our lists), else they are drawn at random.
    shared: the two sides are the same speakers (sources = targets), and nobody is converted into himself.
    words: trials weigh 2 to 20 words, evenly drawn, and the noise of a score falls with them, as that of a WER does.
    """

    trials: int
    sources: int
    targets: int
    even: bool = True
    shared: bool = False
    words: bool = False

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

    def weights(self, count: int, rng: np.random.Generator) -> np.ndarray | None:
        """Of `count` lists, (count, trials); None where all trials count alike."""
        return rng.integers(2, 21, (count, self.trials)).astype(np.float64) if self.words else None


@dataclass(frozen=True)
class Effects:
    """Shares of the variance of a score, and the correlation of one speaker's effects as source and as target."""

    source: float
    target: float
    interaction: float
    noise: float
    roles: float = 0.0

    def draw(
        self, sources: np.ndarray, targets: np.ndarray, rng: np.random.Generator, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """Scores (R, n) of true mean 0; with weights (R, n), of mean 11, the noise's variance is 11 / weight."""
        rows = np.arange(len(sources))[:, None]
        speakers = int(targets.max()) + 1
        first = rng.standard_normal((len(sources), speakers))
        second = self.roles * first + np.sqrt(1 - self.roles**2) * rng.standard_normal(first.shape)
        pairs = sources * speakers + targets
        pair_effects = rng.standard_normal((len(sources), speakers**2))
        noise = self.noise if weights is None else self.noise * 11 / weights
        return np.asarray(
            np.sqrt(self.source) * first[rows, sources]
            + np.sqrt(self.target) * second[rows, targets]
            + np.sqrt(self.interaction) * pair_effects[rows, pairs]
            + np.sqrt(noise) * rng.standard_normal(sources.shape)
        )


def false_alarms(design: Design, effects: Effects, sets: int, seed: int, level: float = 0.95) -> float:
    """Share of `sets` null data sets whose interval leaves 0 out: 1 - level if the interval is right."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for start in range(0, sets, CHUNK):
        sources, targets = design.draw(min(CHUNK, sets - start), rng)
        weights = design.weights(len(sources), rng)
        scores = effects.draw(sources, targets, rng, weights)
        error, freedom = standard_error(scores, sources, targets, weights)
        means = np.average(scores, axis=1, weights=weights)
        alarms += int((np.abs(means) > stdtrit(freedom, (1 + level) / 2) * error).sum())
    return alarms / sets


@dataclass(frozen=True)
class Gate:
    """`compare` of pairs of runs whose differences B - A are drawn: `cells` systems and metrics of their own scores,
    each with two splits of `design` that share no speaker (the family of `changes.row_changes`)."""

    design: Design
    effects: Effects
    cells: int

    def called(self, sets: int, seed: int, loss: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Of `sets` comparisons, B worse by `loss` (a number, or one each) in one split of one cell, and equal in all
        others.

        Returns:
            (rows called worse, (sets, 2 cells) bool, the first being the one with the loss; the loss that its power is
            printed for, (sets,)).
        """
        rng, loss = np.random.default_rng(seed), np.broadcast_to(loss, (sets,))
        called, losses = [], []
        for start in range(0, sets, CHUNK):
            count, rows = min(CHUNK, sets - start), []
            worse = loss[start : start + count, None]
            for row in range(2 * self.cells):
                sources, targets = self.design.draw(count, rng)
                scores = self.effects.draw(sources, targets, rng) - worse * (row == 0)
                rows.append((scores.mean(axis=1), *standard_error(scores, sources, targets)))
            gain, error, freedom = (np.stack(part, axis=1) for part in zip(*rows, strict=True))
            called.append(holm(p_of_loss(gain, error, freedom)) <= ALPHA)
            losses.append(detectable(error[:, 0], freedom[:, 0], 2 * self.cells, tolerance=0.0))
        return np.concatenate(called), np.concatenate(losses)

    def rates(self, sets: int, seed: int) -> tuple[float, float]:
        """(share of pairs of equal runs that are called worse anywhere, share of comparisons in which the loss that
        another comparison printed is called): `sets` of each, drawn from `seed` and from the next."""
        called, losses = self.called(sets, seed)
        seen, _ = self.called(sets, seed + 1, losses)
        return float(called.any(axis=1).mean()), float(seen[:, 0].mean())

    def false_alarms(self, sets: int, seed: int) -> float:
        """The first of the two alone."""
        return float(self.called(sets, seed)[0].any(axis=1).mean())


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
    parser.add_argument("--gate", action="store_true", help="the gate's table alone")
    options = parser.parse_args()
    if not options.gate:
        _interval_tables(options)
    _gate_table(options)


def _interval_tables(options: argparse.Namespace) -> None:
    rows = [(name, effects, False) for name, effects in EFFECTS.items()]
    rows += [(f"{name}, sides shared", effects, True) for name, effects in EFFECTS.items()]
    rows += [("speakers 60 %, sides shared, roles correlated 0.5", Effects(0.3, 0.3, 0.1, 0.3, 0.5), True)]
    for even, words in ((True, False), (False, False), (True, True)):
        kind = f"{'even' if even else 'random'} lists{', trials of 2 to 20 words' if words else ''}"
        print(f"\n{kind}: false alarms in %, level 95 %, {options.sets} sets a cell\n")
        print("| variance | " + " | ".join(f"{d.trials}: {d.sources} x {d.targets}" for d in DESIGNS) + " |")
        print("|---" * (len(DESIGNS) + 1) + "|")
        for name, effects, shared in rows:
            cells = [_cell(replace(d, even=even, shared=shared, words=words), effects, options) for d in DESIGNS]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _gate_table(options: argparse.Namespace) -> None:
    sides = [Design(trials, k, k) for trials, k in ((48, 8), (96, 16), (192, 32), (384, 64))]
    print(f"\nthe gate: {options.sets} comparisons; equal runs called worse / printed losses called worse, in %\n")
    print(
        "| variance, systems x metrics | " + " | ".join(f"{d.trials}: {d.sources} x {d.targets}" for d in sides) + " |"
    )
    print("|---" * (len(sides) + 1) + "|")
    for name in ("speakers 60 %, pairs 10 %", "speakers 20 %, pairs 10 %"):
        for cells in (1, 4):
            gates = [Gate(design, EFFECTS[name], cells) for design in sides]
            rates = [gate.rates(options.sets, options.seed) for gate in gates]
            row = " | ".join(f"{100 * alarms:.1f} / {100 * power:.1f}" for alarms, power in rates)
            print(f"| {name}; {cells} | {row} |", flush=True)


def _cell(design: Design, effects: Effects, options: argparse.Namespace) -> str:
    if design.shared and design.sources != design.targets:
        return ""
    return f"{100 * false_alarms(design, effects, options.sets, options.seed):.1f}"


if __name__ == "__main__":
    main()
