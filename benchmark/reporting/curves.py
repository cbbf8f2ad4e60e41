"""Loss curves in golden files: a training that goes another way is seen before its outputs are.

What is allowed is measured over trainings that differ in their seed alone: of a curve the standard deviation, of what
came of it as far as one more training would go (`reach`). The same seed with another number of threads stays inside of
both (docs/compare.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from benchmark.errors import BenchmarkError

Curves = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Network -> term of its log -> step -> value."""


def read_curves(run: Path) -> Curves:
    """The training logs of a run folder: what phases computed (`<phase>/<term>`), not how they were stepped or timed.

    Raises:
        BenchmarkError: a line of a log is broken.
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    for log in sorted(run.glob("systems/*/train.jsonl")):
        terms: dict[str, dict[int, float]] = {}
        for number, line in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                values = json.loads(line)
                step = int(values["step"])
            except (ValueError, KeyError, TypeError):
                raise BenchmarkError(f"{log}:{number} is no line of a training log: {line[:80]!r}.") from None
            for term, value in values.items():
                if "/" in term and "/lr/" not in term and "/grad_norm/" not in term:
                    terms.setdefault(term, {})[step] = float(value)
        found[log.parent.name] = terms
    return found


def spread(curves: Sequence[Curves]) -> Curves:
    """The standard deviation (n - 1) over runs, of every value that all of them have; at least two runs."""
    return {
        network: {
            term: {
                step: deviation([c[network][term][step] for c in curves])
                for step in values
                if all(step in c.get(network, {}).get(term, {}) for c in curves)
            }
            for term, values in terms.items()
        }
        for network, terms in curves[0].items()
    }


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation, in six digits: it is a tolerance."""
    return float(f"{np.std(values, ddof=1):.6g}")


def reach(values: Sequence[float]) -> float:
    """How far from one of n trainings a further one lies, in six digits: half of Student's 95 % prediction interval."""
    n = len(values)
    return float(f"{stdtrit(n - 1, 0.975) * np.sqrt(1 + 1 / n) * np.std(values, ddof=1):.6g}")


def off_curve(a: Curves, b: Curves, allowed: Curves) -> Iterator[tuple[Literal["missing", "differs"], str]]:
    """Terms of A's trainings of which B lacks values, or has some farther off than `allowed`: what is said of them."""
    for network, terms in allowed.items():
        for term, bounds in terms.items():
            ours, theirs = a.get(network, {}).get(term, {}), b.get(network, {}).get(term, {})
            where = f"{network} {term}"
            if absent := [step for step in bounds if step not in theirs]:
                yield "missing", f"{where}: no value at step {', '.join(map(str, absent))}"
            off = [s for s, bound in bounds.items() if s in theirs and not abs(theirs[s] - ours[s]) <= bound]
            if off:
                step = max(off, key=lambda s: abs(theirs[s] - ours[s]) / max(bounds[s], 1e-12))
                text = f"step {step} is {theirs[step]:.5g}, A has {ours[step]:.5g} (allowed {bounds[step]:.2g})"
                yield "differs", f"{where}: {len(off)} of {len(bounds)} values are off: {text}"
