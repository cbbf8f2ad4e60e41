"""Somebody's trial list: which rows are scored, what they are called, what is said of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.runner.given_list import GivenList, read_given
from benchmark.tasks import TASKS

VC = "audio_guided_vc"


def given(tmp_path: Path, *rows: str, head: str = "output,system,task", metrics: tuple[str, ...] = ()) -> GivenList:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return read_given(path, metrics)


def test_rows_of_tasks_that_are_not_ours_are_named_and_counted(tmp_path: Path) -> None:
    rows = [f"a.wav,s,{VC}", "b.wav,s,tts", "c.wav,s,tts", "d.wav,s,image_guided_cv"]
    found = given(tmp_path, *rows)
    assert [row.output for row in found.rows] == ["a.wav"]
    assert found.tasks == {VC: TASKS[VC].metrics}
    assert found.notes == (
        "2 rows of tts left out: no task of the suite.",
        "1 row of image_guided_cv left out: no task of the suite (did you mean image_guided_vc?).",
    )


def test_metrics_asked_for_by_name_judge_every_task_of_ours(tmp_path: Path) -> None:
    rows = (f"a.wav,s,{VC}", "e.png,s,face_from_voice", "b.wav,s,tts")
    found = given(tmp_path, *rows, metrics=("spksim@resemblyzer",))
    assert found.tasks == {VC: ("spksim@resemblyzer",), "face_from_voice": ("spksim@resemblyzer",)}
    assert len(found.rows) == 2


def test_a_latent_guided_voice_has_metrics_and_no_speaker_similarity(tmp_path: Path) -> None:
    (metrics,) = given(tmp_path, "a.wav,s,latent_guided_vc").tasks.values()
    assert "nisqa@nisqa.tar" in metrics
    assert not any(metric.startswith("spksim") for metric in metrics)


def test_spellings_of_one_system_are_put_together(tmp_path: Path) -> None:
    found = given(tmp_path, f"a.wav,StarGANv2-VC,{VC}", f"b.wav,starganv2_vc,{VC}", f"c.wav,AutoVC,{VC}")
    assert [row.system for row in found.rows] == ["starganv2_vc", "starganv2_vc", "AutoVC"]
    assert found.systems == {"starganv2_vc": "StarGANv2-VC", "AutoVC": "AutoVC"}
    assert found.notes == ("'StarGANv2-VC' and 'starganv2_vc' are one system.",)


def test_rows_without_a_name_are_called_by_list_and_line(tmp_path: Path) -> None:
    found = given(tmp_path, f"a.wav,s,{VC},first", f"b.wav,s,{VC},", head="output,system,task,trial")
    assert [row.trial for row in found.rows] == ["first", "mine-0003"]


def test_two_systems_may_share_a_trial_and_one_may_not_have_it_twice(tmp_path: Path) -> None:
    head = "output,system,task,trial"
    assert len(given(tmp_path, f"a.wav,s,{VC},x", f"b.wav,t,{VC},x", head=head).rows) == 2
    with pytest.raises(BenchmarkError, match=r"lines 2 and 4 are both trial 'x' of xfavot"):
        given(tmp_path, f"a.wav,XFaVoT,{VC},x", f"b.wav,t,{VC},x", f"c.wav,xfavot,{VC},x", head=head)


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (f"a.wav,,{VC}", r"mine\.csv:2: the cell of column system is empty"),
        ("a.wav,s,", r"mine\.csv:2: the cell of column task is empty"),
        ("a.wav,s,tts", r"no row can be scored\. 1 row of tts left out: .* Tasks: image_guided_vc, "),
    ],
)
def test_what_cannot_be_scored_is_said(tmp_path: Path, row: str, part: str) -> None:
    with pytest.raises(BenchmarkError, match=part):
        given(tmp_path, row)


@pytest.mark.parametrize("split", ["all", "same", "cross", "seen/same"])
def test_a_split_is_not_called_as_a_stratum(tmp_path: Path, split: str) -> None:
    with pytest.raises(BenchmarkError, match="tables call a stratum so"):
        given(tmp_path, f"a.wav,s,{VC},{split}", head="output,system,task,split")


def test_a_column_that_looks_misspelt_is_told_and_others_are_not(tmp_path: Path) -> None:
    found = given(tmp_path, f"a.wav,s,{VC},F,hello,5", head="output,system,task,source_genre,note,snr")
    assert found.notes == ("Column 'source_genre' is not read; did you mean 'source_gender'?",)


def test_ids_that_name_recordings_are_pointed_out(tmp_path: Path) -> None:
    head = "output,system,task,source,reference,source_id,target_id"
    found = given(tmp_path, f"a.wav,s,{VC},v/p262_027.wav,v/p256_1.wav,p262_027,p256", head=head)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("source_id of 1 rows is the name of its source (p262_027).")
    found = given(tmp_path, f"a.wav,s,{VC},v/p262_027.wav,v/p256_1.wav,p262,p256", head=head)
    assert found.notes == ()


def test_words_that_are_not_the_outputs_are_said(tmp_path: Path) -> None:
    head = "output,system,task,content"
    found = given(tmp_path, f"a.wav,clean,{VC},", f"b.wav,other,{VC},source.wav", head=head)
    assert found.notes == ("WER and f0_corr of other judge the files of column content, and not the outputs.",)


def test_an_output_given_twice_is_refused_by_its_lines(tmp_path: Path) -> None:
    rows = (f"a.wav,XFaVoT,{VC},", f"b.wav,XFaVoT,{VC},", f"a.wav,xfavot,{VC},")
    with pytest.raises(BenchmarkError, match="lines 2 and 4 are the same output of xfavot"):
        given(tmp_path, *rows, head="output,system,task,source")
