import copy

import numpy
import spacy

from .models import MODEL


def test_a_trained_pipeline_is_saved_without_the_vectors_it_started_from(make_examples, tmp_path):
    nlp = spacy.blank("en")
    width = MODEL["tok2vec"]["embed"]["width"]
    nlp.vocab.reset_vectors(width=width)
    nlp.vocab.set_vector("good", numpy.ones(width, dtype="f"))
    nlp.add_pipe("brnn_sentiment", config={"model": copy.deepcopy(MODEL)})
    nlp.config["initialize"]["after_init"] = {"@callbacks": "spacy-brnn.clear_vectors.v1"}
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.vocab.vectors.n_keys == 0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.vocab.vectors.n_keys == 0
    table = loaded.get_pipe("brnn_sentiment").model.get_ref("tok2vec").get_ref("embed")
    assert numpy.allclose(table.get_param("E")[0], 1.0)
