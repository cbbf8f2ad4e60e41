"""What `list` shows leads somewhere."""

from __future__ import annotations

from benchmark.listing import rows
from benchmark.registry import FAMILIES, find


def test_every_metric_is_listed_and_families_show_how_they_begin() -> None:
    names = [row["name"] for row in rows("metrics")]
    begun = {name.removesuffix("...") for name in names if name.endswith("...")}
    assert begun == set(FAMILIES)
    for name in names:
        assert find("protocols", name).summary
