import subprocess
import sys
import tarfile

import pytest
from click.testing import CliRunner, Result

from spacy_brnn.cli import main

URLS = {"urls_pos.txt": "tt0000015\ntt0000002\n", "urls_neg.txt": "tt0000015\ntt0000002\n"}


@pytest.fixture
def corpus(tmp_path):
    """The unpacked corpus: two reviews a folder, the first of train's for dev, no test split."""
    train = tmp_path / "source" / "aclImdb" / "train"
    for label, rating in {"pos": 9, "neg": 2, "unsup": 0}.items():
        (train / label).mkdir(parents=True)
        for number in range(2):
            (train / label / f"{number}_{rating}.txt").write_text(f"A {label} film.<br />Really.")
    for name, text in URLS.items():
        (train / name).write_text(text)
    return train.parent


@pytest.fixture
def archive(corpus, tmp_path):
    path = tmp_path / "aclImdb_v1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(corpus, "aclImdb")
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def convert(*args: object) -> Result:
    return CliRunner().invoke(main, ["convert", "imdb", *map(str, args)])


def error_line(result: Result) -> str:
    """The one line that tells of the error, of a run that failed without a traceback."""
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.stderr.splitlines()[-1:] == lines
    assert result.stdout == ""
    return lines[0]


def outputs(output):
    return {path.name for path in output.iterdir()} if output.is_dir() else set()


@pytest.mark.parametrize("kind", ["archive", "corpus"])
def test_convert(kind, request, output):
    result = convert(request.getfixturevalue(kind), output)
    assert result.exit_code == 0, result.output
    assert outputs(output) == {"train.spacy", "dev.spacy"}
    assert f"{output / 'train.spacy'}: 2 documents" in result.stderr
    assert f"{output / 'dev.spacy'}: 2 documents" in result.stderr
    assert "Note: test.spacy skipped" in result.stderr
    assert "unsup" not in result.stderr
    assert result.stdout == ""


def test_unsup(archive, output):
    result = convert(archive, output, "--unsup")
    assert result.exit_code == 0, result.output
    assert outputs(output) == {"train.spacy", "dev.spacy", "unsup.spacy"}


def test_train_includes_dev(archive, output):
    result = convert(archive, output, "--train-includes-dev")
    assert f"{output / 'train.spacy'}: 4 documents" in result.stderr
    assert "Note: dev.spacy is part of train.spacy" in result.stderr


def test_truncated_archive(archive, output):
    archive.write_bytes(archive.read_bytes()[:-20])
    line = error_line(convert(archive, output))
    assert f"{archive}: no complete .tar.gz archive" in line
    assert outputs(output) == set()


def test_empty_review(corpus, output):
    (corpus / "train" / "neg" / "1_2.txt").write_text("")
    assert "train/neg/1_2.txt: the review is empty" in error_line(convert(corpus, output))
    assert outputs(output) == set()


def test_unreadable_file(corpus, output):
    (corpus / "train" / "neg" / "1_2.txt").write_bytes(b"\xff\xfe")
    assert "train/neg/1_2.txt: not UTF-8 at byte 0" in error_line(convert(corpus, output))
    assert outputs(output) == set()


def test_wrong_folder(corpus, output):
    line = error_line(convert(corpus / "train" / "pos", output))
    assert "holds neither train/ nor test/; give the aclImdb/ folder" in line
    assert not output.exists()


def test_missing_source(tmp_path, output):
    assert "'gone'" in error_line(convert("gone", output)).replace(str(tmp_path), "")


def test_unwritable_output(archive, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert "is a file" in error_line(convert(archive, tmp_path / "file"))
    assert "cannot be written" in error_line(convert(archive, tmp_path / "file" / "out"))
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("option", ["--unsup", "--train-includes-dev", "SRC", "OUT"])
def test_help_names_every_option(option):
    result = CliRunner().invoke(main, ["convert", "imdb", "--help"])
    assert result.exit_code == 0
    assert option in result.stdout


def test_help_loads_no_spacy():
    code = (
        "import sys; from click.testing import CliRunner; from spacy_brnn.cli import main; "
        "assert CliRunner().invoke(main, ['convert', 'imdb', '--help']).exit_code == 0; "
        "sys.exit('spacy' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
