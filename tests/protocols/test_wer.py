"""WER as a protocol: word errors over words of the row, with what a recogniser hears put in by hand."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from benchmark import registry
from benchmark.errors import BenchmarkError
from protocols.protocol import Remarking
from protocols.trial import Score, Trial
from protocols.wer import Wer, word_errors

KEY = "wer@espnet:pocket:en1"


class Recogniser:
    """Hears the words that belong to the loudness of a wave; calls are counted."""

    rate = 16000

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.words = {1: "BIN BLUE", 2: "Lay, green; at the <sos/eos> end!", 3: "", 4: "a b c d e f g"}

    def transcribe(self, waves: Sequence[np.ndarray]) -> list[str]:
        loudness = [round(float(np.abs(wave).max()) * 10) for wave in waves]
        self.heard += loudness
        return [self.words[level] for level in loudness]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Recogniser:
    stand_in = Recogniser()
    monkeypatch.setattr("protocols.wer.recogniser", lambda model: stand_in)
    return stand_in


def sound(path: Path, level: int, rate: int = 16000, seconds: float = 0.5) -> str:
    soundfile.write(path, np.full(round(seconds * rate), level / 10), rate, subtype="FLOAT")
    return path.name


def row(output: str, transcript: str, trial: str = "0", content: str = "") -> Trial:
    return Trial(output=output, content=content, system="s", task="image_guided_vc", trial=trial, transcript=transcript)


def test_it_is_a_protocol_with_one_key() -> None:
    protocol: Remarking = Wer()
    assert protocol.metrics == Wer("pocket").metrics == Wer("pocket:en1").metrics == (KEY,)
    assert protocol.weights == ("pocket/recogniser.safetensors",)
    assert Wer("librispeech_conformer6").metrics == ("wer@espnet:librispeech_conformer6:en1",)
    assert Wer("librispeech_conformer6").weights == ("espnet/librispeech_conformer6.zip",)


@pytest.mark.parametrize(
    ("transcript", "hypothesis", "errors", "words"),
    [
        ("a b c", "a b c", 0, 3),
        ("a b c", "", 3, 3),
        ("a b c", "a x c", 1, 3),
        ("a b c", "b c", 1, 3),
        ("a", "x y z", 3, 1),
        ("a b c d", "b c d e", 2, 4),
    ],
)
def test_word_errors(transcript: str, hypothesis: str, errors: int, words: int) -> None:
    assert word_errors(transcript, hypothesis) == (errors, words)


def test_a_row_is_judged_by_its_words(tmp_path: Path, network: Recogniser) -> None:
    names = {level: sound(tmp_path / f"{level}.wav", level) for level in (1, 2, 3, 4)}
    rows = [
        row(names[1], "Bin, blue!", "0"),
        row(names[1], "bin green at", "1"),
        row(names[2], "lay green at the end", "2"),
        row(names[3], "bin", "3"),
        row(names[4], "a", "4"),
    ]
    found = list(Wer().score(rows, tmp_path))
    assert [s.trial for s in found] == list("01234")
    assert {s.metric for s in found} == {KEY}
    assert [s.value for s in found] == pytest.approx([0.0, 2 / 3, 2 / 5, 1.0, 6.0])
    assert [s.weight for s in found] == [2.0, 3.0, 5.0, 1.0, 1.0]
    mean = np.average([s.value or 0.0 for s in found], weights=[s.weight or 0.0 for s in found])
    assert mean == pytest.approx((0 + 2 + 2 + 1 + 6) / 12), "the weighted mean is the WER of all words together"


def test_the_words_of_a_ground_truth_are_the_sources(tmp_path: Path, network: Recogniser) -> None:
    other, source = sound(tmp_path / "other.wav", 4), sound(tmp_path / "source.wav", 1)
    (score,) = Wer().score([row(other, "bin blue", content=source)], tmp_path)
    assert score.value == 0.0
    assert network.heard == [1]


def test_rows_without_words_or_sound_have_no_score(tmp_path: Path, network: Recogniser) -> None:
    name = sound(tmp_path / "a.wav", 1)
    rows = [
        row("a.png", "bin"),
        row(name, ""),
        row(name, " ... !"),
        row(name, "bin blue", "3"),
        row(name, "x", "4", "b.jpg"),
    ]
    assert [s.trial for s in Wer().score(rows, tmp_path)] == ["3"]


def test_every_other_row_gets_a_score_or_says_why_not(tmp_path: Path, network: Recogniser) -> None:
    sound(tmp_path / "good.wav", 1)
    sound(tmp_path / "slow.wav", 1, rate=8000)
    sound(tmp_path / "long.wav", 1, rate=4000, seconds=121)
    (tmp_path / "torn.flac").write_bytes(b"fLaC and nothing more")
    soundfile.write(tmp_path / "nan.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    outputs = ("good.wav", "slow.wav", "long.wav", "torn.flac", "nan.wav", "gone.wav", "")
    found = list(Wer().score([row(o, "bin blue", str(i)) for i, o in enumerate(outputs)], tmp_path))
    assert [s.trial for s in found] == list("0123456")
    assert found[0] == Score("s", "0", KEY, value=0.0, weight=2.0)
    assert found[1].value == 0.0, "resampled to the recogniser's rate"
    assert "at most 120 s are recognised" in str(found[2].error)
    for i in (2, 3, 4, 5):
        assert found[i].value is None
        assert outputs[i] in str(found[i].error)
    assert found[6].error == "The row names no output."


def test_silence_says_nothing(tmp_path: Path, network: Recogniser) -> None:
    (score,) = Wer().score([row(sound(tmp_path / "silence.wav", 0), "bin blue at f")], tmp_path)
    assert score == Score("s", "0", KEY, value=1.0, weight=4.0)
    assert network.heard == []


def test_equal_contents_are_heard_once(tmp_path: Path, network: Recogniser) -> None:
    sound(tmp_path / "a.wav", 1)
    shutil.copy(tmp_path / "a.wav", tmp_path / "b.wav")
    rows = [row(name, "bin blue", str(i)) for i, name in enumerate(["a.wav", "b.wav"] * 40)]
    assert [s.value for s in Wer().score(rows, tmp_path)] == [0.0] * 80
    assert network.heard == [1]


def test_remarks_count_words_that_it_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    known = frozenset({"bin", "blue", "at"})
    monkeypatch.setattr("protocols.wer.find_model", lambda model: SimpleNamespace(vocabulary=known))
    inside = [row("a.wav", "Bin blue", "0"), row("b.wav", "at", "1")]
    assert Wer().remarks(inside) == []
    rows = [*inside, row("c.wav", "Please call Stella", "2"), row("other system.wav", "Please call Stella", "2")]
    (line,) = Wer().remarks([*rows, row("d.png", "never spoken", "3")])
    assert line.startswith(f"{KEY}: 3 of 6 transcript words are not in this recogniser's vocabulary")
    assert "knows 3 words" in line
    monkeypatch.setattr("protocols.wer.find_model", lambda model: SimpleNamespace(vocabulary=None))
    assert Wer().remarks(rows) == []


def test_it_fits_where_nearly_all_words_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.wer.find_model", lambda model: SimpleNamespace(vocabulary=frozenset({"at"})))
    known = [row("a.wav", " ".join(["at"] * 19), "0")]
    assert Wer().fits([])
    assert Wer().fits([*known, row("b.wav", "typo", "1")]), "one of 20"
    assert not Wer().fits([*known, row("b.wav", "typo again", "1")])


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder that is a model as far as its name goes: nothing is built of it."""
    folder = tmp_path / "my model"
    folder.mkdir()
    parts = {"token_list": ["<blank>", "<unk>", "a", "<sos/eos>"], "token_type": "char", "encoder": "transformer"}
    parts |= {"decoder": "transformer", "ctc_conf": {}, "model_conf": {}}
    (folder / "config.yaml").write_text(json.dumps(parts))  # JSON is YAML
    (folder / "valid.acc.ave.pth").write_bytes(b"weights")
    return folder


def test_the_key_of_a_path_names_all_that_decides_what_is_written(plain: Path) -> None:
    key = registry.canonical(f"wer@espnet:{plain}")
    digest = key.removeprefix("wer@espnet:my_model-").removesuffix(":en1")
    assert re.fullmatch("[0-9a-f]{8}", digest)
    for asked in (f"wer@espnet:{plain}", f"wer@espnet:{plain}:en1", f"wer@espnet:{plain}/"):
        entry = registry.find("protocols", asked)
        protocol = entry.load()(*entry.arguments)
        assert protocol.metrics == (registry.canonical(asked),) == (key,)
        assert registry.find("protocols", key).arguments == entry.arguments
        assert protocol.weights == ()
        assert protocol.own_sha256["weights"] == hashlib.sha256(b"weights").hexdigest()
    assert registry.canonical(f"wer@espnet:{plain}/valid.acc.ave.pth") == f"wer@espnet:valid.acc.ave-{digest}:en1"
    copied = plain.parent / "elsewhere" / plain.name
    shutil.copytree(plain, copied)
    assert registry.canonical(f"wer@espnet:{copied}") == key, "wherever it lies"
    keys = {key}
    for name, content in (("valid.acc.ave.pth", "others"), ("decode.yaml", "beam_size: 9"), ("config.yaml", None)):
        text = content or (plain / name).read_text().replace('"a"', '"b"')
        (plain / name).write_text(text)
        keys.add(registry.canonical(f"wer@espnet:{plain}"))
    assert len(keys) == 4


def test_keys_of_names() -> None:
    assert registry.canonical("wer@espnet:pocket") == registry.canonical(KEY) == KEY
    published = "wer@espnet:librispeech_conformer5:en1"
    assert registry.canonical("wer@espnet:librispeech_conformer5") == registry.canonical(published) == published
    with pytest.raises(BenchmarkError, match=r"Unknown recogniser 'pokcet'.*Did you mean pocket"):
        registry.canonical("wer@espnet:pokcet")
    with pytest.raises(BenchmarkError, match="Unknown metric 'wer@espnet:'"):
        registry.find("protocols", "wer@espnet:")
    with pytest.raises(BenchmarkError, match="Unknown system"):
        registry.find("systems", "wer@espnet:pocket")
