import html
import json
import shutil
import subprocess

import pytest

import spacy_brnn

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
# Leave the network alone.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
PROBE = """
<script>
const marks = [...document.querySelectorAll("mark[title]")].map(mark => {
  const style = getComputedStyle(mark), box = mark.getBoundingClientRect();
  return [mark.textContent, style.borderBottomStyle, box.width > 0 && box.right <= innerWidth];
});
document.title = JSON.stringify(marks);
</script>
"""


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_shows_the_marks(nlp, tmp_path):
    page = tmp_path / "page.html"
    shown = spacy_brnn.render(nlp("wonderful dreadful"), page=True)
    page.write_text(shown.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'user'}", "--dump-dom", str(page)]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
    title = dom.partition("<title>")[2].partition("</title>")[0]
    marks = {text: (line, seen) for text, line, seen in json.loads(html.unescape(title))}
    assert marks["wonderful"] == ("solid", True)
    assert marks["dreadful"] == ("dashed", True)
