"""Archives from elsewhere: whole inside one new folder, or an error and nothing anywhere."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.weights.archive import Limits, unpack

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # zipfile, of what we make on purpose

KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
FILES = {"model/config.yaml": b"a: 1\n", "model/deep/weights.pth": bytes(range(256)) * 300, "README": b""}


def make(path: Path, files: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    """An archive of the kind that its name says; a name that ends with / is a folder."""
    pairs = list(files.items()) if isinstance(files, dict) else files
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in pairs:
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return path
    suffix = path.name.partition(".tar")[2].lstrip(".")
    with tarfile.open(path, f"w:{suffix}") as archive:  # type: ignore[call-overload]
        for name, content in pairs:
            archive.addfile(entry(name, content), io.BytesIO(content))
    return path


def entry(
    name: str, content: bytes = b"", kind: bytes | None = None, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.rstrip("/"))
    info.size, info.mode, info.linkname = len(content), mode, link
    info.type = kind if kind is not None else tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    return info


def refused(archive: Path, match: str, limits: Limits | None = None) -> None:
    """Unpacking fails with that message, names the archive, and changes nothing but a lock file beside `out`."""
    parent = archive.parent / "place"
    parent.mkdir(exist_ok=True)
    lock = parent / ".out.lock"
    lock.unlink(missing_ok=True)
    before = snapshot(archive.parent)
    with pytest.raises(BenchmarkError, match=match) as caught:
        unpack(archive, parent / "out", limits or Limits())
    assert str(archive) in str(caught.value)
    lock.unlink(missing_ok=True)
    assert snapshot(archive.parent) == before


def names_of(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def snapshot(folder: Path) -> dict[str, bytes | None]:
    paths = (p for p in folder.rglob("*"))
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in paths}


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_out_as_they_went_in_with_plain_modes(tmp_path: Path, kind: str) -> None:
    unpack(make(tmp_path / f"a.{kind}", {"empty/": b"", **FILES}), tmp_path / "new" / "out")
    out = tmp_path / "new" / "out"
    assert {n: c for n, c in snapshot(out).items() if c is not None} == FILES
    assert (out / "empty").is_dir()
    assert sorted(p.name for p in out.parent.iterdir()) == [".out.lock", "out"]


def test_no_bit_of_execution_or_of_another_user_survives(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = entry("run.sh", b"#!/bin/sh\n", mode=0o6777)
        info.uid = info.gid = 12345
        archive.addfile(info, io.BytesIO(b"#!/bin/sh\n"))
    unpack(tmp_path / "a.tar", tmp_path / "out")
    stat = (tmp_path / "out" / "run.sh").stat()
    assert stat.st_mode & 0o7111 == 0
    assert stat.st_uid == os.getuid()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "a/../../evil", "a/..", "..", "/etc/evil", "//evil", "C:evil", "C:/evil", "a/C:evil"),
        *("..\\evil", "a\\b", "\\\\host\\share\\evil", "a/.. /evil", "a/.../evil", "file:stream", "a\nb", "a\x1b[2Jb"),
        *("x" * 256, "/".join("d" * 40), "/".join(["y" * 200] * 6)),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    refused(
        make(tmp_path / f"a.{kind}", [("good", b"fine"), (name, b"evil")]), "outside|elsewhere|too long or too deep"
    )


def test_a_zip_member_without_a_name_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"Q": b"x"})
    path.write_bytes(path.read_bytes().replace(b"Q", b"\0"))
    refused(path, "elsewhere")


def test_a_zip_name_is_not_judged_by_what_stands_before_a_nul(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"good/evilQQ": b"x"})
    path.write_bytes(path.read_bytes().replace(b"evilQQ", b"evil\0/"))
    refused(path, "elsewhere")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize(
    "names",
    [
        *(("a", "a"), ("a", "A"), ("folder/x", "Folder/y"), ("a", "a/b"), ("a/b", "a"), ("a", "./a"), ("a", "a//")),
        *(("caf\u00e9", "cafe\u0301"), ("stra\u00dfe", "STRASSE"), ("a", "a."), ("a/", "A/x")),
    ],
)
def test_names_that_would_land_on_one_another_are_refused(tmp_path: Path, kind: str, names: tuple[str, ...]) -> None:
    refused(make(tmp_path / f"a.{kind}", [(name, b"") for name in names] + [("z", b"z")]), "collide")


def test_a_folder_may_be_named_twice(tmp_path: Path) -> None:
    unpack(make(tmp_path / "a.tar", [("d/", b""), ("d/f", b"1"), ("./d/", b"")]), tmp_path / "out")
    assert (tmp_path / "out" / "d" / "f").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        *((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.SYMTYPE, "good"), (tarfile.LNKTYPE, "good")),
        *((tarfile.CHRTYPE, ""), (tarfile.BLKTYPE, ""), (tarfile.FIFOTYPE, ""), (b"Z", "")),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, link: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(entry("good", b"fine"), io.BytesIO(b"fine"))
        archive.addfile(entry("odd", kind=kind, link=link))
        archive.addfile(entry("odd/through", b"evil"), io.BytesIO(b"evil"))
    refused(tmp_path / "a.tar", "link, a device|collide")


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        info = entry("huge", b"")
        info.pax_headers = {
            "GNU.sparse.map": "0,0",
            "GNU.sparse.size": str(1 << 40),
            "GNU.sparse.realsize": str(1 << 40),
        }
        archive.addfile(info)
    refused(tmp_path / "a.tar", "sparse")


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o010666, 0o140777])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("odd")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "a.zip", "link or device")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a": b"secret"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # flag of the local header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and of the central one
    path.write_bytes(data)
    refused(path, "encrypted")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, kind: str) -> None:
    refused(make(tmp_path / f"a.{kind}", {"zeros": bytes(8 << 20)}), "200 times.*bomb|than it declares")


def test_text_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    unpack(make(tmp_path / "a.zip", {"log": b"the same line\n" * 60_000}), tmp_path / "out")
    assert (tmp_path / "out" / "log").stat().st_size == 840_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limits", "said"), [(Limits(members=2), "2 members"), (Limits(bytes=1000), "1000 bytes")])
def test_more_than_the_limits_is_refused(tmp_path: Path, kind: str, limits: Limits, said: str) -> None:
    refused(make(tmp_path / f"a.{kind}", FILES), said, limits)


@pytest.mark.parametrize("declared", [5, 1 << 33, 99])
def test_a_zip_that_lies_of_its_size_is_refused(tmp_path: Path, declared: int) -> None:
    content = b"1234567890" * 10
    path = make(tmp_path / "a.zip", {"a": content})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = min(declared, (1 << 32) - 2).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "broken|declares|times its")


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.GNU_FORMAT)


def test_a_tar_cannot_hide_gigabytes_in_a_members_description(tmp_path: Path) -> None:
    """tarfile reads an extended header into memory at once: long before 64 MiB of it we stop."""
    info = entry("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME)
    info.size = 64 << 20
    noise = os.urandom(1 << 20)
    (tmp_path / "a.tar").write_bytes(_header(info) + noise * 64 + bytes(1024))
    refused(tmp_path / "a.tar", "more than it declares")


def test_a_negative_size_is_refused(tmp_path: Path) -> None:
    header = bytearray(_header(entry("a")))
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + bytes(1024))
    refused(tmp_path / "a.tar", "broken")


def test_headers_of_headers_without_end_are_refused(tmp_path: Path) -> None:
    info = entry("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME)
    info.size = 512
    (tmp_path / "a.tar").write_bytes((_header(info) + b"n" * 512) * 900 + bytes(1024))
    refused(tmp_path / "a.tar", "broken|declares")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_off_archive_is_refused_wherever_it_is_cut(tmp_path: Path, kind: str) -> None:
    whole = make(tmp_path / f"whole.{kind}", FILES).read_bytes()
    size = len(whole)
    if kind == "tar":
        size = len(whole.rstrip(b"\0")) + 512  # a tar is padded to 10 KiB with zeros that mean nothing
    for length in {0, 1, 2, 100, 511, 512, 513, 1024, size // 3, size // 2, size * 9 // 10, size - 9, size - 1}:
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(whole[: min(length, size - 1)])
        refused(cut, "broken or cut off")


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    """tarfile takes it for whole."""
    whole = make(tmp_path / "whole.tar", FILES).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:1024])
    assert names_of(tmp_path / "a.tar") == ["model/config.yaml"]
    refused(tmp_path / "a.tar", "does not end as a tar")


def test_a_damaged_header_in_the_middle_does_not_lose_the_rest_in_silence(tmp_path: Path) -> None:
    """tarfile stops there and says nothing."""
    data = bytearray(make(tmp_path / "whole.tar", FILES).read_bytes())
    data[1024 + 20] ^= 1
    (tmp_path / "a.tar").write_bytes(data)
    assert names_of(tmp_path / "a.tar") == ["model/config.yaml"]
    refused(tmp_path / "a.tar", "does not end as a tar")


@settings(max_examples=60, deadline=None)
@example(kind="zip", where=0.822265625, bit=7)  # the length of a member's comment, which swallows the members after it
@given(
    kind=st.sampled_from(["zip", "tar.gz", "tar.bz2", "tar.xz"]),
    where=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_a_flipped_bit_is_refused_or_harmless(kind: str, where: float, bit: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = make(Path(name) / f"a.{kind}", FILES)
        data = bytearray(path.read_bytes())
        data[int(where * len(data))] ^= 1 << bit
        path.write_bytes(data)
        try:
            unpack(path, Path(name) / "out")
        except BenchmarkError:
            assert not (Path(name) / "out").exists()
        else:
            assert sorted(c for c in snapshot(Path(name) / "out").values() if c is not None) == sorted(FILES.values())


_PIECES = st.sampled_from([*"./\\:aA \0\n~", "..", "../", "/", "\u0301", "\u202e", "C:", "\uff0f", "\u2024", "a/"])
_ODD = st.lists(_PIECES, min_size=1, max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(_ODD | st.text(min_size=1, max_size=30), min_size=1, max_size=4),
    kind=st.sampled_from(["zip", "tar"]),
)
def test_whatever_the_names_nothing_lands_outside(names: list[str], kind: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "place" / "here").mkdir(parents=True)
        try:
            archive = make(top / f"a.{kind}", [(n, b"content") for n in names])
        except (ValueError, UnicodeEncodeError):
            return  # no archive can say this
        before = snapshot(top)
        try:
            unpack(archive, top / "place" / "here" / "out")
        except BenchmarkError:
            assert not (top / "place" / "here" / "out").exists()
        changed = set(snapshot(top)) - set(before) - {"place/here/.out.lock"}
        assert all(path.startswith("place/here/out") for path in changed)
        assert not any(p.is_symlink() for p in top.rglob("*"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "broken"), (b"<!DOCTYPE html><html>sign in</html>" * 50, "broken"), (b"\x80\x02cos\nsystem\n.", "broken")],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", said)


def test_an_archive_of_nothing_and_none_at_all(tmp_path: Path) -> None:
    refused(make(tmp_path / "a.zip", {}), "holds no file")
    refused(make(tmp_path / "b.tar", {"d/": b""}), "holds no file")
    refused(tmp_path / "absent.zip", "There is no archive")
    (tmp_path / "folder.zip").mkdir()
    refused(tmp_path / "folder.zip", "There is no archive")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    unpack(make(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert snapshot(tmp_path / "out") == {"mine": b"mine"}


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".out.99999.part" / "half").mkdir(parents=True)
    unpack(make(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert {p.name for p in tmp_path.iterdir()} == {"a.zip", "out", ".out.lock"}


def test_several_processes_at_once_make_one_whole_folder(tmp_path: Path) -> None:
    files = {f"{i:03d}": bytes([i]) * 2000 for i in range(200)}
    make(tmp_path / "a.tar", files)
    code = (
        "import sys; from pathlib import Path; from benchmark.weights.archive import unpack;"
        "unpack(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.tar"), str(tmp_path / "out")]
    running = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    assert snapshot(tmp_path / "out") == files
    assert {p.name for p in tmp_path.iterdir()} == {"a.tar", "out", ".out.lock"}


def test_a_disk_without_room_is_named_before_it_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    refused(make(tmp_path / "a.zip", FILES), "does not fit on the disk")


def test_a_disk_that_fills_meanwhile_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused(make(tmp_path / "a.tar.gz", FILES), "No space left")


def test_gzip_check_sums_are_read_to_the_end(tmp_path: Path) -> None:
    path = make(tmp_path / "a.tar.gz", FILES)
    plain = gzip.decompress(path.read_bytes())
    data = path.read_bytes()
    assert data[-8:-4] == zlib.crc32(plain).to_bytes(4, "little")
    path.write_bytes(data[:-8] + b"\0\0\0\0" + data[-4:])
    refused(path, "broken")
