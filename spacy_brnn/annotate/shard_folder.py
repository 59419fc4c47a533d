"""The folder of shards that a run on a cluster writes."""

from __future__ import annotations

import os
import shutil

from pyarrow import fs

from spacy_brnn.annotate.errors import AnnotateError
from spacy_brnn.annotate.remote import filesystem_of, is_remote


class ShardFolder:
    """A folder of shards, here or on a filesystem that pyarrow knows."""

    def __init__(self, output: str) -> None:
        """Nothing is made yet."""
        self._output = output.rstrip("/")
        self._remote = is_remote(output)
        self._target = self._output if self._remote else os.path.abspath(self._output)
        self._working = self._target if self._remote else f"{self._target}.partial"

    def check(self) -> None:
        """Raise AnnotateError if there is something under the folder's name."""
        if self._remote:
            filesystem, path = filesystem_of(self._target)
            there = filesystem.get_file_info(path).type != fs.FileType.NotFound
        else:
            there = os.path.exists(self._target)
        if there:
            raise AnnotateError(f"{self._output} exists; name a folder that does not")

    def open(self) -> None:
        """Make the folder, empty; what an unfinished run left is dropped."""
        if self._remote:
            filesystem, path = filesystem_of(self._working)
            filesystem.create_dir(path)
            return
        shutil.rmtree(self._working, ignore_errors=True)
        os.mkdir(self._working)

    def write(self, name: str, content: bytes) -> None:
        """Write a shard, whole or not at all; again if a task is tried again."""
        if self._remote:
            filesystem, path = filesystem_of(self._working)
            with filesystem.open_output_stream(f"{path}/{name}") as file:
                file.write(content)
            return
        new = os.path.join(self._working, f".{name}.{os.getpid()}")
        with open(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, os.path.join(self._working, name))

    def complete(self) -> None:
        """Say that nothing is missing."""
        for name in self._leftovers():
            os.unlink(os.path.join(self._working, name))
        self.write("_SUCCESS", b"")
        if not self._remote:
            os.rename(self._working, self._target)

    def _leftovers(self) -> list[str]:
        """Shards that a killed worker was writing."""
        if self._remote:
            return []
        return [name for name in os.listdir(self._working) if name.startswith(".")]
