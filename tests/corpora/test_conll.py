import gzip

import pytest
import spacy
from click.testing import CliRunner
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_brnn.cli import main
from spacy_brnn.corpora.conll import convert_conll
from spacy_brnn.corpora.errors import CorpusError
from spacy_brnn.known_labels import known_labels

# IOB1, and one of the headers has a slip of the published files.
CONLL = """-DOCSTART- -X- OO O

EU NNP I-NP I-ORG
rejects VBZ I-VP O

Peter NNP I-NP I-PER
Paul NNP I-NP B-PER
Bonn NNP I-NP I-LOC

-DOCSTART- -X- O O

Ada NNP I-NP I-PER
"""
# IOB2, with tabs in its blank lines and no documents.
WNUT = "Empire\tB-location\nState\tI-location\n\t\n\t\nnow\t-\n\n"


def convert(tmp_path, text, **options):
    (tmp_path / "a.conll").write_text(text, encoding="utf8")
    convert_conll(tmp_path / "a.conll", tmp_path / "out" / "a.spacy", **options)
    return list(DocBin().from_disk(tmp_path / "out" / "a.spacy").get_docs(spacy.blank("en").vocab))


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_documents_stay_whole(tmp_path):
    first, second = convert(tmp_path, CONLL)
    assert [t.text for t in first] == ["EU", "rejects", "Peter", "Paul", "Bonn"]
    assert ents(first) == [("EU", "ORG"), ("Peter", "PER"), ("Paul", "PER"), ("Bonn", "LOC")]
    assert [t.is_sent_start for t in first] == [True, False, True, False, False]
    assert ents(second) == [("Ada", "PER")]


def test_no_entity_goes_on_in_another_sentence(tmp_path):
    [doc] = convert(tmp_path, "Said O\nJohn I-PER\n\nMary I-PER\nAnn I-PER\n", group=2)
    assert ents(doc) == [("John", "PER"), ("Mary Ann", "PER")]


def test_the_input_is_kept(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(CONLL)
    with pytest.raises(CorpusError, match="is the input: name another file"):
        convert_conll(path, path)
    assert path.read_text() == CONLL


def test_line_breaks_stand_between_sentences(tmp_path):
    first, second = convert(tmp_path, CONLL, line_breaks=True)
    assert [t.text for t in first] == ["EU", "rejects", "\n", "Peter", "Paul", "Bonn"]
    assert first[2].ent_iob_ == "O" and len(first.ents) == 4
    assert [t.text for t in second] == ["Ada"]


def test_without_documents_each_sentence_is_one(tmp_path):
    first, second = convert(tmp_path, WNUT)
    assert ents(first) == [("Empire State", "location")]
    assert [(t.text, t.ent_iob) for t in second] == [("now", 0)]


def test_spacy_trains_on_the_file_s_own_words(tmp_path):
    convert(tmp_path, "don't B-X\n(me) O\n")
    (example,) = Corpus(tmp_path / "out" / "a.spacy")(spacy.blank("en"))
    assert [t.text for t in example.predicted] == ["don't", "(me)"]
    assert example.get_aligned_ner() == ["U-X", "O"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("EU I-ORG\nrejects\n", "a.conll, line 2: a word and its tag expected, found 'rejects'"),
        ("EU NNP\n", "a.conll, line 1: the last column must be an IOB tag .* not 'NNP'"),
        ("\n\n", "a.conll: holds no tokens"),
    ],
)
def test_unsound_files_are_refused(tmp_path, text, message):
    with pytest.raises(CorpusError, match=message):
        convert(tmp_path, text)
    assert not list(tmp_path.glob("out/*"))


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "a.conll").write_bytes(b"Ume\xe5 B-LOC\n")
    with pytest.raises(CorpusError, match=r"is not UTF-8 \(byte 3\): convert it first"):
        convert_conll(tmp_path / "a.conll", tmp_path / "a.spacy")


def test_the_command(tmp_path):
    (tmp_path / "a.conll").write_text(CONLL)
    arguments = ["convert", "conll", str(tmp_path / "a.conll"), str(tmp_path / "a.spacy")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "a.spacy: 2 documents" in result.stderr
    (tmp_path / "a.conll").write_text("EU\n")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and "line 1" in result.stderr


def test_types_become_labels(tmp_path):
    types = {"ORG": "ORG", "PER": "PERSON", "LOC": "-"}
    first, _ = convert(tmp_path, CONLL, types=types)
    assert ents(first) == [("EU", "ORG"), ("Peter", "PERSON"), ("Paul", "PERSON")]
    assert first[4].ent_iob == 0
    first, _ = convert(tmp_path, CONLL, types={**types, "PER": "O"})
    assert first[2].ent_iob_ == "O"


def test_two_types_that_become_one_stay_two_entities(tmp_path):
    (doc,) = convert(tmp_path, "a I-X\nb I-Y\nc I-Y\n", types={"X": "Z", "Y": "Z"})
    assert ents(doc) == [("a", "Z"), ("b c", "Z")]


def test_a_type_without_a_label_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"a\.conll: the types do not say what 'PER' is"):
        convert(tmp_path, CONLL, types={"ORG": "ORG"})


def test_sentences_in_a_row(tmp_path):
    text = "a O\n\n\nb O\n\nc O\n\nd O\n"
    docs = convert(tmp_path, text, group=3)
    assert [[t.text for t in doc] for doc in docs] == [["a", "b", "c"], ["d"]]
    assert [t.is_sent_start for t in docs[0]] == [True, True, True]
    with_breaks = convert(tmp_path, text, group=3, line_breaks=True)
    assert [t.text for t in with_breaks[0]] == ["a", "\n", "b", "\n", "c"]
    assert len(convert(tmp_path, CONLL, group=3)) == 2


def test_the_labels_of_a_file_are_kept_with_its_documents(tmp_path):
    first, second = convert(tmp_path, CONLL, known_labels=["PER", "ORG"])
    assert known_labels(first) == known_labels(second) == {"PER", "ORG"}
    (doc, _) = convert(tmp_path, CONLL)
    assert known_labels(doc) is None


def test_gzip(tmp_path):
    (tmp_path / "a.conll.gz").write_bytes(gzip.compress(WNUT.encode()))
    assert convert_conll(tmp_path / "a.conll.gz", tmp_path / "a.spacy") == 2
    (tmp_path / "b.conll.gz").write_bytes(gzip.compress(WNUT.encode() * 1000)[:60])
    with pytest.raises(CorpusError, match=r"b\.conll\.gz: cannot be read"):
        convert_conll(tmp_path / "b.conll.gz", tmp_path / "b.spacy")


def test_types_and_known_labels_on_the_command_line(tmp_path):
    (tmp_path / "a.conll").write_text(CONLL)
    (tmp_path / "types.json").write_text('{"ORG": "O", "PER": "PER", "LOC": "LOC"}')
    arguments = ["convert", "conll", str(tmp_path / "a.conll"), str(tmp_path / "a.spacy")]
    arguments += ["--labels-known", "PER,LOC", "--types", str(tmp_path / "types.json")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    first, _ = DocBin().from_disk(tmp_path / "a.spacy").get_docs(spacy.blank("en").vocab)
    assert ents(first)[0] == ("Peter", "PER") and known_labels(first) == {"PER", "LOC"}
    for text in ("[]", "{", '{"PER": 1}'):
        (tmp_path / "types.json").write_text(text)
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1 and "types.json" in result.stderr
