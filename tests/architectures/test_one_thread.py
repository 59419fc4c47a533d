"""Predictions take one thread; the process around them keeps what it has."""

import os
import subprocess
import sys
import threading

import pytest
import torch

from spacy_brnn.architectures.one_thread import one_thread


def seen_by_a_new_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


def test_one_thread_within_and_the_hosts_after(three_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_the_hosts_threads_come_back_after_an_error(three_threads):
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_threads_that_start_meanwhile_keep_theirs(three_threads):
    with one_thread():
        assert seen_by_a_new_thread() == 3
    assert seen_by_a_new_thread() == 3


def test_threads_that_predict_at_once_do_not_mind_each_other(three_threads):
    """Each enters before the other has left, in turn, and leaves in the same order."""
    entered, left = threading.Event(), threading.Event()
    seen = {}

    def second():
        torch.set_num_threads(3)
        with one_thread():
            entered.set()
            left.wait(30)
            seen["within"] = torch.get_num_threads()
        seen["after"] = torch.get_num_threads()

    thread = threading.Thread(target=second)
    with one_thread():
        thread.start()
        assert entered.wait(30)
    assert torch.get_num_threads() == 3
    left.set()
    thread.join()
    assert seen == {"within": 1, "after": 3}


def run(code, threads="4"):
    """Run it in a process of its own, which may have more threads than this one."""
    environment = {
        "OMP_NUM_THREADS": threads,
        "OMP_WAIT_POLICY": "PASSIVE",  # On a busy machine threads that spin wait for ever.
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_importing_registers_nothing_for_forks():
    code = """
import os, torch, spacy
hooks = []
os.register_at_fork = lambda **keywords: hooks.append(keywords)
import spacy_brnn.architectures.textcat, spacy_brnn.pipeline.sentiment, spacy_brnn.pipeline.ner
print(hooks)
torch.set_num_threads(3)
child = os.fork()
if not child:
    os._exit(torch.get_num_threads())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    result = run(code)
    assert result.stdout.split() == ["[]", "3"], result.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("embed", "cell"), [("WordEmbed", "lstm"), ("WordEmbed", "gru"), ("SubwordEmbed", "mingru")]
)
@pytest.mark.parametrize("explicit", [False, True])
def test_forked_processes_of_a_pipeline_do_not_hang(embed, cell, explicit):
    """Threads of OpenMP and MKL are at work in the parent before it forks."""
    code = f"""
import numpy, spacy, torch, multiprocessing
from spacy.training import Example
multiprocessing.set_start_method("fork")
if {explicit}:
    torch.set_num_threads(4)
a = torch.randn(600, 600)
a @ a
torch.ones(3000, 1000).add(1)
nlp = spacy.blank("en")
encode = dict([("@architectures", "spacy-brnn.BRNNEncoder.v1"), ("width", 128)])
embed = dict([("@architectures", "spacy-brnn.{embed}.v1"), ("width", 128), ("rows", 50)])
tok2vec = dict([("@architectures", "spacy.Tok2Vec.v2"), ("embed", embed),
                ("encode", dict(encode, cell="{cell}"))])
model = dict([("@architectures", "spacy-brnn.TextCatBRNN.v1"), ("tok2vec", tok2vec)])
nlp.add_pipe("brnn_sentiment", config=dict(model=model))
cats = dict(POSITIVE=1.0, NEGATIVE=0.0)
example = Example.from_dict(nlp.make_doc("A wonderful film. " * 5), dict(cats=cats))
sgd = nlp.initialize(lambda: [example])
nlp.update([example] * 2, sgd=sgd)
texts = ["A wonderful film. " * (5 + i) for i in range(8)]
alone = [nlp(text).cats["POSITIVE"] for text in texts]
several = [doc.cats["POSITIVE"] for doc in nlp.pipe(texts, n_process=2, batch_size=2)]
assert numpy.allclose(alone, several, atol=1e-5)
print("same", torch.get_num_threads())
"""
    result = run(code, "2")
    assert result.stdout.split() == ["same", "4" if explicit else "2"], result.stderr
