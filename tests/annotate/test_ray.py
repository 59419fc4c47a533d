"""The engine for clusters, on a real cluster of this machine."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .conftest import read_jsonl, write_jsonl

pytest.importorskip("ray.data")
pytestmark = pytest.mark.integration
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def cluster(environment, tmp_path_factory):
    """The address of a cluster with room for three actors."""
    folder = tmp_path_factory.mktemp("ray")
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0",
        "--num-cpus=4", "--include-dashboard=false", "--disable-usage-stats",
        f"--temp-dir={folder}", "--object-store-memory=200000000",
    ]  # fmt: skip
    log = folder / "log"
    with open(log, "w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield _address(process, log)
    finally:
        process.kill()
        process.wait()
        for pid in processes_with(environment):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _address(process, log):
    while True:
        found = re.search(r"--address='([\d.]+:\d+)'", log.read_text())
        if found:
            return found.group(1)
        assert process.poll() is None, log.read_text()
        time.sleep(0.2)


def processes_with(environment, title=b""):
    """Process ids of what these tests have started, whose command line holds `title`."""
    token = environment["RAY_AUTH_TOKEN"].encode()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                ours = token in Path(entry.path, "environ").read_bytes()
                if ours and title in Path(entry.path, "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


@pytest.fixture
def corpus(tmp_path):
    reviews = [{"id": i, "text": "good " * (i % 3) + "bad " * (i % 5)} for i in range(3000)]
    write_jsonl(tmp_path / "a.jsonl", reviews[:2500])
    write_jsonl(tmp_path / "b.jsonl", reviews[2500:])
    with open(tmp_path / "a.jsonl", "a") as file:
        file.write("not json\n")
    return ["a.jsonl", "b.jsonl", "--errors", "skip", "--batch-size", 8]


def test_with_a_killed_worker_the_rows_are_those_of_the_local_engine(
    annotate, start, environment, cluster, slow_model, corpus, tmp_path
):
    assert annotate(*corpus, "-o", "local.jsonl").exit_code == 0
    process = start(
        *corpus, "-o", "shards", "--model", slow_model, "--engine", "ray",
        "--ray-address", cluster, "--n-process", 2, "--output-format", "jsonl",
    )  # fmt: skip
    working = tmp_path / "shards.partial"
    wait_for_shards(process, working, 2)
    actors = processes_with(environment, b"ray::MapWorker")
    assert len(actors) == 2
    os.kill(actors[0], signal.SIGKILL)
    output, messages = process.communicate()
    assert process.returncode == 0, messages
    assert output == b""
    shards = sorted((tmp_path / "shards").glob("part-*.jsonl"))
    assert len(shards) > 10
    rows = b"".join(shard.read_bytes() for shard in shards)
    assert rows == (tmp_path / "local.jsonl").read_bytes()
    assert {path.name for path in (tmp_path / "shards").iterdir()} == {
        "_SUCCESS", *(shard.name for shard in shards),
    }  # fmt: skip
    rejects = "shards.rejects.jsonl"
    local_rejects = (tmp_path / "local.jsonl.rejects.jsonl").read_bytes()
    assert (tmp_path / rejects).read_bytes() == local_rejects
    lines = [line.split()[:2] for line in messages.decode().splitlines()]
    summary = lines.index(["read", "3,001"])
    assert lines[summary + 1 : summary + 3] == [["written", "3,000"], ["rejected", "1"]]


def wait_for_shards(process, folder, number):
    """No time limit: a machine may be as slow as it likes, as long as the run lives."""
    while not (folder.exists() and len(list(folder.glob("part-*"))) >= number):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def test_a_killed_run_goes_on_and_does_no_shard_again(
    annotate, start, cluster, slow_model, corpus, tmp_path
):
    assert annotate(*corpus, "-o", "local.jsonl").exit_code == 0
    command = [
        *corpus, "-o", "shards", "--model", slow_model, "--engine", "ray",
        "--ray-address", cluster, "--n-process", 2, "--output-format", "jsonl",
    ]  # fmt: skip
    process = start(*command)
    working = tmp_path / "shards.partial"
    wait_for_shards(process, working, 3)
    process.kill()
    process.communicate()
    time.sleep(5)  # what the actors were doing comes to its end
    notes = {path.name for path in (working / "_notes").glob("part-*")}
    times = {name: (working / name).stat().st_mtime_ns for name in notes}
    assert len(notes) >= 2
    process = start(*command, "--text-field", "id")
    _, messages = process.communicate()
    assert b"has changed: --text-field; put it back" in messages
    process = start(*command)
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    assert b"had been read by earlier runs" in messages
    shards = sorted((tmp_path / "shards").glob("part-*.jsonl"))
    rows = b"".join(shard.read_bytes() for shard in shards)
    assert rows == (tmp_path / "local.jsonl").read_bytes()
    for name, before in times.items():
        assert (tmp_path / "shards" / name).stat().st_mtime_ns == before
    rejects = (tmp_path / "shards.rejects.jsonl").read_bytes()
    assert rejects == (tmp_path / "local.jsonl.rejects.jsonl").read_bytes()
    assert {path.name for path in (tmp_path / "shards").iterdir()} == {
        "_SUCCESS", *(shard.name for shard in shards),
    }  # fmt: skip


def test_parquet_in_and_out(annotate, start, cluster, entity_model, tmp_path):
    import pyarrow as pa

    texts = ["a good Casablanca", "bad", None, "dull"]
    table = pa.table({"text": texts, "n": pa.array([1, 2, 3, 4], pa.int8())})
    pq.write_table(table, tmp_path / "in.parquet")
    uri = (tmp_path / "in.parquet").as_uri()
    command = (uri, "--errors", "skip", "--quiet")
    assert annotate(*command, "-o", "local.parquet", use_model=entity_model).exit_code == 0
    process = start(
        *command, "-o", "shards", "--model", entity_model, "--engine", "ray",
        "--ray-address", cluster, "--n-process", 1, "--report", "report.html",
    )  # fmt: skip
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    assert b"read" not in messages
    local = pq.read_table(tmp_path / "local.parquet")
    assert pq.read_table(tmp_path / "shards").equals(local)
    assert local["n"].to_pylist() == [1, 2, 4]
    (rejected,) = read_jsonl(tmp_path / "shards.rejects.jsonl")
    assert rejected["row"] == 3
    assert (tmp_path / "report.html").exists()


def test_a_bad_record_stops_the_run(start, cluster, corpus, model, tmp_path):
    process = start(
        "a.jsonl", "-o", "shards", "--model", model, "--engine", "ray",
        "--ray-address", cluster, "--n-process", 2,
    )  # fmt: skip
    _, messages = process.communicate()
    assert process.returncode == 1
    assert b"\nError: a.jsonl:2501: not JSON" in b"\n" + messages
    assert b"Traceback" not in messages
    assert not (tmp_path / "shards").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.jsonl"], "name it with --output"),
        (["-", "-o", "shards"], "not standard input"),
        (["a.jsonl", "-o", "shards", "--output-format", "csv"], "writes parquet or jsonl"),
        (["a.jsonl", "-o", "there"], "there exists; name a folder that does not"),
    ],
)
def test_what_it_cannot_do_is_told_at_once(annotate, corpus, tmp_path, arguments, message):
    (tmp_path / "there").mkdir()
    result = annotate(*arguments, "--engine", "ray", "--ray-address", "local-is-not-reached")
    assert result.exit_code == 1
    assert message in result.stderr
