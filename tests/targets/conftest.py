import gzip
import json

import pytest

from tests.evidence.conftest import nlp, train_pipeline  # noqa: F401

ROWS = [
    ("the food was great but the service was awful", "food", "POSITIVE"),
    ("the food was great but the service was awful", "service", "NEGATIVE"),
    ("we had the soup at a table", "soup", "NEUTRAL"),
    ("awful food", "food", "NEGATIVE"),
    ("great service", "service", "POSITIVE"),
    ("a table by the door", "table", "NEUTRAL"),
]


def write_set(folder, name="menu.train", rows=ROWS, repeat=1):
    lines = []
    for number in range(repeat):
        for text, aspect, label in rows:
            text += "." * number  # Another text, so that some of them are dev.
            start = text.index(aspect)
            row = {"text": text, "start": start, "end": start + len(aspect), "label": label}
            lines.append(json.dumps(row))
    path = folder / f"aspect_{name}.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


@pytest.fixture
def sets(tmp_path):
    """A folder with one set."""
    folder = tmp_path / "sets"
    folder.mkdir()
    write_set(folder, repeat=20)
    return folder
