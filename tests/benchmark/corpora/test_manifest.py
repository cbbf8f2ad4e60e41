import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.manifest import Record, manifest_sha256, read_manifest, write_manifest
from benchmark.errors import BenchmarkError

records = st.lists(
    st.builds(
        Record,
        id=st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True),
        corpus=st.just("c"),
        speaker=st.text(min_size=1, max_size=8),
        gender=st.sampled_from([0, 1, None]),
        split=st.sampled_from(["train", "seen", "unseen"]),
        audio=st.none() | st.text(max_size=8),
        transcript=st.none() | st.text(max_size=20),
        nationality=st.none() | st.text(max_size=8),
    ),
    max_size=6,
)


@given(records)
@settings(deadline=None, max_examples=40)
def test_a_manifest_reads_as_it_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("m") / "manifest.jsonl"
    write_manifest(path, rows)
    assert read_manifest(path) == rows


def test_the_hash_sees_every_field_and_the_order():
    one, two = (Record(i, "c", "s", 0, "train", "a.wav", "a.png", "words") for i in ("a", "b"))
    changes = {
        "id": "x",
        "corpus": "d",
        "speaker": "t",
        "gender": 1,
        "split": "seen",
        "nationality": "UK",
    } | dict.fromkeys(("audio", "image", "transcript"), None)
    hashes = {manifest_sha256([replace(one, **{k: v}), two]) for k, v in changes.items()}
    hashes |= {manifest_sha256([one, two]), manifest_sha256([two, one]), manifest_sha256([one])}
    assert len(hashes) == len(changes) + 3


@pytest.mark.parametrize("name", ["", "a/b", "a b", "é", "a\n"])
def test_ids_name_files(name):
    with pytest.raises(BenchmarkError, match="ids name files"):
        Record(name, "c", "s", 0, "train")


def test_who_knows_no_nationality_has_the_manifest_of_before(tmp_path):
    known, not_known = (
        Record("a", "c", "s", 0, "train", "a.wav", nationality="UK"),
        Record("b", "c", "s", 0, "train", "b"),
    )
    write_manifest(tmp_path / "m.jsonl", [known, not_known])
    first, second = (json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines())
    assert first["nationality"] == "UK"
    assert list(second) == ["id", "corpus", "speaker", "gender", "split", "audio", "image", "transcript"]
    written = (
        '{"audio": "b", "corpus": "c", "gender": 0, "id": "b", "image": null, "speaker": "s", "split": "train", '
        '"transcript": null}\n'
    )
    assert manifest_sha256([not_known]) == hashlib.sha256(written.encode()).hexdigest()
    assert read_manifest(tmp_path / "m.jsonl") == [known, not_known]
