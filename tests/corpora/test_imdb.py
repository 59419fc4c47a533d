from itertools import pairwise
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus

from spacy_brnn.corpora import imdb
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.imdb import convert_imdb, cut_splits, is_dev_film
from spacy_brnn.corpora.imdb_reviews import Review


def read(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def ids(path: Path) -> set[str]:
    return {doc.user_data["id"] for doc in read(path)}


def written(output: Path) -> set[str]:
    return {path.name for path in output.iterdir()}


@pytest.fixture
def output(tmp_path):
    return tmp_path / "new" / "corpus"


def test_archive_becomes_train_dev_and_test(corpus_files, make_archive, output):
    conversion = convert_imdb(make_archive(corpus_files.items()), output)
    assert conversion.counts == {"train.spacy": 4, "dev.spacy": 2, "test.spacy": 6}
    assert conversion.notices == []
    assert written(output) == {"train.spacy", "dev.spacy", "test.spacy"}
    assert ids(output / "dev.spacy") == {"train/pos/0_9", "train/neg/0_2"}
    assert ids(output / "train.spacy") == {
        "train/pos/1_9", "train/pos/2_9", "train/neg/1_2", "train/neg/2_2",
    }  # fmt: skip
    assert len(ids(output / "test.spacy")) == 6


def test_folder_and_archive_give_the_same_bytes(corpus_files, make_archive, make_folder, tmp_path):
    archive, folder = make_archive(corpus_files.items()), make_folder(corpus_files)
    for name, source in {"a": archive, "b": folder, "c": folder.parent}.items():
        convert_imdb(source, tmp_path / name, unsup=True)
    names = written(tmp_path / "a")
    assert len(names) == 4
    for name in names:
        content = (tmp_path / "a" / name).read_bytes()
        assert (tmp_path / "b" / name).read_bytes() == content
        assert (tmp_path / "c" / name).read_bytes() == content


def test_order_of_members_does_not_matter(corpus_files, make_archive, tmp_path):
    first = make_archive(corpus_files.items())
    convert_imdb(first, tmp_path / "a")
    convert_imdb(make_archive(reversed(corpus_files.items())), tmp_path / "b")
    for name in ("train.spacy", "dev.spacy", "test.spacy"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_documents_are_as_the_tokenizer_makes_them(corpus_files, make_archive, output):
    text = "It isn't  bad,<br />e.g. the cast."
    corpus_files["train/pos/0_9.txt"] = text.encode()
    convert_imdb(make_archive(corpus_files.items()), output)
    doc = next(doc for doc in read(output / "dev.spacy") if doc.cats["POSITIVE"])
    expected = spacy.blank("en")("It isn't  bad,\ne.g. the cast.")
    assert doc.text == expected.text
    assert [token.text for token in doc] == [token.text for token in expected]
    assert [token.norm_ for token in doc] == [token.norm_ for token in expected]
    assert "not" in [token.norm_ for token in doc]


@pytest.mark.parametrize("name", ["train.spacy", "dev.spacy", "test.spacy"])
def test_labels_follow_the_folder(corpus_files, make_archive, output, name):
    convert_imdb(make_archive(corpus_files.items()), output)
    for doc in read(output / name):
        positive = "/pos/" in doc.user_data["id"]
        assert doc.cats == {"POSITIVE": float(positive), "NEGATIVE": float(not positive)}
        assert doc.user_data["film"].startswith("tt")


def test_unsup_on_request_without_labels(corpus_files, make_archive, output):
    conversion = convert_imdb(make_archive(corpus_files.items()), output, unsup=True)
    assert conversion.counts["unsup.spacy"] == 3
    assert [doc.cats for doc in read(output / "unsup.spacy")] == [{}, {}, {}]


def test_unsup_is_not_even_read_without_request(corpus_files, make_archive, output):
    corpus_files["train/unsup/0_0.txt"] = b""
    conversion = convert_imdb(make_archive(corpus_files.items()), output)
    assert "unsup.spacy" not in conversion.counts
    assert conversion.notices == []


def test_spacy_reads_the_result(corpus_files, make_archive, output):
    convert_imdb(make_archive(corpus_files.items()), output)
    examples = list(Corpus(output / "train.spacy")(spacy.blank("en")))
    assert len(examples) == 4
    assert all(set(example.reference.cats) == {"POSITIVE", "NEGATIVE"} for example in examples)


def test_train_includes_dev(corpus_files, make_archive, output):
    source = make_archive(corpus_files.items())
    conversion = convert_imdb(source, output, train_includes_dev=True)
    assert conversion.counts == {"train.spacy": 6, "dev.spacy": 2, "test.spacy": 6}
    assert ids(output / "dev.spacy") < ids(output / "train.spacy")
    assert any("dev.spacy is part of train.spacy" in notice for notice in conversion.notices)


@pytest.mark.parametrize(
    ("split", "skipped"),
    [("test/", ["test.spacy"]), ("train/", ["train.spacy", "dev.spacy", "unsup.spacy"])],
)
def test_missing_split_is_skipped_with_a_notice(corpus_files, make_archive, output, split, skipped):
    members = [item for item in corpus_files.items() if not item[0].startswith(split)]
    conversion = convert_imdb(make_archive(members), output, unsup=True)
    assert [notice.split()[:2] for notice in conversion.notices] == [
        [name, "skipped:"] for name in skipped
    ]
    assert written(output).isdisjoint(skipped)
    assert set(conversion.counts) == written(output)


def test_dev_is_cut_by_the_hash_of_the_film():
    films = [f"tt{number:07d}" for number in range(1, 60)]
    assert [film for film in films if is_dev_film(film)] == [
        "tt0000001", "tt0000015", "tt0000025", "tt0000036", "tt0000043", "tt0000046",
    ]  # fmt: skip


def reviews_of(films: range, positive: bool) -> list[Review]:
    folder = "train/pos" if positive else "train/neg"
    return [
        Review(f"{folder}/{number}_9", "text", positive, f"tt{film:07d}")
        for number, film in enumerate(film for film in films for _ in range(3))
    ]


@pytest.fixture
def reviews():
    return {
        "train/pos": reviews_of(range(1, 60), True),
        "train/neg": reviews_of(range(30, 90), False),
        "test/pos": [],
        "test/neg": [],
    }


def test_no_film_is_on_both_sides(reviews):
    splits = cut_splits(reviews)
    films = {name: {review.film for review in split} for name, split in splits.items()}
    assert films["train.spacy"] and films["dev.spacy"]
    assert films["train.spacy"].isdisjoint(films["dev.spacy"])
    assert len(splits["train.spacy"]) + len(splits["dev.spacy"]) == (59 + 60) * 3


def test_classes_are_mixed_in_an_order_that_stays(reviews):
    train = cut_splits(reviews)["train.spacy"]
    changes = sum(a.positive != b.positive for a, b in pairwise(train))
    assert changes > len(train) / 4
    turned = {name: split[::-1] for name, split in reviews.items()}
    assert cut_splits(turned)["train.spacy"] == train


def test_an_error_leaves_earlier_output_alone(corpus_files, make_archive, output):
    output.mkdir(parents=True)
    (output / "train.spacy").write_bytes(b"earlier")
    corpus_files["test/neg/2_1.txt"] = b"\xff"
    with pytest.raises(CorpusError):
        convert_imdb(make_archive(corpus_files.items()), output)
    assert written(output) == {"train.spacy"}
    assert (output / "train.spacy").read_bytes() == b"earlier"


def test_a_failed_write_leaves_nothing(corpus_files, make_archive, output, monkeypatch):
    def write_one_then_fail(docs, path):
        path.write_bytes(b"half")
        if path.name == "dev.spacy":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(imdb, "write_docbin", write_one_then_fail)
    with pytest.raises(CorpusError, match=r"corpus: cannot be written \(No space left on device\)"):
        convert_imdb(make_archive(corpus_files.items()), output)
    assert written(output) == set()
