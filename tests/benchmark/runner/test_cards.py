"""The cards in docs/ are what the code says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.registry.networks import CORPORA
from benchmark.registry.systems import SYSTEMS
from benchmark.runner.cards import TERMS, corpora_page, systems_page

CARDS = Path(__file__).parents[3] / "docs/cards"


@pytest.mark.parametrize(("name", "make"), [("systems.md", systems_page), ("corpora.md", corpora_page)])
def test_a_card_is_not_stale(name: str, make: Callable[[], str]) -> None:
    assert (CARDS / name).read_text() == make(), "make it again: python -m benchmark.runner.cards docs/cards"


def test_every_name_has_a_card_and_every_real_corpus_its_terms() -> None:
    systems, corpora = ((CARDS / name).read_text() for name in ("systems.md", "corpora.md"))
    assert all(f"\n## {name}\n" in systems for name in SYSTEMS)
    assert all(f"\n### {name}\n" in corpora or f"| `{name}` |" in corpora for name in CORPORA)
    assert set(TERMS) == {name for name in CORPORA if not name.startswith("pocket")}
