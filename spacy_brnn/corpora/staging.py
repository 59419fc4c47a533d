"""Output files that appear under their names together, once all of them are complete."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spacy_brnn.corpora.errors import CorpusError


def is_same_file(source: str | Path, output: str | Path) -> bool:
    """Whether writing the output would destroy the source; not where one is no file."""
    try:
        return os.path.samefile(source, output)
    except (OSError, ValueError):  # A text is no name where it is too long or holds a null.
        return False


def check_keeps_input(source: str | Path, output: str | Path) -> None:
    """Raise CorpusError if writing the output would destroy the source."""
    if is_same_file(source, output):
        raise CorpusError(f"{output} is the input: name another file for the output")


@contextmanager
def staged_files(output: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield an empty folder whose files move into `output` at the end, none after an error.

    `names` are the files that may be written. Raises CorpusError before any work if `output` or
    one of them cannot be written, and later if the disk fills up.
    """
    for name in names:
        if (output / name).is_dir():
            raise CorpusError(f"{output / name}: is a folder, a file must be written there")
    try:
        output.mkdir(parents=True, exist_ok=True)
        # spaCy's corpus reader passes over hidden folders, should a killed run leave this one.
        with tempfile.TemporaryDirectory(dir=output, prefix=".partial-") as staging:
            yield Path(staging)
            for path in sorted(Path(staging).iterdir()):
                os.replace(path, output / path.name)
    except OSError as err:
        raise CorpusError(f"{output}: cannot be written ({err.strerror})") from None
