"""Tokens per second of CPU time of pipelines that find entities, in turn, in one process.

    OMP_NUM_THREADS=1 python benchmarks/ner_speed.py corpus/ner_en/dev/conll.spacy PIPELINE...

PIPELINE is a folder or a package; `blank` is a blank English pipeline with brnn_ner as it ships,
`cnn` spaCy's own ner on its CNN (`spacy init config --pipeline ner --optimize efficiency`),
trained for some steps on the documents, which its speed does not depend on. Documents are made
from words, so that the tokenizer has no part in it.
"""

import argparse
import random
import time
from pathlib import Path

import spacy
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.util import load_model_from_config, minibatch

CNN_STEPS = 30


def main() -> None:
    """Time every pipeline, three times after one to warm up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path)
    parser.add_argument("pipelines", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()
    if not options.corpus.exists():
        parser.error(f"{options.corpus} is not there: `spacy project run` makes the corpora")
    examples = list(Corpus(options.corpus)(spacy.blank("en")))
    try:
        pipelines = {name: load(name, examples) for name in options.pipelines}
    except OSError as error:
        parser.error(str(error))
    for number in range(options.rounds + 1):
        for name, nlp in pipelines.items():
            rate = tokens_per_second(nlp, examples, options.batch_size)
            print(f"{'warm-up' if number == 0 else number}\t{name}\t{rate:,.0f}", flush=True)


def load(name: str, examples: list[Example]) -> Language:
    """The pipeline of that name."""
    if name == "blank":
        nlp = spacy.blank("en")
        nlp.add_pipe("brnn_ner")
        return nlp
    return train_cnn(examples) if name == "cnn" else spacy.load(name)


def train_cnn(examples: list[Example]) -> Language:
    """spaCy's CNN ner after some steps."""
    config = init_config(pipeline=["ner"], optimize="efficiency")
    nlp = load_model_from_config(config, auto_fill=True)
    own = [Example(copy(nlp, x.reference), x.reference) for x in examples]
    optimizer = nlp.initialize(lambda: own)
    random.seed(0)
    for batch in list(minibatch(random.sample(own, len(own)), 8))[:CNN_STEPS]:
        nlp.update(batch, sgd=optimizer)
    return nlp


def copy(nlp: Language, doc: Doc) -> Doc:
    """The document's words alone."""
    return Doc(nlp.vocab, words=[token.text for token in doc])


def tokens_per_second(nlp: Language, examples: list[Example], batch_size: int) -> float:
    """Of CPU time, so that other programs on the machine do not count."""
    docs = [copy(nlp, example.reference) for example in examples]
    start = time.process_time()
    for _ in nlp.pipe(docs, batch_size=batch_size):
        pass
    return sum(len(doc) for doc in docs) / (time.process_time() - start)


if __name__ == "__main__":
    main()
