"""Figures are drawn from the numbers they stand for, and are well-formed parts of a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmark.reporting.html.collect import Training
from benchmark.reporting.html.figures import COLOURS, Spread, curves, distribution
from benchmark.reporting.html.svg import INK

SVG = "{http://www.w3.org/2000/svg}"


def heights(svg: str, colour: str) -> list[float]:
    """Of the filled outline of a colour: how far each of its points stands above its lowest."""
    path = next(p for p in re.findall(r'<path d="([^"]+)"[^>]*style="fill: ([^;"]+)', svg) if p[1] == colour)[0]
    y = [float(v) for v in re.findall(r"[ML] [-\d.]+ ([-\d.]+)", path)]
    return [max(y) - v for v in y]


def spread(name: str, kind: str, values: np.ndarray) -> Spread:
    return Spread(name, kind, values, float(values.mean()), float(values.mean()) - 0.1, float(values.mean()) + 0.1)


def test_a_histogram_is_of_its_own_scores() -> None:
    rng = np.random.default_rng(0)
    even, two = rng.uniform(0, 1, 2000), np.repeat([0.1, 0.9], 1000)
    svg = str(distribution("m@x", [spread("even", "network", even), spread("two", "fixed", two)]))
    flat, peaks = heights(svg, COLOURS["network"]), heights(svg, COLOURS["fixed"])
    assert max(peaks) > 10 * max(flat)
    assert sum(h > 0.5 * max(peaks) for h in peaks) == 4  # two bars of two corners
    assert "even 0.2" in svg  # quartiles, for those who do not see it
    assert "two 0.1 0.5 0.9" in svg


def test_one_far_off_score_does_not_squash_the_others() -> None:
    values = np.append(np.linspace(0, 1, 999), 1e6)
    svg = str(distribution("m", [spread("s", "network", values)]))
    assert sum(h > 0 for h in heights(svg, COLOURS["network"])) > 40


def test_names_are_shown_as_they_are() -> None:
    svg = str(distribution("m", [spread("a$b$ <i>&", "control", np.arange(5.0))]))
    root = ElementTree.fromstring(svg)
    assert "a$b$ <i>&" in {t.text for t in root.iter(f"{SVG}text")}
    assert INK not in svg
    assert "currentColor" in svg
    assert root.get("role") == "img"
    assert "a$b$ <i>&" in str(root.get("aria-label"))


def test_constant_scores_and_missing_means_can_be_drawn() -> None:
    svg = str(distribution("m", [Spread("s", "fixed", np.zeros(3), None, None, None)]))
    assert ElementTree.fromstring(svg) is not None


def test_ids_are_unlike_those_of_other_figures() -> None:
    values = np.arange(5.0)
    first, second = (str(distribution(m, [spread("s", "network", values)])) for m in ("a", "b"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("n", [1, 2, 5000])
def test_curves_have_a_panel_a_term(n: int) -> None:
    points = [(float(i), 2.0 - i / n) for i in range(n)]
    svg = str(curves(Training("net", "train.jsonl", {f"phase/{k}": points for k in "abcd"})))
    said = {t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert {f"phase/{k}" for k in "abcd"} <= said
    assert f"from 2 to {2.0 - (n - 1) / n:.3g}" in svg
    assert len(svg) < 60_000
