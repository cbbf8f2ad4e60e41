from pathlib import Path

import pytest

from benchmark.corpora.folder import FolderCorpus
from benchmark.corpora.folder_table import read_table
from benchmark.corpora.prepare import prepare
from benchmark.errors import BenchmarkError


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "records.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_become_records_and_the_tree_is_not_looked_at(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/1.wav").write_bytes(b"x")
    table(
        tmp_path,
        "\ufeffSpeaker, audio ,image,gender,transcript,id\r\n"
        'anna,x/1.wav,x/1.jpg,F,"Well, yes",first\r\n'
        "\r\n"
        "ben , x/2.wav,,male,,\r\n"
        "cleo,,x/3.png,,,\r\n",
    )
    corpus = FolderCorpus(tmp_path, held_out=0)
    assert [(r.id, r.speaker, r.gender, r.audio, r.image, r.transcript) for r in corpus.records()] == [
        ("first", "anna", 0, "x/1.wav", "x/1.jpg", "Well, yes"),
        ("x_2", "ben", 1, "x/2.wav", None, None),
        ("x_3", "cleo", None, None, "x/3.png", None),
    ]
    assert corpus.notes[0].startswith("Gender not known of cleo")


def test_splits_of_the_table_are_kept(tmp_path):
    table(tmp_path, "speaker,audio,split\na,1.wav,train\na,2.wav,Seen\nb,3.wav,unseen\n")
    corpus = FolderCorpus(tmp_path)
    assert [r.split for r in corpus.records()] == ["train", "seen", "unseen"]
    table(tmp_path, "speaker,audio,split\na,1.wav,train\na,2.wav,unseen\n")
    with pytest.raises(BenchmarkError, match="a unseen in some rows only"):
        FolderCorpus(tmp_path).records()
    table(tmp_path, "speaker,audio,split\na,1.wav,unseen\n")
    with pytest.raises(BenchmarkError, match="no row is in train"):
        FolderCorpus(tmp_path).records()


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x.wav", "a/../../x.wav", "a/..", "C:\\x.wav", "C:x.wav", "\\\\host\\x", "..\\x.wav", "."],
)
@pytest.mark.parametrize("column", ["audio", "image"])
def test_paths_stay_inside(tmp_path, column, path):
    table(tmp_path, f"speaker,{column}\na,fine.wav\n\nb,{path}\n")
    with pytest.raises(BenchmarkError, match=rf"records\.csv, line 4: {column} .* (leads out of|names no file)"):
        read_table(tmp_path / "records.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"columns \(none\)\. Expected speaker"),
        ("speaker,gender\na,F\n", "columns speaker, gender. Expected speaker, and audio or image"),
        ("audio\nx.wav\n", "columns audio. Expected speaker"),
        ("speaker,audio,trascript\na,x.wav,hm\n", "columns speaker, audio, trascript"),
        ("speaker,audio,audio\na,x.wav,y.wav\n", "each once"),
        ("speaker,audio\n", "has no rows"),
        ("speaker,audio\na\n", "line 2: 1 cells where the first line names 2"),
        ("speaker,audio\na,x.wav,y\n", "line 2: 3 cells"),
        ("speaker,audio\n,x.wav\n", "line 2: no speaker"),
        ("speaker,audio,image\na,,\n", "line 2: neither audio nor image"),
        ("speaker,audio,gender\na,x.wav,woman\n", "line 2: gender 'woman'"),
        ("speaker,audio,split\na,x.wav,test\n", "line 2: split 'test'"),
        ("speaker,audio,split\na,x.wav,train\nb,y.wav,\n", "some rows name a split and some do not"),
        ("speaker,audio\na,x.wav\nb,./x.wav\n", r"line 3: x\.wav stands in line 2 already"),
        ("speaker,audio,id\na,x.wav,1\nb,y.wav,1\n", "line 3: 1 stands in line 2 already"),
        (b"speaker,audio\n\xff\xfe,x.wav\n", "is no CSV of UTF-8 text"),
        ('speaker,audio\na,"x.wav\n', "is no CSV of UTF-8 text"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(BenchmarkError, match=message):
        read_table(table(tmp_path, text))


def test_a_file_that_is_not_there_is_left_out_like_any_unreadable_one(tmp_path):
    table(tmp_path, "speaker,audio\na,x.wav\nb,y.wav\n")
    with pytest.raises(BenchmarkError, match=r"None of the 2 records of folder can be read.*x\.wav: there is no such"):
        prepare(FolderCorpus(tmp_path), jobs=1, cache=tmp_path / "cache", progress=False)


def test_the_same_table_is_the_same_corpus_wherever_it_lies(tmp_path):
    prints = []
    for name, gender in (("one", "F"), ("two", "F"), ("three", "M")):
        (tmp_path / name).mkdir()
        table(tmp_path / name, f"speaker,audio,gender\na,x.wav,{gender}\n")
        prints.append(FolderCorpus(tmp_path / name).fingerprint())
    assert prints[0] == prints[1] != prints[2]
