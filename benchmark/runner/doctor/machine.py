"""The machine: device, threads, memory, disk, and what the environment tells the suite."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
import warnings
from pathlib import Path

from benchmark.corpora.prepared import cache_root
from benchmark.runner.doctor.check import Check, brief

ROOM = 4 << 30
"""Bytes free that the cache should have: the stores of the default runs take 1.7 GB, and a run's media some more."""

MEMORY = 2 << 30
"""Bytes free that one run should find: PyTorch, the networks of the metrics and a batch."""

VARIABLES = {
    "BENCHMARK_CACHE": "folder of stores and downloads",
    "BENCHMARK_WEIGHTS": "folder of your own copies of weights, looked into first",
    "BENCHMARK_OFFLINE": "1 forbids downloads",
}


def machine() -> list[Check]:
    return [*_torch(), _threads(), _memory()]


def _torch() -> list[Check]:
    with warnings.catch_warnings(record=True) as said:  # a driver that does not fit is a warning and no GPU
        warnings.simplefilter("always")
        try:
            import torch  # here, because it takes seconds, and may be what is broken
        except (ImportError, OSError) as error:
            return [Check("machine", "torch", "wrong", f"cannot be imported: {error}", "uv sync --reinstall")]
        devices = [
            f"{torch.cuda.get_device_name(i)} ({torch.cuda.get_device_properties(i).total_memory / 2**30:.0f} GiB)"
            for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
        ]
        if torch.backends.mps.is_available():
            devices.append("mps")
    checks = [Check("machine", "torch", "ok", f"{torch.__version__}, CUDA build {torch.version.cuda or 'none'}")]
    complaints = [str(w.message).split("(Triggered")[0].strip() for w in said if "CUDA" in str(w.message)]
    if complaints:
        return [*checks, Check("machine", "device", "wrong", complaints[0], "update the driver, or go on with the CPU")]
    return [*checks, Check("machine", "device", "ok", ", ".join(devices) or "cpu")]


def _threads() -> Check:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("OMP_NUM_THREADS")
    return Check("machine", "cores", "ok", f"{allowed}" + (f", OMP_NUM_THREADS={limit}" if limit else ""))


def _memory() -> Check:
    free, total = (os.sysconf(key) * os.sysconf("SC_PAGE_SIZE") for key in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
    info = Path("/proc/meminfo")
    if info.is_file():  # counts the file cache, which gives way, as free
        table = dict(line.split(":") for line in info.read_text().splitlines())
        free = int(table["MemAvailable"].split()[0]) * 1024
    what = f"{free / 2**30:.1f} GiB free of {total / 2**30:.1f}"
    if free < MEMORY:
        return Check("machine", "memory", "wrong", what, f"close what else runs: {MEMORY / 2**30:.0f} GiB are needed")
    return Check("machine", "memory", "ok", what)


def disk(results: Path = Path("results")) -> list[Check]:
    """The cache: where, how large, room, whether it may be written; then its disk beside those of results and /tmp."""
    root = cache_root()
    present = nearest(root)
    room = shutil.disk_usage(present).free
    size = sum(path.lstat().st_size for path in root.rglob("*")) if root.is_dir() else 0
    what = f"{brief(root)}: {size / 2**30:.1f} GiB in it, {room / 2**30:.1f} GiB free"
    if (refusal := refuses(present)) is not None:
        checks = [Check("disk", "cache", "wrong", f"{what}; {refusal}", "export BENCHMARK_CACHE=/a/folder/of/yours")]
    elif room < ROOM:
        mend = f"make room ({ROOM / 2**30:.0f} GiB), or export BENCHMARK_CACHE=/a/folder/on/another/disk"
        checks = [Check("disk", "cache", "wrong", what, mend)]
    else:
        checks = [Check("disk", "cache", "ok", what)]
    for name, folder in (("results", results.absolute()), ("temporary files", Path(tempfile.gettempdir()))):
        place, free = nearest(folder), shutil.disk_usage(nearest(folder)).free
        same = "the cache's disk" if place.stat().st_dev == present.stat().st_dev else "another disk than the cache"
        refusal = refuses(place)
        what = f"{brief(folder)}: {same}, {free / 2**30:.1f} GiB free" + (f"; {refusal}" if refusal else "")
        mend = {"results": "--out /a/folder/of/yours", "temporary files": "export TMPDIR=/a/folder/of/yours"}[name]
        checks.append(Check("disk", name, "wrong" if refusal else "ok", what, mend if refusal else ""))
    return checks


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def refuses(folder: Path) -> str | None:
    """Why nothing can be written there, or None. Asked of the disk itself: permissions alone do not say it."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    return None


def environment() -> list[Check]:
    """Every `$BENCHMARK_*` variable, those that nothing reads included."""
    checks = []
    for name in sorted({*VARIABLES, *(key for key in os.environ if key.startswith("BENCHMARK_"))}):
        value = os.environ.get(name)
        if name not in VARIABLES:
            near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0)[0]
            checks.append(Check("environment", name, "wrong", "nothing reads this variable", f"did you mean {near}?"))
        elif not value:
            checks.append(Check("environment", name, "-", f"not set ({VARIABLES[name]})"))
        elif name == "BENCHMARK_WEIGHTS" and not Path(value).expanduser().is_dir():
            checks.append(Check("environment", name, "wrong", f"{value} is no folder", f"mkdir -p {value}"))
        else:
            checks.append(Check("environment", name, "ok", f"{value} ({VARIABLES[name]})"))
    return checks
