import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.imdb_reviews import read_reviews
from spacy_brnn.corpora.imdb_source import open_imdb


@pytest.fixture
def read(corpus_files, make_archive):
    """Read the corpus with these files changed; None takes a file away."""

    def read_changed(changes: dict[str, bytes | None], unsup: bool = False):
        files = {
            name: data for name, data in {**corpus_files, **changes}.items() if data is not None
        }
        return read_reviews(open_imdb(make_archive(files.items())), unsup=unsup)

    return read_changed


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("One<br />two", "One\ntwo"),
        ("One<br /><br />two", "One\n\ntwo"),
        ("One<br/>two", "One\ntwo"),
        ("One<br>two", "One\ntwo"),
        ("One<BR />two", "One\ntwo"),
        ("<br />One<br />", "\nOne\n"),
        ("One < br two <brave> <i>br</i>", "One < br two <brave> br"),
        ("Ça &amp; là\r\n", "Ça & là\r\n"),
    ],
)
def test_line_breaks(read, written, text):
    reviews, _ = read({"train/pos/1_9.txt": written.encode()})
    assert {review.id: review.text for review in reviews["train/pos"]}["train/pos/1_9"] == text


def test_line_of_the_url_list_names_the_film(read):
    urls = b"http://www.imdb.com/title/tt1/x\nhttp://www.imdb.com/title/tt22/x\r\ntt333"
    reviews, notices = read({"train/urls_neg.txt": urls})
    films = {review.id: review.film for review in reviews["train/neg"]}
    assert films == {"train/neg/0_2": "tt1", "train/neg/1_2": "tt22", "train/neg/2_2": "tt333"}
    assert notices == []


def test_label_comes_from_the_folder(read):
    reviews, _ = read({}, unsup=True)
    labels = {name: {review.positive for review in folder} for name, folder in reviews.items()}
    assert labels == {
        "train/pos": {True}, "train/neg": {False}, "train/unsup": {None},
        "test/pos": {True}, "test/neg": {False},
    }  # fmt: skip


def test_films_are_optional_where_nothing_hangs_on_them(read):
    missing = dict.fromkeys(["test/urls_pos.txt", "test/urls_neg.txt", "train/urls_unsup.txt"])
    reviews, notices = read(missing, unsup=True)
    assert [review.film for review in reviews["test/pos"]] == [None] * 3
    assert notices == []


def test_missing_reviews_are_noticed(read):
    _, notices = read({"test/pos/1_8.txt": None})
    assert notices == ["test/pos holds 2 of the 3 reviews in its URL list"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train/pos/1_9.txt": b""}, "train/pos/1_9.txt: the review is empty"),
        ({"train/pos/1_9.txt": b" \n"}, "train/pos/1_9.txt: the review is empty"),
        ({"test/neg/1_1.txt": b"<br /> <br />"}, "test/neg/1_1.txt: the review is empty"),
        ({"train/pos/1_9.txt": b"Caf\xe9"}, "train/pos/1_9.txt: not UTF-8 at byte 3"),
        ({"train/urls_pos.txt": b"\xff"}, "train/urls_pos.txt: not UTF-8 at byte 0"),
        ({"train/pos/1_7.txt": b"Again."}, "train/pos/1_7.txt: has the number of train/pos/1_9"),
        ({"train/urls_pos.txt": None}, "train/urls_pos.txt is missing"),
        ({"train/urls_neg.txt": b"tt1\ntt2\n"}, "train/urls_neg.txt has 2 lines, none for train/n"),
        ({"train/urls_neg.txt": b"tt1\n\ntt2"}, "train/urls_neg.txt, line 2: no film id"),
        ({"train/urls_neg.txt": b""}, "train/urls_neg.txt, line 1: no film id"),
        ({f"test/neg/{number}_1.txt": None for number in range(3)}, "test/neg holds no reviews"),
    ],
)
def test_unsound_corpus(read, changes, message):
    with pytest.raises(CorpusError) as error:
        read(changes)
    assert message in str(error.value)
    assert "aclImdb_v1.tar.gz" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_reviews_at_all(make_archive):
    with pytest.raises(CorpusError, match="holds no reviews"):
        read_reviews(open_imdb(make_archive([("README", b"Nothing here.")])))
