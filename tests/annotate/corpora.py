"""The same corpus in every format that can be read, with texts that no pipeline takes in it."""

import csv
import gzip
import json
import random

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_brnn.annotate import sources

WORDS = ["good", "bad", "great", "dull", "film", "plot", "é", "the"]


def make_reviews(number):
    rng = random.Random(0)
    reviews = [
        {"id": str(i), "text": " ".join(rng.choices(WORDS, k=rng.randint(1, 30)))}
        for i in range(number)
    ]
    for review in rng.sample(reviews, 5):
        review["text"] = "XXRAISE"
    return reviews


def write_corpus(folder, name, number):
    """Write so many reviews under that name; whether it is packed its ending says."""
    reviews = make_reviews(number)
    if "." not in name:
        (folder / name).mkdir()
        for review in reviews:
            (folder / name / f"{review['id']:0>6}.txt").write_text(review["text"], "utf-8")
        return
    _, ending, *packed = name.split(".")
    if ending in ("parquet", "spacy"):
        WRITERS[ending](folder / name, reviews)
    else:
        (folder / name).write_bytes(_packed(WRITERS[ending](reviews), packed))


def _packed(text, packed):
    content = text.encode("utf-8")
    if packed == ["gz"]:
        return gzip.compress(content)
    if packed == ["zst"]:
        return (sources.zstd_module() or pytest.skip("needs the extra zstd")).compress(content)
    return content


def _jsonl(reviews):
    return "".join(f"{json.dumps(review)}\n" for review in reviews) + '{"id": 1}\nnot json\n'


def _table(delimiter):
    def table(reviews):
        lines = [["id", "text"], *([r["id"], r["text"]] for r in reviews), ["one cell"]]
        written = _Lines()
        csv.writer(written, delimiter=delimiter).writerows(lines)
        return "".join(written)

    return table


class _Lines(list):
    write = list.append


def _parquet(path, reviews):
    arrow, parquet = map(pytest.importorskip, ("pyarrow", "pyarrow.parquet"))
    texts = [review["text"] for review in reviews]
    table = arrow.table({"id": [review["id"] for review in reviews], "text": [*texts[:-1], None]})
    parquet.write_table(table, path, row_group_size=300)


def _docbin(path, reviews):
    nlp = spacy.blank("en")
    docs = [nlp(review["text"]) for review in reviews]
    for doc, review in zip(docs, reviews, strict=True):
        doc.user_data["fields"] = json.dumps(review)
    DocBin(docs=docs, store_user_data=True).to_disk(path)


WRITERS = {
    "jsonl": _jsonl,
    "json": lambda reviews: json.dumps([*reviews, {"id": 1}]),
    "csv": _table(","),
    "tsv": _table("\t"),
    "txt": lambda reviews: "".join(review["text"] + "\n" for review in reviews),
    "parquet": _parquet,
    "spacy": _docbin,
}
