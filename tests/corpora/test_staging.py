import pytest

from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.corpora.staging import staged_files


def test_files_appear_together_at_the_end(tmp_path):
    output = tmp_path / "new" / "out"
    with staged_files(output, ["a", "b"]) as staging:
        (staging / "a").write_text("1")
        (staging / "b").write_text("2")
        assert not (output / "a").exists()
        assert staging.parent == output, "a rename must not cross file systems"
    assert {path.name: path.read_text() for path in output.iterdir()} == {"a": "1", "b": "2"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error(tmp_path, error):
    with pytest.raises(error), staged_files(tmp_path, ["a"]) as staging:
        (staging / "a").write_text("1")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_earlier_files_are_replaced(tmp_path):
    (tmp_path / "a").write_text("earlier")
    with staged_files(tmp_path, ["a"]) as staging:
        (staging / "a").write_text("now")
    assert (tmp_path / "a").read_text() == "now"


def test_unwritable_output_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "out"):
        with (
            pytest.raises(CorpusError, match="cannot be written"),
            staged_files(output, ["a"]),
        ):
            pytest.fail("the work began")


def test_folder_in_the_place_of_a_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "a").mkdir()
    with (
        pytest.raises(CorpusError, match="a: is a folder"),
        staged_files(tmp_path, ["a"]),
    ):
        pytest.fail("the work began")
