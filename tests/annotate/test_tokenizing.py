"""Tokenizing in other processes, with a pipeline on the CPU in the place of one on a GPU."""

import multiprocessing
import pickle
import signal
import time
from dataclasses import dataclass
from functools import partial

import pytest
import spacy
from spacy.attrs import IDS, LEMMA, LENGTH, NORM, ORTH, SPACY, TAG
from spacy.tokens import Doc

from spacy_brnn.annotate import annotator
from spacy_brnn.annotate.annotator import Annotation, Annotator, Failure, PipelineOptions
from spacy_brnn.annotate.records import AnnotateError
from spacy_brnn.annotate.tokenizing import DocumentTokenizer, Tokenized
from spacy_brnn.annotate.workers import (
    BATCHES_PER_WORKER,
    annotate_tokenized,
    in_workers,
)

from .conftest import MAIN, read_jsonl, write_jsonl
from .test_resume import records_done
from .worker_standins import load_mortal

NO_GPU = "from spacy_brnn.annotate import annotator; annotator._use_gpu = lambda gpu_id: None; "
TEXTS = [
    "I don't think it's good, y'all. Can't go wrong: gonna be great :-)",
    "",
    " ",
    "two  spaces \n\n and\ta tab, at the end\n",
    "\ud83d lone, 😀 paired, e\u0301 é \u2028 \ufeff \0",
    "good " * 300,
    "Zyxwv 10km (3.5%) U.S. o'clock http://example.com/?q=1",
]


@dataclass(frozen=True)
class Batch:
    texts: list

    def documents(self):
        return self.texts


@pytest.fixture
def no_gpu(monkeypatch):
    """Let the CPU stand in for the GPU."""
    monkeypatch.setattr(annotator, "_use_gpu", lambda gpu_id: None)


def through_pickle(documents):
    return pickle.loads(pickle.dumps(documents))


def values(doc):
    attrs = sorted({ORTH, SPACY, NORM, LENGTH, LEMMA, TAG, *(IDS[n] for n in ("SHAPE", "SUFFIX"))})
    return doc.text, doc.to_array(attrs).tolist(), [token.norm_ for token in doc], doc.user_data


@pytest.mark.parametrize("text", TEXTS)
def test_a_doc_comes_out_as_the_tokenizer_made_it(text):
    text = annotator.replace_surrogates(text)
    doc = spacy.blank("en").make_doc(text)
    tokenized = through_pickle(Tokenized.of(doc))
    again = tokenized.to_doc(spacy.blank("en").vocab)
    assert values(again) == values(doc)
    assert again.has_unknown_spaces == doc.has_unknown_spaces


def test_annotations_are_those_of_one_process():
    """With the weights that ship."""
    tokenize, annotate = DocumentTokenizer(), Annotator(PipelineOptions())
    documents = through_pickle(tokenize(TEXTS))
    assert {type(document) for document in documents} == {Tokenized}
    assert annotate(documents) == annotate(TEXTS)


def test_kept_docs_are_those_of_one_process(entity_model):
    annotate = Annotator(PipelineOptions(entity_model, with_docs=True))
    texts = [*TEXTS, "a good Casablanca"]
    tokenized = annotate(DocumentTokenizer(str(entity_model))(texts)).results
    for result, expected in zip(tokenized, annotate(texts).results, strict=True):
        assert result.fields == expected.fields
        doc, same = (Doc(annotate.nlp.vocab).from_bytes(r.doc) for r in (result, expected))
        assert doc.to_json() == same.to_json()
        assert values(doc) == values(same)


def test_serialized_docs_pass_through(model):
    data = spacy.blank("en").make_doc("good").to_bytes()
    assert DocumentTokenizer(str(model))([data]) == [data]


def test_no_component_is_loaded(tmp_path, model):
    """Neither its code nor its weights need to be there."""
    nlp = spacy.load(model)
    nlp.add_pipe("sentencizer")
    nlp.disable_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    config = tmp_path / "model" / "config.cfg"
    config.write_text(config.read_text().replace('"lexicon_standin"', '"not_installed"'))
    (document,) = DocumentTokenizer(str(tmp_path / "model"))(["a film"])
    assert document.words == ["a", "film"]


def test_the_tokenizer_is_that_of_the_pipeline(tmp_path, model):
    nlp = spacy.load(model)
    nlp.tokenizer.add_special_case("goodbad", [{ORTH: "good", NORM: "fine"}, {ORTH: "bad"}])
    nlp.to_disk(tmp_path / "model")
    documents = DocumentTokenizer(str(tmp_path / "model"))(["goodbad"])
    assert documents[0].words == ["good", "bad"]
    annotate = Annotator(PipelineOptions(tmp_path / "model", with_docs=True))
    (result,) = annotate(documents).results
    assert Doc(annotate.nlp.vocab).from_bytes(result.doc)[0].norm_ == "fine"
    assert result.fields == annotate(["goodbad"]).results[0].fields


class OwnTokenizer:
    """It sets more than spaCy's."""

    def __init__(self, vocab):
        self.vocab = vocab

    def __call__(self, text):
        if "untokenizable" in text:
            raise RuntimeError("told to raise")
        doc = Doc(self.vocab, words=text.split(), tags=["T"] * len(text.split()))
        doc.user_data["own"] = True
        return doc

    def to_disk(self, path, **kwargs):
        pass

    from_disk = to_disk


@pytest.fixture
def own_tokenizer(tmp_path, model):
    spacy.registry.tokenizers(
        "own_tokenizer_standin", func=lambda: lambda nlp: OwnTokenizer(nlp.vocab)
    )
    nlp = spacy.load(model, config={"nlp": {"tokenizer": {"@tokenizers": "own_tokenizer_standin"}}})
    nlp.to_disk(tmp_path / "own")
    return str(tmp_path / "own")


def test_all_that_a_tokenizer_of_another_kind_sets_is_kept(own_tokenizer):
    annotate = Annotator(PipelineOptions(own_tokenizer, with_docs=True))
    (result,) = annotate(DocumentTokenizer(own_tokenizer)(["a film"])).results
    doc = Doc(annotate.nlp.vocab).from_bytes(result.doc)
    assert [token.tag_ for token in doc] == ["T", "T"]
    assert doc.user_data["own"] is True


def test_a_text_that_cannot_be_tokenized_fails_as_in_one_process(own_tokenizer):
    annotate = Annotator(PipelineOptions(own_tokenizer))
    texts = ["good", "untokenizable", "bad"]
    tokenized = annotate(DocumentTokenizer(own_tokenizer)(texts))
    assert tokenized == annotate(texts)
    assert [type(result) for result in tokenized.results] == [Annotation, Failure, Annotation]
    assert "told to raise" in tokenized.results[1].reason


def test_a_document_that_fails_is_found_among_the_others(model):
    annotate = Annotator(PipelineOptions(model))
    texts = ["good", "XXRAISE", "bad"]
    tokenized = annotate(DocumentTokenizer(str(model))(texts))
    assert tokenized == annotate(texts)
    assert isinstance(tokenized.results[1], Failure)


@pytest.mark.parametrize("component", [None, "ner"])
def test_max_length_is_that_of_one_process(component, tmp_path, model):
    nlp = spacy.load(model)
    if component:
        nlp.add_pipe(component).add_label("X")
        nlp.initialize()
    nlp.to_disk(tmp_path / "model")
    annotate = Annotator(PipelineOptions(tmp_path / "model"))
    texts = ["film " * 200_001, "good"]
    tokenized = annotate(DocumentTokenizer(str(tmp_path / "model"))(texts))
    assert tokenized == annotate(texts)
    assert isinstance(tokenized.results[0], Failure if component else Annotation)


def test_a_tokenizer_that_has_learnt_many_words_forgets_them(model, monkeypatch):
    monkeypatch.setattr(annotator, "KEPT_NEW_STRINGS", 0)
    monkeypatch.setattr(annotator, "MOST_NEW_STRINGS", 5)
    tokenize = DocumentTokenizer(str(model))
    tokenize(["kone"])
    known = len(tokenize._nlp.vocab.strings)
    tokenize(["qone qtwo qthree qfour qfive qsix"])
    assert len(tokenize._nlp.vocab.strings) > known + 5
    assert tokenize(["good"])[0].words == ["good"]
    assert len(tokenize._nlp.vocab.strings) < known + 5


def test_batches_come_in_order_and_are_not_read_far_ahead(model):
    read = []

    def batches():
        for number in range(40):
            read.append(number)
            yield Batch([f"film number {number}", "good"] + ["padding"] * (number % 3 * 50))

    load = partial(DocumentTokenizer, str(model))
    annotate = Annotator(PipelineOptions(model))
    annotated = annotate_tokenized(in_workers(batches(), load, 2), annotate)
    for number, (batch, annotations) in enumerate(annotated):
        assert batch.texts[0] == f"film number {number}"
        assert annotations == annotate(batch.texts)
        assert len(read) - number <= 2 * BATCHES_PER_WORKER
    assert len(read) == 40


def test_workers_end_where_the_annotator_is_interrupted(model):
    def interrupted(documents):
        raise KeyboardInterrupt

    batches = (Batch(["good"]) for _ in range(100))
    load = partial(DocumentTokenizer, str(model))
    with pytest.raises(KeyboardInterrupt):
        next(annotate_tokenized(in_workers(batches, load, 2), interrupted))
    deadline = time.monotonic() + 20
    while multiprocessing.active_children():
        assert time.monotonic() < deadline, "workers outlive the run"
        time.sleep(0.05)


def test_a_dead_worker_is_told():
    batches = (Batch(["XXDIE" if number == 20 else "good"]) for number in range(100))
    done = []
    with pytest.raises(AnnotateError, match="a worker process was killed"):
        done.extend(annotate_tokenized(in_workers(batches, load_mortal, 2), list))
    assert [documents for _, documents in done] == [["good"]] * len(done)
    assert len(done) <= 20


class TestCommand:
    """`annotate --n-process 2 --gpu-id 0`."""

    @pytest.fixture
    def corpus(self, tmp_path):
        texts = [f"good film number {i} " + "bad " * (i % 3) for i in range(300)]
        texts[40] = "XXRAISE"
        write_jsonl(tmp_path / "in.jsonl", [{"text": text} for text in texts])
        return ["in.jsonl", "--batch-size", 16, "--errors", "skip"]

    def test_the_bytes_are_those_of_one_process(self, annotate, no_gpu, corpus, tmp_path):
        assert annotate(*corpus, "-o", "one.jsonl").exit_code == 0
        result = annotate(*corpus, "-o", "two.jsonl", "--n-process", 2, "--gpu-id", 0)
        assert result.exit_code == 0, result.stderr
        for ending in ("jsonl", "jsonl.rejects.jsonl"):
            one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
            assert one == two
        (rejected,) = read_jsonl(tmp_path / "two.jsonl.rejects.jsonl")
        assert "told to raise" in rejected["reason"]

    def test_a_signal_ends_it_cleanly(self, annotate, no_gpu, start, slow_model, corpus, tmp_path):
        write_jsonl(tmp_path / "in.jsonl", [{"text": "good film"}] * 8000)
        command = [*corpus, "-o", "out.jsonl", "-q", "--n-process", 2, "--gpu-id", 0]
        process = start(*command, "--model", slow_model, main=NO_GPU + MAIN)
        deadline = time.monotonic() + 60
        while records_done(tmp_path / "out.jsonl.partial") <= 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)
        assert process.returncode == 130
        (line,) = messages.decode().splitlines()
        assert "the same command goes on from there" in line
        assert annotate(*command, use_model=slow_model).exit_code == 0
        assert len(read_jsonl(tmp_path / "out.jsonl")) == 8000

    @pytest.mark.gpu
    def test_a_gpu_gives_what_the_cpu_gives(self, annotate, on_gpu, corpus, tmp_path):
        """With the weights that ship."""
        assert annotate(*corpus, "-o", "cpu.jsonl", use_model=None).exit_code == 0
        with on_gpu():
            command = [*corpus, "-o", "gpu.jsonl", "--n-process", 2, "--gpu-id", 0]
            result = annotate(*command, use_model=None)
        assert result.exit_code == 0, result.stderr
        one, other = (read_jsonl(tmp_path / f"{name}.jsonl") for name in ("cpu", "gpu"))
        assert [row["text"] for row in one] == [row["text"] for row in other]
        polarities = [[row["sentiment_polarity"] for row in rows] for rows in (one, other)]
        # Each device in the precision that it takes by itself.
        assert polarities[0] == pytest.approx(polarities[1], abs=0.04)

    def test_a_gpu_that_is_not_there_is_told_before_workers_start(
        self, annotate, corpus, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(
            "spacy_brnn.annotate.workers.in_workers", lambda *args: pytest.fail("workers started")
        )
        monkeypatch.setattr(spacy, "require_gpu", raise_no_gpu)
        result = annotate(*corpus, "--n-process", 2, "--gpu-id", 0)
        assert result.exit_code == 1
        assert result.stderr == "Error: cannot use GPU 0: no GPU here\n"


def raise_no_gpu(gpu_id):
    raise ValueError("no GPU\nhere")
