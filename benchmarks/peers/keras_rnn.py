"""The Keras model of the tutorial that the project grew out of, on Keras' torch backend."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .base import System, bytes_below
from .forked import score_by_processes

if TYPE_CHECKING:
    import numpy

WORDS = 2000
LENGTH = 50
EPOCHS = 5
BATCH = 32
PREDICT_BATCH = 256
PADDING, UNKNOWN = 0, 1
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class KerasRnn(System):
    """The last 50 of a text's words, of the 2,000 most frequent, through a two-way SimpleRNN."""

    notes = (f"reads the last {LENGTH} words only; splits words by a pattern, not by spaCy",)
    needs_training = True
    times_training = True

    def load(self) -> None:
        """Load the trained model and its words."""
        path = self.trained(self.folder / "model.keras")
        self.model = _keras().saving.load_model(path)
        self.ids = json.loads((self.folder / "words.json").read_text(encoding="utf-8"))

    def score_all(self, texts: list[str], processes: int = 1) -> list[float]:
        """How much each text's probability is above one half."""
        if processes > 1:
            return score_by_processes(self.score_all, texts, processes)
        rows = _as_rows(texts, self.ids)
        predicted = self.model.predict(rows, batch_size=PREDICT_BATCH, verbose=0)
        return (predicted[:, 0] - 0.5).tolist()

    def score_one(self, text: str) -> float:
        """A batch of one, called directly as Keras recommends for so few."""
        return float(self.model(_as_rows([text], self.ids), training=False)[0, 0]) - 0.5

    def size(self) -> int:
        """The saved model and its words."""
        return bytes_below(self.folder / "model.keras") + bytes_below(self.folder / "words.json")

    def train(
        self, train: Path, dev: Path, output: Path | None, limit: int | None = None
    ) -> dict[str, Any]:
        """Train 5 epochs in batches of 32; keep the epoch that is best on dev."""
        from ..clock import Clock, Enough

        keras = _keras()
        keras.utils.set_random_seed(0)
        texts, labels = _read(train)
        words = Counter(word for text in texts for word in _words(text)).most_common(WORDS - 2)
        ids = {word: number for number, (word, _) in enumerate(words, start=UNKNOWN + 1)}
        dev_texts, dev_labels = _read(dev)
        model = keras.Sequential(
            [
                keras.Input((LENGTH,), dtype="int32"),
                keras.layers.Embedding(WORDS, 128),
                keras.layers.Bidirectional(keras.layers.SimpleRNN(64)),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        clock = Clock(limit)
        ticks = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: clock.step(BATCH)
        )
        rows, dev_rows = _as_rows(texts, ids), _as_rows(dev_texts, ids)
        best = 0.0
        try:
            for _ in range(EPOCHS):
                model.fit(rows, labels, batch_size=BATCH, callbacks=[ticks], verbose=2)
                if limit is None:
                    with clock.paused():
                        accuracy = model.evaluate(dev_rows, dev_labels, verbose=2)[1]
                        if accuracy > best and output is not None:
                            _save(model, ids, output)
                        best = max(best, accuracy)
        except Enough:
            return clock.figures()
        return {**clock.figures(), "dev_accuracy": best}


def _save(model: Any, ids: dict[str, int], output: Path) -> None:
    model.save(output / "model.keras")
    (output / "words.json").write_text(json.dumps(ids), encoding="utf-8")


def _keras() -> Any:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return keras


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _as_rows(texts: list[str], ids: dict[str, int]) -> numpy.ndarray:
    """(texts, LENGTH): the numbers of each text's last words, after padding."""
    import numpy

    rows = numpy.full((len(texts), LENGTH), PADDING, dtype="int32")
    for row, text in zip(rows, texts, strict=True):
        found = [ids.get(word, UNKNOWN) for word in _words(text)[-LENGTH:]]
        if found:
            row[-len(found) :] = found
    return rows


def _read(path: Path) -> tuple[list[str], numpy.ndarray]:
    import numpy

    from ..documents import read_docbin

    pairs = [(doc.text, doc.cats["POSITIVE"]) for doc in read_docbin(path)]
    texts, labels = zip(*pairs, strict=True)
    return list(texts), numpy.array(labels, dtype="float32")
