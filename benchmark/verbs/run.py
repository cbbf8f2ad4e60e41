"""`run`: train, translate, score and print one task's table; its options are `RunSettings`."""

from __future__ import annotations

from benchmark.runner.settings import RunSettings, plan


def main(settings: RunSettings) -> int:
    from benchmark.runner.run import run

    folder = run(plan(settings))
    if settings.json:
        print((folder / "table.json").read_text(encoding="utf-8"))
    else:
        print((folder / "table.md").read_text(encoding="utf-8"))
        print(f"Written to {folder}: table.md, .csv, .tex, .json, scores.jsonl, outputs.csv, run.json, media/.")
    return 0
