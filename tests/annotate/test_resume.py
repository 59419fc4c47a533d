"""What is cut off at any point goes on, and ends with the bytes of an undisturbed run."""

import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from spacy_brnn.annotate import spool
from spacy_brnn.annotate.records import INPUT_FORMATS, OUTPUT_FORMATS, Position
from spacy_brnn.annotate.sources import split_name
from spacy_brnn.annotate.tally import Tally

from .conftest import write_jsonl
from .corpora import WORDS, write_corpus

KILLS = 20


@pytest.fixture
def corpus(tmp_path):
    """A corpus of 2,000 records in two files, some of which are bad."""
    return make_corpus(tmp_path, 2000)


def make_corpus(tmp_path, records):
    rng = random.Random(0)
    reviews = [
        {"id": i, "text": " ".join(rng.choices(WORDS, k=rng.randint(0, 30)))}
        for i in range(records - 10)
    ]
    write_jsonl(tmp_path / "a.jsonl", reviews[: records // 2])
    write_jsonl(tmp_path / "b.jsonl", reviews[records // 2 :])
    with open(tmp_path / "b.jsonl", "a") as file:
        file.write('{"id": 1}\nnot json\n' * 5)
    return ["a.jsonl", "b.jsonl", "--errors", "skip", "--batch-size", "8", "--quiet"]


def outputs(folder, name):
    return [(folder / ending).read_bytes() for ending in (name, f"{name}.rejects.jsonl")]


# Every format is read in one of them, and every one that can be written is written.
FORMATS = [
    ("in.jsonl more.jsonl", "out.jsonl"),
    ("in.jsonl.zst", "out.jsonl.zst"),
    ("in.csv", "out.csv"),
    ("in.csv.gz", "out.csv.gz"),
    ("in.tsv", "out.tsv"),
    ("in.json", "out.json"),
    ("in.parquet", "out.parquet"),
    ("in.spacy", "out.spacy"),
    ("in.txt", "out.jsonl.gz"),
    ("folder", "out.tsv.gz"),
]


def test_every_format_is_among_them():
    read = {split_name(name)[0] for names, _ in FORMATS for name in names.split()}
    assert read == {*INPUT_FORMATS, None}
    assert {split_name(name)[0] for _, name in FORMATS} == set(OUTPUT_FORMATS)


@pytest.mark.parametrize(("inputs", "name"), FORMATS)
def test_killed_at_random_the_bytes_are_the_same(
    annotate, start, fork, slow_model, tmp_path, inputs, name
):
    """Twenty times for JSONL, BRNN_KILLS times (by default 2) for every other format."""
    rng = random.Random(name)
    sources = inputs.split()
    # spaCy takes some milliseconds to read or to write a Doc.
    number = 500 if name == "out.spacy" else 2000
    for source in sources:
        write_corpus(tmp_path, source, number // len(sources))
    corpus = [*sources, "--errors", "skip", "--batch-size", "8", "--quiet"]
    assert annotate(*corpus, "-o", f"whole.{name}", use_model=slow_model).exit_code == 0
    command = [*corpus, "-o", name, "--model", slow_model, "--checkpoint-seconds", "0"]
    progress = []
    for turn in range(KILLS if name == "out.jsonl" else int(os.environ.get("BRNN_KILLS", "2"))):
        # Most turns save the time that a fresh interpreter takes to import torch.
        process = start(*command, "--n-process", 2) if turn % 10 == 9 else fork(*command)
        wait_for_progress(process, tmp_path / f"{name}.partial", progress, rng)
        process.kill()
        process.wait()
    assert progress == sorted(progress)
    assert not (tmp_path / name).exists()
    process = fork(*command)
    process.wait()
    assert process.exitcode == 0
    assert outputs(tmp_path, name) == outputs(tmp_path, f"whole.{name}")
    assert not (tmp_path / f"{name}.partial").exists()


def wait_for_progress(process, folder, progress, rng):
    """Wait until the run has gone further than the one before, then a random moment."""
    before = progress[-1] if progress else -1
    deadline = time.monotonic() + 120
    while records_done(folder) <= before:
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(rng.random() * 0.05)
    progress.append(records_done(folder))


def records_done(partial):
    """What the run in a spool has read, from a copy: the run itself keeps it locked."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy")
        try:
            shutil.copy(partial, copy)
            with suppress(FileNotFoundError):
                shutil.copy(f"{partial}-wal", f"{copy}-wal")
            with closing(sqlite3.connect(copy)) as database:
                (state,) = database.execute("SELECT state FROM run").fetchone()
                return json.loads(state)["tally"]["read"]
        except (FileNotFoundError, sqlite3.Error, TypeError):
            return -1


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_a_crash_before_or_after_any_step_on_disk_loses_nothing(
    annotate, tmp_path, monkeypatch, name
):
    """Every fsync, rename, removal and transaction in turn is the last thing that happens."""
    corpus = [*make_corpus(tmp_path, 50), "--batch-size", "4", "--checkpoint-seconds", "0"]
    assert annotate(*corpus, "-o", f"whole.{name}").exit_code == 0
    steps = 0
    while True:
        with monkeypatch.context() as patches, suppress(Crash):
            crash_at(patches, steps)
            annotate(*corpus, "-o", name)
            break
        # Once the last trace of the run is gone, it is done: then the output is not touched again.
        if (tmp_path / f"{name}.partial").exists() or not (tmp_path / name).exists():
            again = annotate(*corpus, "-o", name)
            assert again.exit_code == 0, again.stderr
        assert outputs(tmp_path, name) == outputs(tmp_path, f"whole.{name}")
        assert not (tmp_path / f"{name}.partial").exists()
        for path in tmp_path.glob(f"{name}*"):
            path.unlink()
        steps += 1
    assert steps > 20


def crash_at(patches, step):
    """Let the disk step number `step` crash, every other one after it is done."""
    done = [0]

    def crashing(function):
        def call(*arguments, **kwargs):
            crash_now = done[0] == step
            done[0] += 1
            if crash_now and step % 2:
                raise Crash
            value = function(*arguments, **kwargs)
            if crash_now:
                raise Crash
            return value

        return call

    for module, name in ((os, "fsync"), (os, "replace"), (os, "unlink"), (os, "rmdir")):
        patches.setattr(module, name, crashing(getattr(module, name)))
    for name in ("append", "save", "sync"):
        patches.setattr(spool.Spool, name, crashing(getattr(spool.Spool, name)))


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs the names of open files")
def test_the_output_is_on_disk_before_what_it_was_made_of_is_gone(annotate, tmp_path, monkeypatch):
    """A power failure leaves the one or the other, and a folder that knows the name of it."""
    steps = []

    def watched(function, describe):
        def call(first, *more):
            steps.append((function.__name__, describe(first, *more)))
            return function(first, *more)

        return call

    named = {
        "fsync": lambda file: os.path.basename(os.readlink(f"/proc/self/fd/{file}")),
        "replace": lambda old, new: os.path.basename(new),
        "unlink": os.path.basename,
    }
    for name, describe in named.items():
        monkeypatch.setattr(os, name, watched(getattr(os, name), describe))
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good"}])
    assert annotate("in.jsonl", "-o", "out.jsonl").exit_code == 0
    done = [step for step in steps if step[0] != "unlink" or step[1] == "out.jsonl.partial"]
    assert done == [
        ("fsync", "out.jsonl.partial-output"),
        ("replace", "out.jsonl"),
        ("fsync", tmp_path.name),
        ("unlink", "out.jsonl.partial"),
    ]


@pytest.mark.parametrize(
    ("signum", "status", "n_process"),
    [(signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1), (signal.SIGHUP, 129, 1)],
)
def test_a_signal_ends_cleanly_and_says_how_to_go_on(
    annotate, start, slow_model, corpus, tmp_path, signum, status, n_process
):
    command = [*corpus, "-o", "out.jsonl"]
    process = start(*command, "--model", slow_model, "--n-process", n_process)
    deadline = time.monotonic() + 120
    while records_done(tmp_path / "out.jsonl.partial") <= 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signum)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == status
    (line,) = messages.decode().splitlines()
    assert "the same command goes on from there" in line
    done = records_done(tmp_path / "out.jsonl.partial")
    assert f"after {done:,} records" in line
    assert done > 0
    result = annotate(*command[:-3], *command[-2:], use_model=slow_model)
    assert result.exit_code == 0
    assert f"{done:,}  had been read by earlier runs" in result.stderr


class TestChanges:
    """What the output depends on must not change between the runs that make it."""

    @pytest.fixture
    def unfinished(self, annotate, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": "good", "t": "good"}] * 3)
        with open(tmp_path / "in.jsonl", "a") as file:
            file.write("not json\n")
        assert annotate("in.jsonl", "-o", "out.jsonl", "--batch-size", 1).exit_code == 1
        return ["in.jsonl", "-o", "out.jsonl", "--errors", "skip"]

    @pytest.mark.parametrize(
        ("more", "changed"),
        [
            (["--batch-size", 2], "--batch-size"),
            (["--batch-size", 1, "--text-field", "t"], "--text-field"),
            (["--batch-size", 1, "--output-format", "csv"], "--output-format"),
        ],
    )
    def test_other_options_are_refused(self, annotate, unfinished, more, changed):
        result = annotate(*unfinished, *more)
        assert result.exit_code == 1
        assert f"since then there has changed: {changed}; put it back" in result.stderr
        assert annotate(*unfinished, *more, "--restart").exit_code == 0

    def test_a_changed_input_is_refused(self, annotate, unfinished, tmp_path):
        path = tmp_path / "in.jsonl"
        path.write_text(path.read_text().replace("good", "dull"))
        result = annotate(*unfinished, "--batch-size", 1)
        assert "has changed: inputs;" in result.stderr

    def test_another_model_is_refused(self, annotate, unfinished, slow_model):
        result = annotate(*unfinished, "--batch-size", 1, use_model=slow_model)
        assert "has changed: model;" in result.stderr

    def test_a_damaged_checkpoint_is_told(self, annotate, unfinished, tmp_path):
        partial = tmp_path / "out.jsonl.partial"
        for content in (partial.read_bytes()[:5000], b"{" * 5000):
            partial.write_bytes(content)
            result = annotate(*unfinished, "--batch-size", 1)
            assert result.exit_code == 1
            assert "is damaged, or not of a run" in result.stderr
            assert "start anew with --restart" in result.stderr
        assert annotate(*unfinished, "--batch-size", 1, "--restart").exit_code == 0


def test_two_runs_do_not_write_the_same_output(start, slow_model, corpus, annotate, tmp_path):
    command = [*corpus, "-o", "out.jsonl"]
    process = start(*command, "--model", slow_model)
    while not (tmp_path / "out.jsonl.partial").exists():
        time.sleep(0.01)
    for more in ([], ["--restart"]):
        result = annotate(*command, *more, use_model=slow_model)
        assert "another run is writing to out.jsonl.partial" in result.stderr
    assert (tmp_path / "out.jsonl.partial").exists()
    process.kill()
    process.communicate()


def test_a_full_disk_ends_with_one_line_and_the_run_goes_on(
    annotate, start, model, corpus, tmp_path
):
    import resource

    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    command = [*corpus, "-o", "out.jsonl", "--checkpoint-seconds", "0", "--batch-size", "100"]
    process = start(*command, "--model", model, preexec_fn=limit_file_size)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == 1
    assert messages.decode().splitlines()[0].startswith("Error: out.jsonl: disk I/O error")
    assert 0 < records_done(tmp_path / "out.jsonl.partial") < 2000
    assert annotate(*command).exit_code == 0
    whole = annotate(*corpus, "-o", "whole.out.jsonl", "--batch-size", "100")
    assert whole.exit_code == 0
    assert outputs(tmp_path, "out.jsonl") == outputs(tmp_path, "whole.out.jsonl")


@pytest.mark.parametrize("name", ["append", "save"])
def test_a_disk_that_is_full_for_a_state_is_told(tmp_path, name):
    filling = spool.Spool(tmp_path / "out.partial", {})
    [[pages]] = filling._db.execute("PRAGMA page_count")
    filling._db.execute(f"PRAGMA max_page_count = {pages}")
    state = spool.State(Position(), Tally(labels={"x" * 100_000: 1}))
    with pytest.raises(OSError, match="is the disk full"):
        filling.append(b"", b"", state) if name == "append" else filling.save(state)
    filling.close()


def test_a_dead_worker_is_told(start, model, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"text": "good"}] * 100 + [{"text": "XXDIE"}])
    process = start(
        "in.jsonl", "-o", "out.jsonl", "--model", model, "--n-process", 2, "--batch-size", 10,
        "--quiet",  # A run that takes ten seconds would say how far it is.
    )  # fmt: skip
    _, messages = process.communicate(timeout=240)
    assert process.returncode == 1
    assert messages.decode().startswith("Error: a worker process was killed")
    assert not (tmp_path / "out.jsonl").exists()


def test_workers_end_with_a_killed_parent(start, slow_model, corpus, tmp_path):
    process = start(
        *corpus, "-o", "out.jsonl", "--model", slow_model, "--n-process", 2,
        start_new_session=True,
    )  # fmt: skip
    while not (tmp_path / "out.jsonl.partial").exists():
        time.sleep(0.01)
    time.sleep(1.5)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while processes_of(process.pid):
        assert time.monotonic() < deadline, "workers outlive the command"
        time.sleep(0.1)


def processes_of(session):
    """Process ids in a session, zombies left out."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[3]) == session and stat[0] != "Z":
                found.append(int(entry.name))
    return found
