"""Unpacking what came from somewhere else: everything inside one new folder, or nothing at all.

Formats: zip, and tar plain or compressed by gzip, bzip2 or xz, told by their first bytes. Only plain files and folders
are made, with plain modes; nothing in an archive is executed or unpickled. What is refused and why: docs/safety.md.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import IO

from filelock import FileLock

from benchmark.errors import BenchmarkError

_CHUNK = 1 << 16
_RATIO_FREE = 1 << 20  # a folder of empty logs packs better than any bomb; below this size nobody is hurt
_HEADER = 1 << 20  # what a tar may say about one member; tarfile reads it into memory at once
_NAME, _PATH = 255, 1024  # bytes: what file systems take
_END_OF_TAR = 1024  # zeros that close every tar
_RESERVE = 64 << 20  # bytes of the disk that are left to everybody else
_BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    # What the readers of the standard library raise besides, on damaged archives.
    *(EOFError, LookupError, ValueError, ArithmeticError, MemoryError, RuntimeError),
)


@dataclass(frozen=True)
class Limits:
    """What one archive may hold. The largest published recogniser unpacks to about 1 GB in a few dozen files.

    bytes: of all files together, as declared and as really decompressed. ratio: these bytes to one byte of the
    archive; text packs 1:10, network weights hardly at all. depth: folders inside one another.
    """

    members: int = 10_000
    bytes: int = 8 << 30
    ratio: int = 200
    depth: int = 32


@dataclass(frozen=True)
class _Member:
    """`parts` of a checked name; `content` is None for a folder."""

    parts: tuple[str, ...]
    size: int
    content: IO[bytes] | None


def unpack(archive: Path, folder: Path, limits: Limits = Limits()) -> None:
    """Unpack `archive` into the new folder `folder`, which is there whole or not at all.

    A `folder` that holds something already is left as it is: another process was first. So name it by the archive's
    content. Members are checked and written one by one beside `folder`, which takes its name at the very end.

    Raises:
        BenchmarkError: no such archive, no archive, broken, cut off or encrypted; a member that is no plain file or
            folder, or would land outside or on another one; more than `limits` or the free disk. Nothing is left.
    """
    if not archive.is_file():
        raise BenchmarkError(f"There is no archive at {archive}.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            for leftover in folder.parent.glob(
                f".{escape(folder.name)}.*.part"
            ):  # of a killed process: the lock is ours
                shutil.rmtree(leftover)
            if not (folder.is_dir() and any(folder.iterdir())):
                _unpack(archive, folder, limits)
    except _BROKEN as error:
        raise _refused(archive, f"is broken or cut off ({error or type(error).__name__})") from error
    except OSError as error:
        if error.errno is None:  # gzip and bz2 say so of broken data
            raise _refused(archive, f"is broken or cut off ({error})") from error
        raise BenchmarkError(
            f"{archive} cannot be unpacked into {folder}: {error.strerror}. Nothing is left there."
        ) from error


def _unpack(archive: Path, folder: Path, limits: Limits) -> None:
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    temporary.mkdir()
    try:
        with archive.open("rb") as file:
            zipped = file.read(2) == b"PK"
            file.seek(0)
            _write(archive, (_zip if zipped else _tar)(archive, file, limits), temporary, limits)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary)
        raise


def _write(archive: Path, members: Iterator[_Member], temporary: Path, limits: Limits) -> None:
    tree = _Tree(archive)
    packed, total, files = archive.stat().st_size, 0, 0
    for count, member in enumerate(members, 1):
        if count > limits.members:
            raise _refused(archive, f"holds more than {limits.members} members")
        if member.size < 0:
            raise _refused(archive, "is broken (a member of negative size)")
        total += member.size
        if total > limits.bytes:
            raise _refused(archive, f"unpacks to more than {limits.bytes} bytes")
        if total > max(limits.ratio * packed, _RATIO_FREE):
            raise _refused(archive, f"unpacks to more than {limits.ratio} times its {packed} bytes: a bomb")
        if member.size > shutil.disk_usage(temporary).free - _RESERVE:
            raise BenchmarkError(f"{archive} does not fit on the disk of {temporary.parent}. Make room there.")
        tree.add(member)
        target = temporary.joinpath(*member.parts)
        if member.content is None:
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(archive, member, target)
            files += 1
    if not files:
        raise _refused(archive, "holds no file")


def _copy(archive: Path, member: _Member, target: Path) -> None:
    """Exactly `member.size` bytes, which `_write` has allowed: what is declared cannot be passed."""
    assert member.content is not None
    written = 0
    with target.open("xb") as file:
        while chunk := member.content.read(_CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if written != member.size:
        raise _refused(archive, f"declares {member.size} bytes for {'/'.join(member.parts)!r} and holds others")


def _refused(archive: Path, why: str) -> BenchmarkError:
    return BenchmarkError(f"{archive} {why}. Nothing of it is kept; get it again from its authors.")


class _Tree:
    """Names taken so far, as a file system that ignores case and composes letters would see them."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._taken: dict[tuple[str, ...], tuple[tuple[str, ...], bool]] = {(): ((), True)}

    def add(self, member: _Member) -> None:
        for depth in range(len(member.parts) + 1):
            path, is_folder = member.parts[:depth], depth < len(member.parts) or member.content is None
            key = tuple(unicodedata.normalize("NFC", part).casefold().rstrip(" .") for part in path)
            if key in self._taken and not (is_folder and self._taken[key] == (path, True)):
                raise _refused(self._archive, f"holds {'/'.join(member.parts)!r} twice, or names that collide")
            self._taken[key] = (path, is_folder)


def _parts(archive: Path, name: str, limits: Limits) -> tuple[str, ...]:
    """The folders and the file that a member's name stands for.

    Raises:
        BenchmarkError: it points outside on some system, or no file system takes it.
    """
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts:
        raise _refused(archive, f"holds {name!r}, which points outside the folder")
    if not name or "\\" in name or ":" in name or not name.isprintable() or any(not part.strip(" .") for part in parts):
        raise _refused(archive, f"holds {name!r}, which some systems read as a path to elsewhere")
    sizes = [len(part.encode()) for part in parts]
    if len(parts) > limits.depth or max(sizes, default=0) > _NAME or sum(sizes) > _PATH:
        raise _refused(archive, f"holds a name that is too long or too deep: {name[:80]!r}...")
    return parts


def _zip(archive: Path, file: IO[bytes], limits: Limits) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as opened:
        infos = opened.infolist()
        if len(infos) != _entries(file, opened.start_dir, len(infos)):
            raise _refused(archive, "is broken (its directory holds fewer members than it declares, or more)")
        if sum(info.file_size for info in infos) > limits.bytes:
            raise _refused(archive, f"unpacks to more than {limits.bytes} bytes")
        for info in infos:
            if info.flag_bits & 1:
                raise _refused(archive, f"is encrypted ({info.filename!r})")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, f"holds a link or device, {info.filename!r}")
            parts = _parts(archive, info.orig_filename, limits)  # `filename` ends before a NUL
            if info.is_dir():
                yield _Member(parts, 0, None)
            else:
                with opened.open(info) as content:  # checks the CRC at its end
                    yield _Member(parts, info.file_size, content)


def _entries(file: IO[bytes], directory: int, read: int) -> int:
    """Members that the end of a zip declares; `read` where it says that there are more than it can say (zip64).

    zipfile never looks: a damaged length in the directory lets the members after it vanish.
    """
    file.seek(directory)
    tail = file.read()
    (count,) = struct.unpack_from("<H", tail, tail.rfind(b"PK\5\6") + 10)
    return read if count == 0xFFFF else int(count)


def _tar(archive: Path, file: IO[bytes], limits: Limits) -> Iterator[_Member]:
    with _plain(file) as plain:
        stream = _Metered(archive, plain, limits)
        with tarfile.open(fileobj=stream, mode="r|") as opened:  # type: ignore[call-overload]
            while (info := opened.next()) is not None:
                if not (info.isreg() or info.isdir()) or info.issparse():
                    raise _refused(archive, f"holds a link, a device or a sparse file, {info.name!r}")
                parts = _parts(archive, info.name, limits)
                stream.allow(info.size)
                yield _Member(parts, info.size if info.isreg() else 0, opened.extractfile(info))
                stream.allow(0)
                opened.members.clear()  # it would keep every header
            end = opened.offset  # where tarfile found no further header; it says nothing of a damaged one
        stream.drain()
        if stream.meaning > end or stream.read_bytes < end + _END_OF_TAR:
            raise _refused(archive, "is broken or cut off (it does not end as a tar does)")


@contextmanager
def _plain(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The tar inside; a stream of another kind is left to tarfile, which refuses it."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(file) as plain:
            yield plain  # type: ignore[misc]
    elif start.startswith(b"BZh"):
        with bz2.open(file) as plain:
            yield plain
    elif start == b"\xfd7zXZ\0":
        with lzma.open(file) as plain:
            yield plain
    else:
        yield file


class _Metered:
    """The decompressed tar as tarfile reads it, never more than is allowed until the next member.

    read_bytes: so far. meaning: position after the last byte that is not zero.
    """

    def __init__(self, archive: Path, plain: IO[bytes], limits: Limits) -> None:
        self._archive, self._plain = archive, plain
        self._most = min(limits.bytes, max(limits.ratio * archive.stat().st_size, _RATIO_FREE)) + _HEADER
        self.read_bytes = self.meaning = 0
        self.allow(0)

    def allow(self, size: int) -> None:
        self._until = self.read_bytes + size + _HEADER

    def read(self, size: int) -> bytes:
        data = self._plain.read(size)
        if data.strip(b"\0"):
            self.meaning = self.read_bytes + len(data.rstrip(b"\0"))
        self.read_bytes += len(data)
        if self.read_bytes > min(self._until, self._most):
            raise _refused(self._archive, f"unpacks to more than it declares, or than {self._most} bytes")
        return data

    def drain(self) -> None:
        """To the end, where gzip and xz keep their check sums."""
        self._until = self._most
        while self.read(_CHUNK):
            pass
