import pytest

from spacy_brnn.checkpoint import Checkpoint

WORDS = ("good", "bad", "the", "film", "was", "a", "table", "##s", ".")


@pytest.fixture
def make_bert(tmp_path):
    """Write a tiny BERT of random weights to a folder, with its word pieces."""
    transformers = pytest.importorskip(
        "transformers", reason="the extra `teacher` is not installed"
    )
    import torch

    def make(name="start", labels=None, **settings):
        folder = tmp_path / name
        folder.mkdir()
        vocab = folder / "vocab.txt"
        vocab.write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)), "utf-8")
        transformers.BertTokenizerFast(str(vocab)).save_pretrained(folder)
        if labels:
            settings["id2label"] = dict(enumerate(labels))
            settings["label2id"] = {label: place for place, label in enumerate(labels)}
        config = transformers.BertConfig(
            **{
                "vocab_size": 5 + len(WORDS), "hidden_size": 8, "num_hidden_layers": 2,
                "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 1024,
                **settings,
            }
        )  # fmt: skip
        kind = transformers.BertForSequenceClassification if labels else transformers.BertModel
        with torch.random.fork_rng():
            torch.manual_seed(0)
            kind(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def stop_after(monkeypatch):
    """Runs what trains until so many steps are done, saved after each of them."""

    def stop(steps, run):
        save = Checkpoint.save_if_due

        def save_and_stop(self, step):
            self.seconds = -1.0
            save(self, step)
            if step == steps:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save_if_due", save_and_stop)
            with pytest.raises(KeyboardInterrupt):
                run()

    return stop


@pytest.fixture
def steps_of(monkeypatch):
    """Runs what trains, and gives the steps that it took."""

    def steps_of(run):
        steps = []
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save_if_due", lambda self, step: steps.append(step))
            run()
        return steps

    return steps_of
