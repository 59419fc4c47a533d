"""The systems that are measured side by side. A variant is one more line here."""

from .asent_rules import Asent
from .base import ROOT, System
from .brnn import Brnn
from .distilbert import DistilBert
from .keras_rnn import KerasRnn
from .textblob import SpacyTextBlob
from .tokenizer import Tokenizer, TokenizerAndTorch
from .trained_pipeline import TrainedPipeline
from .vader import Vader

_CONFIGS = ROOT / "benchmarks" / "configs"
_LSTM = ROOT / "configs" / "imdb_lstm.cfg"
TOKENIZER = "tokenizer"

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        Tokenizer(TOKENIZER, "spaCy's tokenizer alone"),
        TokenizerAndTorch("torch", "spaCy's tokenizer and `import torch`"),
        Brnn("brnn", "**brnn_sentiment**"),
        Brnn("brnn_float32", "brnn_sentiment, float32", {"precision": "float32"}),
        TrainedPipeline("brnn_lstm", "brnn_sentiment, an LSTM of 128", _LSTM, training_only=True),
        TrainedPipeline("textcat_bow", "spacy.TextCatBOW.v3", _CONFIGS / "textcat_bow.cfg"),
        TrainedPipeline(
            "textcat_ensemble", "spacy.TextCatEnsemble.v2", _CONFIGS / "textcat_ensemble.cfg"
        ),
        TrainedPipeline("textcat_cnn", "spacy.TextCatCNN.v2", _CONFIGS / "textcat_cnn.cfg"),
        SpacyTextBlob("spacytextblob", "spacytextblob"),
        Asent("asent", "asent"),
        Vader("vader", "VADER"),
        KerasRnn("keras", "the tutorial's model, Keras on torch"),
        DistilBert("distilbert", "DistilBERT's shape, random weights"),
    )
}
