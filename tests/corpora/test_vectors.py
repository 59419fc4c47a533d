import builtins
import subprocess
import sys

import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.tokens import DocBin

from spacy_brnn.corpora.vectors import Sentences, main, standardize


@pytest.fixture
def corpus(tmp_path):
    texts = ["It wasn't good.\nIt was bad, truly bad!", "Good, good and bad."] * 20
    path = tmp_path / "corpus.spacy"
    DocBin(attrs=["ORTH", "NORM", "SPACY"], docs=spacy.blank("en").pipe(texts)).to_disk(path)
    return path


def test_sentences_are_the_norms_without_white_space(corpus):
    sentences = Sentences([corpus])
    assert " ".join(next(iter(sentences))) == "it was not good . it was bad , truly bad !"
    assert len(list(sentences)) == len(list(sentences)) == 40


def test_standardized_vectors_have_mean_0_and_variance_1_over_the_corpus():
    rng = numpy.random.default_rng(0)
    counts = rng.integers(1, 100, size=50)
    standard = standardize(rng.normal(3.0, 7.0, size=(50, 4)), counts)
    corpus = numpy.repeat(standard, counts, axis=0)
    assert corpus.mean(axis=0) == pytest.approx(numpy.zeros(4), abs=1e-6)
    assert corpus.var(axis=0) == pytest.approx(numpy.ones(4), abs=1e-6)


def test_writes_what_spacy_init_vectors_reads(corpus, tmp_path):
    pytest.importorskip("gensim", reason="the extra `vectors` is not installed")
    output = tmp_path / "vectors.txt"
    arguments = [
        str(corpus),
        "-o",
        str(output),
        "--width",
        "8",
        "--min-count",
        "2",
        "--workers",
        "1",
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    command = [sys.executable, "-m", "spacy", "init", "vectors", "en", output, tmp_path / "vectors"]
    subprocess.run(command, check=True)
    vocab = spacy.load(tmp_path / "vectors").vocab
    assert vocab.vectors.shape == (10, 8)
    assert vocab.has_vector("not")
    assert not vocab.has_vector("\n")


def test_says_how_to_get_gensim(corpus, tmp_path, monkeypatch):
    def no_gensim(name, *args, **kwargs):
        if name.startswith("gensim"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", no_gensim)
    result = CliRunner().invoke(main, [str(corpus), "-o", str(tmp_path / "vectors.txt")])
    assert result.exit_code == 1
    assert "pip install 'spacy-brnn[vectors]'" in result.output


def test_names_what_is_wrong(corpus, tmp_path):
    pytest.importorskip("gensim", reason="the extra `vectors` is not installed")
    other = tmp_path / "other.spacy"
    other.write_text("no DocBin")
    result = CliRunner().invoke(main, [str(other), "-o", str(tmp_path / "out.txt")])
    assert (result.exit_code, "other.spacy is not a DocBin" in result.output) == (1, True)
    arguments = [str(corpus), "-o", str(tmp_path / "out.txt"), "--min-count", "999"]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, "no word occurs 999 times" in result.output) == (1, True)
    assert not (tmp_path / "out.txt").exists()
