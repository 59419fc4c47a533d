import json

import numpy
import pytest
import spacy
from click.testing import CliRunner
from spacy.vectors import Vectors

from spacy_brnn.corpora.docbin import write_docbin
from spacy_brnn.corpora.word_list import count_words, main

VECTORS = """the 0.1 0.2 0.3
of 1.0 1.1 1.2
film -1 -2 -3
plot 4 5 6
"""


@pytest.fixture
def files(tmp_path):
    """A corpus of lines, one of documents, and published vectors."""
    texts = ["The film, the FILM!\n\n  The plot", "a plot of <b>the</b> zzyzx zzyzx http://a.com"]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "texts.jsonl").write_text(lines, "utf-8")
    write_docbin(spacy.blank("en").pipe(["film ‘film’"] * 3), tmp_path / "docs.spacy")
    (tmp_path / "vectors.txt").write_text(VECTORS, "utf-8")
    return tmp_path


def run(files, *options, corpora=("texts.jsonl",)):
    paths = [str(files / name) for name in corpora]
    arguments = ["--vectors", str(files / "vectors.txt"), "-o", str(files / "out.txt")]
    return CliRunner().invoke(main, [*paths, *arguments, *options])


def written(files):
    head, *lines = (files / "out.txt").read_text("utf-8").splitlines()
    return head, {line.split()[0]: [float(n) for n in line.split()[1:]] for line in lines}


def test_words_are_counted_as_they_are_looked_up(files):
    counts = count_words([files / "texts.jsonl", files / "docs.spacy"])
    assert counts["the"] == 4
    assert counts["film"] == 2 + 6
    assert counts["zzyzx"] == counts["plot"] == 2
    assert counts["<url>"] == 1
    assert not any(word.isspace() for word in counts)


def test_words_of_the_corpora_come_first_then_published_ones(files):
    result = run(files, "--min-count", "2", "--rows", "5")
    assert result.exit_code == 0, result.output
    head, vectors = written(files)
    assert head == "5 3"
    assert list(vectors)[:2] == ["the", "film"]
    assert set(vectors) == {"the", "film", "plot", "zzyzx", "of"} and list(vectors)[-1] == "of"
    assert vectors["the"] == [0.1, 0.2, 0.3] and vectors["film"] == [-1, -2, -3]
    assert "out.txt: 5 words, 4 with a published vector" in result.output


def test_a_word_without_a_vector_gets_one_by_the_seed(files):
    drawn = []
    for seed in (0, 0, 1):
        assert run(files, "--min-count", "2", "--seed", str(seed)).exit_code == 0
        drawn.append(written(files)[1]["zzyzx"])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 3 and 0 < numpy.abs(drawn[0]).max() < 1


def test_rarer_words_and_more_than_own_are_left_out(files):
    assert run(files, "--min-count", "3", "--own", "9").exit_code == 0
    assert set(written(files)[1]) == {"the", "of", "film", "plot"}
    assert run(files, "--min-count", "1", "--own", "1", "--rows", "2").exit_code == 0
    assert list(written(files)[1]) == ["the", "of"]


def test_there_are_never_more_than_rows(files):
    assert run(files, "--min-count", "1", "--rows", "2").exit_code == 0
    head, vectors = written(files)
    assert head == "2 3" and len(vectors) == 2


@pytest.mark.parametrize("ending", ["\n", " \n", "\r\n"])
def test_the_head_line_of_word2vec_and_spaces_at_the_end_are_no_vectors(files, ending):
    (files / "vectors.txt").write_bytes(("4 3\n" + VECTORS).replace("\n", ending).encode())
    assert run(files, "--min-count", "2").exit_code == 0
    head, vectors = written(files)
    assert head == "5 3" and vectors["plot"] == [4, 5, 6] and "4" not in vectors


def test_a_published_word_of_several_parts_spoils_no_other(files):
    text = VECTORS + "the name@domain.com 7 8 9\n. . 7 8 9\n"
    (files / "vectors.txt").write_text(text, "utf-8")
    assert run(files, "--min-count", "2").exit_code == 0
    head, vectors = written(files)
    assert vectors["the"] == [0.1, 0.2, 0.3]
    assert head == f"{len(vectors)} 3" and {len(v) for v in vectors.values()} == {3}


def test_spacy_reads_what_comes_out(files):
    from spacy.training.initialize import convert_vectors

    assert run(files, "--min-count", "2").exit_code == 0
    nlp = spacy.blank("en")
    convert_vectors(nlp, files / "out.txt", truncate=0, prune=-1)
    assert isinstance(nlp.vocab.vectors, Vectors) and nlp.vocab.vectors.shape == (5, 3)
    numpy.testing.assert_allclose(nlp.vocab["film"].vector, [-1, -2, -3])


def test_a_file_without_vectors_is_refused_and_nothing_written(files):
    (files / "vectors.txt").write_text("these are words\n", "utf-8")
    result = run(files)
    assert result.exit_code == 1
    assert "vectors.txt holds no vectors (lines of a word and its numbers)" in result.output
    assert not (files / "out.txt").exists()


def test_a_bad_line_of_a_corpus_is_one_line(files):
    (files / "texts.jsonl").write_text('{"text": "fine"}\n{}\n', "utf-8")
    result = run(files)
    assert result.exit_code == 1
    assert result.output.strip() == f"Error: {files / 'texts.jsonl'}, line 2: no object with text"
