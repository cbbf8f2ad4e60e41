"""The page in a real browser: nothing is wide of a phone's screen, all media load, every control can be reached."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
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
addEventListener("message", event => fetch("ANSWER", { method: "POST", mode: "no-cors", body: event.data }));
</script>
"""
"""Browsers have no window as narrow as a phone; a frame is."""


@pytest.fixture
def answers() -> Iterator[tuple[str, Queue[bytes]]]:
    """An address that pages post to, and what was posted: media load in real time, no virtual time awaits them."""
    posted: Queue[bytes] = Queue()

    class Post(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: pytest's output is for tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Post) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()


@pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on the PATH")
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_works_in_a_browser(
    heard: Path, tmp_path: Path, answers: tuple[str, Queue[bytes]], width: int
) -> None:
    write_report(heard)
    page = heard / "report" / "index.html"
    address, posted = answers
    (page.parent / "probe.html").write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    (page.parent / "frame.html").write_text(FRAME.replace("WIDTH", str(width)).replace("ANSWER", address))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1400,900"]
    own = [f"--user-data-dir={tmp_path / 'profile'}", f"file://{page.parent}/frame.html"]
    said = tmp_path / "browser.log"
    with said.open("w") as log, subprocess.Popen([str(BROWSER), *options, *own], stdout=log, stderr=log) as browser:
        try:
            found = json.loads(posted.get(timeout=300))
        except Empty:
            pytest.fail(f"the page gave no answer in 300 s: {said.read_text()[-2000:]}")
        finally:
            browser.terminate()
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
    assert "CONSOLE" not in said.read_text(), said.read_text()
    if width < 500:
        assert found["scrolled"] > 0  # wide tables have boxes of their own
