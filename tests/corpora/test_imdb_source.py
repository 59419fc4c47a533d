import gzip

import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.imdb_source import ImdbArchive, ImdbFolder, open_imdb

FOLDERS = ("train/pos", "test/neg")
NAMES = {
    "train/urls_pos.txt", "train/pos/0_9.txt", "train/pos/1_9.txt", "train/pos/2_9.txt",
    "test/urls_neg.txt", "test/neg/0_1.txt", "test/neg/1_1.txt", "test/neg/2_1.txt",
}  # fmt: skip


@pytest.fixture(params=["archive", "folder"])
def source(request, corpus_files, make_archive, make_folder):
    corpus_files |= {"train/pos/._0_9.txt": b"\xff", "train/pos/notes.txt": b"", "x.txt": b""}
    if request.param == "folder":
        return open_imdb(make_folder(corpus_files))
    return open_imdb(make_archive(corpus_files.items()))


def test_files_of_the_folders_asked_for(source, corpus_files):
    files = list(source.files(FOLDERS))
    assert sorted(file.name for file in files) == sorted(NAMES)
    for file in files:
        assert file.data == corpus_files[file.name]
        assert file.folder in FOLDERS
        assert file.number == (None if "urls" in file.name else int(file.name.split("/")[2][0]))


def test_progress_adds_up_to_no_more_than_the_size(source):
    progress = [file.progress for file in source.files(FOLDERS)]
    assert 0 < sum(progress) <= source.size(FOLDERS)
    assert min(progress) >= 0


def test_size_of_a_folder_is_its_number_of_files(corpus_files, make_folder):
    assert open_imdb(make_folder(corpus_files)).size(FOLDERS) == len(NAMES)


def test_folder_or_the_one_around_it(corpus_files, make_folder, tmp_path):
    root = make_folder(corpus_files)
    assert open_imdb(root) == open_imdb(tmp_path) == ImdbFolder(root)


def test_two_corpora_are_ambiguous(corpus_files, make_folder, tmp_path):
    make_folder(corpus_files)
    (tmp_path / "train").mkdir()
    with pytest.raises(CorpusError, match=r"another one in aclImdb/; give one of them"):
        open_imdb(tmp_path)


def test_wrong_folder(corpus_files, make_folder):
    with pytest.raises(CorpusError, match=r"pos: holds neither train/ nor test/"):
        open_imdb(make_folder(corpus_files) / "train" / "pos")


def test_unreadable_file(corpus_files, make_folder):
    root = make_folder(corpus_files)
    (root / "train/pos/0_9.txt").unlink()
    (root / "train/pos/0_9.txt").symlink_to(root / "gone")
    with pytest.raises(CorpusError, match=r"0_9\.txt: cannot be read \(No such file"):
        list(open_imdb(root).files(FOLDERS))


def test_missing_archive(tmp_path):
    with pytest.raises(CorpusError, match=r"gone\.tar\.gz: cannot be read"):
        list(ImdbArchive(tmp_path / "gone.tar.gz").files(FOLDERS))


def test_archive_truncated_anywhere(corpus_files, make_archive):
    path = make_archive(corpus_files.items())
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CorpusError, match=r"no complete \.tar\.gz archive") as error:
            list(open_imdb(path).files(FOLDERS))
        assert "\n" not in str(error.value)


def test_archive_with_a_damaged_byte(corpus_files, make_archive):
    path = make_archive(corpus_files.items())
    content = bytearray(path.read_bytes())
    for place in range(30, len(content), 7):
        damaged = content.copy()
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with pytest.raises(CorpusError, match=r"no complete \.tar\.gz archive"):
            list(open_imdb(path).files(FOLDERS))


# A test's name must not tell the time: processes that share the tests would not agree on it.
NO_TAR = gzip.compress(b"no tar" * 200, mtime=0)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", NO_TAR])
def test_no_archive(tmp_path, content):
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"no complete \.tar\.gz archive"):
        list(open_imdb(path).files(FOLDERS))
