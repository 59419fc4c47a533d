from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks import length
from benchmarks.client import Problem, Worker
from benchmarks.clock import Clock, Enough
from benchmarks.documents import Document, Slices
from benchmarks.peers import SYSTEMS
from benchmarks.peers.base import System
from benchmarks.peers.spacy_training import train_pipeline
from benchmarks.speed import Figures, Pass, as_row, measure, turns
from benchmarks.worker import answer

CONFIGS = Path(__file__).resolve().parents[2] / "benchmarks" / "configs"


class Broken(System):
    def __init__(self, error):
        super().__init__("broken", "Broken")
        self.error = error

    def load(self):
        raise self.error

    def score_all(self, texts, processes=1):
        return []

    def score_one(self, text):
        return 0.0


class ScriptedWorker:
    """Answers like a worker, and keeps what it was asked."""

    asked: ClassVar[list] = []

    def __init__(self, system, threads, show=False):
        self.system = system

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def ask(self, command, **arguments):
        if command == "score":
            self.asked.append((self.system, arguments["processes"], tuple(arguments["texts"])))
            if self.system == "asent" and arguments["processes"] == 2:
                raise Problem("does not work")
        replies = {
            "load": {"seconds": 1.0, "size": 5, "detail": None},
            "score": {"seconds": 2.0, "scores": [1.0] * len(arguments.get("texts", []))},
            "latency": {"seconds": 0.5},
            "memory": {"peak": 7},
        }
        return replies[command]


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.Worker", ScriptedWorker)
    monkeypatch.setattr(ScriptedWorker, "asked", [])
    return ScriptedWorker.asked


def documents(first, count):
    return [Document(f"text {number}", 10, True) for number in range(first, first + count)]


def test_rounds_begin_with_different_systems():
    orders = [turns("abcdef", number, 3) for number in range(3)]
    assert [order[0] for order in orders] == ["a", "c", "e"]
    assert all(sorted(order) == list("abcdef") for order in orders)


def test_every_system_is_timed_once_a_round_on_the_same_unseen_documents(scripted):
    names = ["tokenizer", "torch", "brnn", "spacytextblob", "vader"]
    slices = Slices(documents(0, 2), [documents(2, 3), documents(5, 3)])
    rows = measure([SYSTEMS[name] for name in names], slices, 1, 1, str)
    both = {"tokenizer", "brnn", "vader"}
    for part in slices.rounds:
        texts = tuple(document.text for document in part)
        times = [(name, processes) for name, processes, read in scripted if read == texts]
        assert sorted(times) == sorted(
            # After two processes, one catches up on their words.
            [(name, n) for name in both for n in (1, 1, 2)] + [("spacytextblob", 1)]
        )
    row = rows[2]
    assert row["accuracy"] == 1.0 and row["accuracy_documents"] == 8
    assert row["share_of_tokenizer"]["median"] == row["gain_of_2_processes"]["median"] == 1.0
    assert rows[0]["accuracy"] is None
    assert rows[1]["processes_1"]["documents_per_second"] is None


def test_slow_systems_read_less(scripted):
    slices = Slices(documents(0, 40), [documents(40, 40)])
    rows = measure([SYSTEMS["tokenizer"], SYSTEMS["distilbert"]], slices, 1, 1, str)
    assert rows[1]["documents_per_round"] == 16
    assert rows[1]["accuracy"] is None and rows[1]["published"]["accuracy"] == 0.928


def test_what_fails_in_a_round_is_a_note_and_not_tried_again(scripted):
    slices = Slices(documents(0, 2), [documents(2, 2), documents(4, 2)])
    row = measure([SYSTEMS["tokenizer"], SYSTEMS["asent"]], slices, 1, 1, str)[1]
    assert row["problem"] is None
    assert row["notes"] == ["2 process(es), round 1: does not work"]
    assert len(row["processes_1"]["tokens_per_second"]) == 3


def test_figures_are_medians_against_the_tokenizer_of_the_same_round():
    fast, slow = Figures(SYSTEMS["tokenizer"]), Figures(SYSTEMS["vader"])
    for number, seconds in enumerate((1.0, 2.0, 4.0)):
        fast.passes[1][number] = Pass(10, 100, seconds)
        slow.passes[1][number] = Pass(10, 100, 2 * seconds)
    row = as_row(slow, fast)
    assert row["processes_1"]["documents_per_second"] == {"median": 2.5, "min": 1.25, "max": 5.0}
    assert row["share_of_tokenizer"] == {"median": 0.5, "min": 0.5, "max": 0.5}


def test_a_package_that_is_missing_is_a_problem_with_its_remedy():
    reply = answer(Broken(ModuleNotFoundError(name="keras.layers")), {"command": "load"})
    assert reply == {"problem": "not installed (keras.layers): pip install -e '.[benchmarks]'"}


def test_weights_that_are_missing_are_a_problem_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.peers.base.TRAINED", tmp_path)
    for name in ("textcat_bow", "keras", "distilbert"):
        reply = answer(SYSTEMS[name], {"command": "load"})
        assert reply == {"problem": f"not trained: python -m benchmarks train --systems {name}"}


def test_any_other_error_is_a_problem_of_one_line():
    reply = answer(Broken(RuntimeError("first\nlast")), {"command": "load"})
    assert reply == {"problem": "RuntimeError: last"}


def test_a_worker_that_dies_says_so():
    with Worker("no-such-system", 1) as worker, pytest.raises(Problem, match="KeyError"):
        worker.ask("load")


def test_clock_leaves_out_the_first_step_and_pauses():
    clock = Clock(limit=3)
    clock.step(100)
    clock.step(2)
    clock.step(1)
    assert clock.documents == 2
    with pytest.raises(Enough):
        clock.step(5)
    assert clock.documents == 3


def test_training_is_timed_and_stopped(tmp_path):
    import spacy
    from spacy.tokens import DocBin

    nlp = spacy.blank("en")
    docs = []
    for text, positive in (("good " * 300, 1.0), ("bad " * 300, 0.0)) * 20:
        doc = nlp(text)
        doc.cats = {"POSITIVE": positive, "NEGATIVE": 1.0 - positive}
        docs.append(doc)
    path = tmp_path / "train.spacy"
    DocBin(docs=docs).to_disk(path)
    figures = train_pipeline(CONFIGS / "textcat_bow.cfg", path, path, None, limit=50)
    assert 50 <= figures["documents"] < 100
    full = train_pipeline(CONFIGS / "textcat_bow.cfg", path, path, tmp_path)
    assert full["dev_accuracy"] is not None
    assert (tmp_path / "model-best").exists()


def test_of_a_length_the_quickest_round_counts(monkeypatch):
    seconds = iter([9.0, 4.0, 5.0])

    class Slow(ScriptedWorker):
        def ask(self, command, **arguments):
            reply = super().ask(command, **arguments)
            timed = command == "score" and arguments["texts"] != ["warm up"] * length.WARMUP
            return {**reply, "seconds": next(seconds)} if timed else reply

    monkeypatch.setattr(length, "Worker", Slow)
    documents = [Document("warm up", 2, None)] * length.WARMUP + [Document("one two", 2, None)]
    (row,) = length.measure([SYSTEMS["brnn"]], documents, (100,), 3, 1, lambda line: None)
    assert row["microseconds_per_token"] == pytest.approx(4.0 * 1e6 / 50_000)
    assert row["tokens"] == 100 and row["documents"] == 500 and row["peak_bytes"] == 7


def test_a_length_that_fails_is_told_of(monkeypatch):
    class Failing(ScriptedWorker):
        def ask(self, command, **arguments):
            raise Problem("no")

    monkeypatch.setattr(length, "Worker", Failing)
    documents = [Document("one two", 2, None)] * 60
    rows = length.measure([SYSTEMS["brnn"]], documents, (100, 1000), 2, 1, lambda line: None)
    assert [row["problem"] for row in rows] == ["no", "no"]
