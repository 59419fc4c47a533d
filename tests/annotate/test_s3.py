"""Input and output on a server that speaks S3: moto's, on this machine."""

import json

import pytest

from .conftest import write_jsonl

pytestmark = pytest.mark.integration
server_module = pytest.importorskip("moto.server")
fs = pytest.importorskip("pyarrow.fs")
RECORDS = [{"id": i, "text": "good " * (i % 3) + "bad " * (i % 2)} for i in range(200)]


@pytest.fixture(scope="module")
def store():
    """Makes the URI of a path in a bucket of the server's."""
    server = server_module.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    query = (
        f"scheme=http&endpoint_override={host}:{port}&allow_bucket_creation=true&region=us-east-1"
    )

    def uri(path):
        return f"s3://key:secret@reviews/{path}?{query}"

    filesystem, _ = fs.FileSystem.from_uri(uri("x"))
    filesystem.create_dir("reviews")
    yield uri
    server.stop()


def put(uri, content):
    filesystem, path = fs.FileSystem.from_uri(uri)
    with filesystem.open_output_stream(path) as file:
        file.write(content)


def test_a_file_and_a_folder_are_read(annotate, store, tmp_path):
    content = write_jsonl(tmp_path / "in.jsonl", RECORDS).read_bytes()
    half = content.index(b"\n", len(content) // 2) + 1
    put(store("in/1.jsonl"), content[:half])
    put(store("in/2.jsonl"), content[half:])
    expected = annotate("in.jsonl").stdout
    assert annotate(store("in/1.jsonl"), store("in/2.jsonl")).stdout == expected
    assert annotate(store("in")).stdout == expected


def test_an_interrupted_run_goes_on(annotate, store, tmp_path):
    content = write_jsonl(tmp_path / "in.jsonl", RECORDS).read_bytes() + b"not json\n"
    put(store("resume/in.jsonl"), content)
    command = (store("resume/in.jsonl"), "-o", "out.jsonl", "--batch-size", 50)
    assert annotate(*command).exit_code == 1
    result = annotate(*command, "--errors", "skip")
    assert result.exit_code == 0, result.stderr
    assert "200  had been read by earlier runs" in result.stderr


def test_what_is_not_there_is_named(annotate, store):
    uri = store("in/none.jsonl")
    for output in ("-", "out.jsonl"):
        result = annotate(uri, "-o", output)
        assert result.exit_code == 1
        assert result.stderr == f"Error: {uri}: no such file or folder\n"
    unreachable = "s3://key:secret@reviews/x.jsonl?scheme=http&endpoint_override=127.0.0.1:1"
    message = annotate(unreachable + "&region=us-east-1").stderr
    assert message.startswith(f"Error: {unreachable}")


def test_shards_are_written(start, store, model, tmp_path):
    pytest.importorskip("ray.data")
    put(store("ray/in.jsonl"), write_jsonl(tmp_path / "in.jsonl", RECORDS).read_bytes())
    process = start(
        store("ray/in.jsonl"), "-o", store("ray/out"), "--output-format", "jsonl",
        "--model", model, "--engine", "ray", "--n-process", 1, "--batch-size", 8,
    )  # fmt: skip
    _, messages = process.communicate()
    assert process.returncode == 0, messages
    filesystem, path = fs.FileSystem.from_uri(store("ray/out"))
    files = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    names = sorted(f.base_name for f in files if f.type == fs.FileType.File)
    assert names[0] == "_SUCCESS"
    rows = []
    for name in names[1:]:
        with filesystem.open_input_stream(f"{path}/{name}") as file:
            rows += map(json.loads, file.read().splitlines())
    assert [row["id"] for row in rows] == list(range(200))
    assert len(names) > 1
