"""Which lines a table has."""

from __future__ import annotations

from benchmark.reporting.layout import blocks
from benchmark.reporting.schema import TableRow


def test_what_every_form_of_every_system_costs_is_said() -> None:
    """Two systems with a control of the same kind: neither hides the other's."""
    names = [form + name for name in ("a_vc:pocket", "b_vc:pocket") for form in ("", "shuffled_reference:")]
    rows = [
        TableRow(
            task="audio_guided_vc",
            corpus="pocket_av",
            system=name,
            split="all",
            metric="spksim@resemblyzer",
            value=0.5,
            low=None,
            high=None,
            n=8,
            failed=0,
            parameters=1000 + i,
            vocoder="griffin_lim",
        )
        for i, name in enumerate(names)
    ]
    (cost,) = [block for block in blocks(rows, []) if block.title == "cost"]
    assert [line[1] for line in cost.rows] == ["1,000", "1,001", "1,002", "1,003"]
    assert {line[-1] for line in cost.rows} == {"griffin_lim"}
