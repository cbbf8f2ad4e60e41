"""The page in a real browser: nothing is wide of a phone's screen, all media load, every control can be reached."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from benchmark.reporting.html.write import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
PROBE = """
<script>
const done = [...document.querySelectorAll("audio")].map(audio => new Promise(end => {
  audio.preload = "metadata";
  audio.onloadedmetadata = () => end(audio.duration > 0);
  audio.onerror = () => end(false);
  audio.load();
}));
for (const image of document.images) { image.loading = "eager"; }
addEventListener("load", async () => {
  const heard = await Promise.all(done);
  await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const width = document.documentElement.clientWidth;
  const inBox = e => e.closest(".scroll, nav ul");
  const wide = [...document.querySelectorAll("body *")].filter(e => !inBox(e) && !e.matches(".skip")
    && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 80));
  const boxes = [...document.querySelectorAll(".scroll")];
  parent.postMessage(JSON.stringify({
    width, wide, page: document.documentElement.scrollWidth, heard,
    seen: [...document.images].map(image => image.naturalWidth > 0),
    unnamed: [...document.querySelectorAll("audio, img, .scroll, svg[role]")]
      .filter(e => !(e.alt || e.getAttribute("aria-label"))).length,
    unreachable: boxes.filter(e => e.scrollWidth > e.clientWidth && e.tabIndex !== 0).length,
    scrolled: boxes.filter(e => e.scrollWidth > e.clientWidth).length,
    ids: [...document.querySelectorAll("[id]")].map(e => e.id),
    requests: performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith("file:")),
  }), "*");
});
</script>
"""
FRAME = """
<!doctype html><meta charset="utf-8"><body>
<iframe src="probe.html" style="border: 0; height: 844px; width: WIDTHpx"></iframe>
<script>
addEventListener("message", event => {
  const pre = document.createElement("pre");
  pre.id = "probe";
  pre.textContent = event.data;
  document.body.append(pre);
});
</script>
"""
"""Browsers have no window as narrow as a phone; a frame is."""


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on the PATH")
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_works_in_a_browser(heard: Path, page_of: Callable[[Path], Any], tmp_path: Path, width: int) -> None:
    write_report(heard)
    page = heard / "report" / "index.html"
    (page.parent / "probe.html").write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    (page.parent / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1400,900"]
    own = ["--virtual-time-budget=60000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [str(BROWSER), *options, *own, f"file://{page.parent}/frame.html"], capture_output=True, text=True, check=False
    )
    answer = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert answer, done.stderr[-2000:]
    found = json.loads(unescape(answer[1]))
    assert abs(found["width"] - width) <= 20
    assert found["wide"] == []
    assert found["page"] <= found["width"]
    assert len(found["heard"]) == 32
    assert all(found["heard"])
    assert len(found["seen"]) > 32
    assert all(found["seen"])
    assert found["unnamed"] == 0
    assert found["unreachable"] == 0
    assert len(found["ids"]) == len(set(found["ids"]))
    assert found["requests"] == []
    assert "CONSOLE" not in done.stderr, done.stderr
    if width < 500:
        assert found["scrolled"] > 0  # wide tables have boxes of their own
