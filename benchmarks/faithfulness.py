"""Which evidence is faithful: python -m benchmarks.faithfulness --dev corpus/dev.spacy.

Each method ranks a document's tokens by what they add toward the predicted side. Comprehensiveness
is how much the probability of that side falls when the first tokens are taken away, sufficiency
how much it falls when they alone are left (DeYoung et al. 2020, "ERASER"), both in the mean over
1, 5, 10, 20 and 50 % of the tokens; the area under the deletion curve is the mean probability
while 0 to 50 % are taken away. A token taken away is not there: the rest is read anew.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_brnn.architectures.cut_model import CutModel, cut_model
from spacy_brnn.architectures.relevance import has_relevance
from spacy_brnn.corpora.docbin import read_docbin
from spacy_brnn.corpora.jsonl import read_objects, read_text
from spacy_brnn.corpora.labelled_texts import is_dev_text
from spacy_brnn.evidence import attribution
from spacy_brnn.evidence.attribution import undisturbed
from spacy_brnn.pipeline.sentiment import BRNNSentiment

from .machine import describe
from .mistakes import load_sentiment, told_in_a_line

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
AT_ONCE = 64
# The document that `evidence()` is timed on, and how often.
TIMED_TOKENS, TIMES = 270, 60
# Arrays of NumPy, of which Thinc's types know nothing.
Vectors = Any
Method = Callable[[Doc, Vectors], numpy.ndarray]


class Probe:
    """A model's logit of POSITIVE against NEGATIVE, as a function of a document's vectors."""

    def __init__(self, cut: CutModel, labels: Sequence[str]) -> None:
        self.cut = cut
        self.weights: Any = numpy.zeros(len(labels), dtype="float32")
        self.weights[labels.index("POSITIVE")] = 1.0
        self.weights[labels.index("NEGATIVE")] = -1.0
        self.direction = self.weights @ cut.weights

    def logits(self, batch: list[Vectors]) -> numpy.ndarray:
        """(documents,)"""
        bias = self.weights @ self.cut.bias
        parts = [
            self.cut.pool.predict(self.cut.encode.predict(batch[i : i + AT_ONCE])) @ self.direction
            for i in range(0, len(batch), AT_ONCE)
        ]
        return numpy.concatenate(parts) + bias

    def methods(self, leave_out: bool) -> dict[str, Method]:
        """What each method gives every token, by the method's name."""
        generator = numpy.random.default_rng(0)
        methods: dict[str, Method] = {
            "random order": lambda doc, x: generator.normal(size=len(x)),
            "states' share of the pooling": lambda doc, x: self._pooled_shares(x, 0.0),
            "the same, states less their mean": lambda doc, x: self._pooled_shares(x, 1.0),
            "gradient times input": self._integrated([(1.0, 1.0)]),
            "integrated gradients, 2 points": self._integrated(attribution.RADAU),  # Other cells.
            "integrated gradients, 4 points": self._integrated(midpoints(4)),
            "integrated gradients, 16 points": self._integrated(midpoints(16)),
        }
        if has_relevance(self.cut.encode):
            methods["**relevance, gates held** (ships)"] = self._relevance
        if leave_out:
            methods["leaving out each token"] = lambda doc, x: self._left_out(x)
        return methods

    def _relevance(self, doc: Doc, vectors: Vectors) -> numpy.ndarray:
        return attribution.by_relevance(self.cut, doc, self.weights).contributions

    def _integrated(self, path: attribution.Path) -> Method:
        return lambda doc, x: attribution.by_path(self.cut, doc, self.weights, path).contributions

    def _pooled_shares(self, vectors: Vectors, centred: float) -> numpy.ndarray:
        (states,) = self.cut.encode.predict([vectors])
        with undisturbed(self.cut.pool):
            _, backprop = self.cut.pool([states], is_train=True)
            (gradient,) = backprop(self.direction[None])
        return ((states - centred * states.mean(axis=0)) * gradient).sum(axis=1)

    def _left_out(self, vectors: Vectors) -> numpy.ndarray:
        rest = [numpy.delete(vectors, i, axis=0) for i in range(len(vectors))]
        return self.logits([vectors])[0] - self.logits(rest)


def midpoints(steps: int) -> attribution.Path:
    """A path of so many steps, after the point that the logit is read off at."""
    return [(1.0, 0.0), *(((step + 0.5) / steps, 1.0 / steps) for step in range(steps))]


def faithfulness(
    probe: Probe, batch: list[Vectors], ranks: list[numpy.ndarray]
) -> dict[str, float]:
    """Comprehensiveness, sufficiency and the area under the deletion curve.

    ranks: per document, places of its tokens, what says most for the predicted side first.
    """
    whole = probe.logits(batch)
    sides = numpy.where(whole > 0, 1.0, -1.0)

    def confidence(parts: list[Vectors]) -> numpy.ndarray:
        return 1.0 / (1.0 + numpy.exp(-sides * probe.logits(parts)))

    before = 1.0 / (1.0 + numpy.exp(-sides * whole))
    without, alone = [], []
    for share in SHARES:
        counts = [max(1, round(share * len(rank))) for rank in ranks]
        tops = [numpy.sort(rank[:count]) for rank, count in zip(ranks, counts, strict=True)]
        without.append(
            confidence([numpy.delete(x, top, axis=0) for x, top in zip(batch, tops, strict=True)])
        )
        alone.append(confidence([x[top] for x, top in zip(batch, tops, strict=True)]))
    curve = [before, *without]
    return {
        "comprehensiveness": float(numpy.mean([before - after for after in without])),
        "sufficiency": float(numpy.mean([before - after for after in alone])),
        "deletion": float(numpy.trapezoid([c.mean() for c in curve], [0.0, *SHARES]) / SHARES[-1]),
    }


def masking(probe: Probe, batch: list[Vectors], ranks: list[numpy.ndarray]) -> float:
    """How often the polarity comes nearer to 0 when the first token is taken away, 0..1."""
    before = probe.logits(batch)
    after = probe.logits([numpy.delete(x, r[0], axis=0) for x, r in zip(batch, ranks, strict=True)])
    return float((numpy.sign(before) * (before - after) > 0).mean())


def read_marked(folder: Path) -> list[tuple[str, str, int, int]]:
    """Tweets of dev with the phrase that people marked: text, label, start and end of the phrase.

    A phrase belongs to the one tweet of its label that holds it; one that several hold is left out.
    """
    tweets = _read(folder / "tweet_extraction.train.jsonl.gz")
    holders: dict[str, set[int]] = defaultdict(set)
    for place, tweet in enumerate(tweets):
        for word in _words(tweet["text"]):
            holders[word].add(place)
    found = []
    for phrase in _read(folder / "tweet_extraction_spans.train.jsonl.gz"):
        words = _words(phrase["text"])
        places = set.intersection(*(holders[word] for word in words)) if words else set()
        fitting = [
            tweets[i]["text"]
            for i in places
            if phrase["text"] in tweets[i]["text"] and tweets[i]["label"] == phrase["label"]
        ]
        if len(fitting) == 1 and is_dev_text(fitting[0]):
            start = fitting[0].index(phrase["text"])
            found.append((fitting[0], phrase["label"], start, start + len(phrase["text"])))
    return found


def average_precision(marked: numpy.ndarray, scores: numpy.ndarray) -> float:
    """Of ranking the tokens by scores, 0..1, where `marked` (tokens,) are the ones to find."""
    hits = marked[numpy.argsort(-scores, kind="stable")]
    return float((numpy.cumsum(hits) / numpy.arange(1, len(hits) + 1))[hits].mean())


def _read(path: Path) -> list[dict[str, str]]:
    return list(read_objects(path, _parse, "text and label"))


def _parse(row: dict[str, Any]) -> dict[str, str]:
    return {"text": read_text(row), "label": row["label"]}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


@click.command()
@click.option("--model", help="A pipeline; default: the one that ships.")
@click.option("--dev", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--documents", default=150, show_default=True, help="Drawn from dev, seed 0.")
@click.option("--longest", default=300, show_default=True, help="Tokens of the longest drawn.")
@click.option("--marked", type=click.Path(exists=True, path_type=Path), help="Folder of tweets.")
@click.option("--tweets", default=400, show_default=True, help="Marked ones, at most.")
@click.option("--leave-out", is_flag=True, help="Leaving out each token, too, which is slow.")
def main(
    model: str | None,
    dev: Path,
    documents: int,
    longest: int,
    marked: Path | None,
    tweets: int,
    leave_out: bool,
) -> None:
    """Print a table of the methods in Markdown, and what `evidence()` takes."""
    nlp, component = load_sentiment(model)
    probe = _probe(component)
    with told_in_a_line():
        docs = [doc for doc in read_docbin(dev, nlp.vocab) if 0 < len(doc) <= longest]
        phrases = read_marked(marked)[:tweets] if marked else []
    if not docs:
        raise click.ClickException(f"{dev} has no document of 1 to {longest} tokens")
    order = numpy.random.default_rng(0).permutation(len(docs))
    people = _marked_docs(nlp, component, phrases)
    machine = describe()
    click.echo(
        f"{len(order[:documents])} documents, {len(people)} tweets; {machine['cpu']}, load "
        f"{machine['load_average']}, {machine['commit']}\n\n"
        "| method | comprehensiveness | sufficiency | deletion | first token moves to 0 | "
        "average precision | ms per 270 tokens |\n|---|---|---|---|---|---|---|"
    )
    read = component.read([docs[i] for i in order[:documents]])
    for row in _rows(probe, read, people, leave_out):
        click.echo(row)
    click.echo(f"\n{_timed(nlp, [docs[i].text for i in order])}")


def _probe(component: BRNNSentiment) -> Probe:
    try:
        return Probe(cut_model(component.model), list(component.labels))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _rows(
    probe: Probe,
    docs: list[Doc],
    people: list[tuple[Doc, float, numpy.ndarray]],
    leave_out: bool,
) -> Iterator[str]:
    """A row for each method."""
    batch = probe.cut.embed.predict(docs)
    sides = numpy.sign(probe.logits(batch))
    for name, method in probe.methods(leave_out).items():
        start = time.process_time()
        values = [method(doc, x) for doc, x in zip(docs, batch, strict=True)]
        cost = (time.process_time() - start) / sum(map(len, docs)) * 270 * 1e3
        ranks = [numpy.argsort(-v * s, kind="stable") for v, s in zip(values, sides, strict=True)]
        scores = faithfulness(probe, batch, ranks)
        agreement = numpy.mean([_agreement(probe, method, *one) for one in people] or [numpy.nan])
        yield (
            f"| {name} | {scores['comprehensiveness']:.3f} | {scores['sufficiency']:.3f} | "
            f"{scores['deletion']:.3f} | {masking(probe, batch, ranks):.1%} | {agreement:.3f} | "
            f"{cost:.1f} |"
        )


def _timed(nlp: Language, texts: list[str]) -> str:
    """What `evidence()` takes of the first TIMED_TOKENS tokens of texts, to read."""
    # Each has a token at least.
    doc = nlp.make_doc(" ".join(texts[:TIMED_TOKENS]))[:TIMED_TOKENS].as_doc()
    sentiment = nlp(doc)._.sentiment
    wall, cpu = [], []
    for _ in range(TIMES):
        clocks = time.perf_counter(), time.process_time()
        sentiment.evidence()
        wall.append(time.perf_counter() - clocks[0])
        cpu.append(time.process_time() - clocks[1])
    parts = (
        f"{1e3 * min(taken):.1f} ms at best, {1e3 * float(numpy.median(taken)):.1f} in the median"
        for taken in (cpu, wall)
    )
    return (
        f"doc._.sentiment.evidence(), {len(doc)} tokens, one thread, {TIMES} times: of processor "
        f"time {', by the clock '.join(parts)}"
    )


def _marked_docs(
    nlp: Language, component: BRNNSentiment, texts: list[tuple[str, str, int, int]]
) -> list[tuple[Doc, float, numpy.ndarray]]:
    """Each tweet, 1 for POSITIVE and -1 for NEGATIVE, and which tokens are marked."""
    found = []
    for text, label, start, end in texts:
        doc, offsets = component.read_text(nlp.make_doc(text))
        inside = numpy.array([first < end and last > start for first, last in offsets])
        if inside.any() and not inside.all():
            found.append((doc, 1.0 if label == "POSITIVE" else -1.0, inside))
    return found


def _agreement(probe: Probe, method: Method, doc: Doc, side: float, inside: numpy.ndarray) -> float:
    (vectors,) = probe.cut.embed.predict([doc])
    return average_precision(inside, side * method(doc, vectors))


if __name__ == "__main__":
    main()
