import copy
import pickle
import warnings

import numpy
import pytest
import spacy
import torch
from numpy.testing import assert_allclose
from thinc.api import PyTorchGradScaler, fix_random_seed
from thinc.types import ArgsKwargs

from spacy_brnn.architectures import torch_shim
from spacy_brnn.architectures.torch_shim import FlatTorchShim
from spacy_brnn.architectures.vocabulary import set_vocabulary
from spacy_brnn.nn.brnn import BRNN

from .configs import WORD_EMBED


@pytest.fixture
def make(textcat_config, tok2vec_config, resolve, docs):
    """Make an initialized classifier whose every weight is drawn from the seed."""

    def make(seed, counted=docs):
        fix_random_seed(seed)
        tok2vec = tok2vec_config(WORD_EMBED, depth=2)
        model = resolve(textcat_config(tok2vec, pooling="attention"))
        set_vocabulary(model, counted)
        model.initialize(X=docs, Y=numpy.zeros((len(docs), 2), dtype="float32"))
        output_layer = model.get_ref("output_layer")
        weights = output_layer.ops.asarray2f(numpy.random.normal(size=(2, 8)))
        output_layer.set_param("W", weights)
        return model

    return make


@pytest.fixture
def no_pickle(monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("a pickle was read or written")

    for owner, name in [(torch, "load"), (torch, "save"), (pickle, "loads"), (pickle, "load")]:
        monkeypatch.setattr(owner, name, refuse)
    monkeypatch.setattr(pickle, "dumps", refuse)


@pytest.fixture
def blank(textcat_config, tok2vec_config, resolve):
    """The same model, as it is built before weights are loaded."""
    return resolve(textcat_config(tok2vec_config(WORD_EMBED, depth=2), pooling="attention"))


def test_bytes_round_trip_without_pickle(make, blank, docs, no_pickle):
    model = make(1)
    loaded = blank.from_bytes(model.to_bytes())
    assert_allclose(loaded.predict(docs), model.predict(docs), atol=1e-6)
    assert loaded.to_bytes() == model.to_bytes()


def test_disk_round_trip_without_pickle(make, blank, docs, no_pickle, tmp_path):
    model = make(1)
    model.to_disk(tmp_path / "model")
    loaded = blank.from_disk(tmp_path / "model")
    assert_allclose(loaded.predict(docs), model.predict(docs), atol=1e-6)


def test_a_model_of_another_vocabulary_loads_over_this_one(make, docs):
    model = make(1)
    other = make(2, counted=docs[2:3])
    assert not numpy.allclose(other.predict(docs), model.predict(docs), atol=1e-4)
    other.from_bytes(model.to_bytes())
    assert_allclose(other.predict(docs), model.predict(docs), atol=1e-6)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: m.copy(), lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_are_equal_and_independent(duplicate, make, docs):
    model = make(1)
    before = model.predict(docs)
    twin = duplicate(model)
    assert_allclose(twin.predict(docs), before, atol=1e-6)
    update(twin, docs, steps=2)
    assert not numpy.allclose(twin.predict(docs), before, atol=1e-6)
    assert numpy.array_equal(model.predict(docs), before)


def test_weights_from_a_model_of_another_shape_are_refused(make, textcat_config, resolve):
    data = make(1).to_bytes()
    with pytest.raises((RuntimeError, ValueError)):
        resolve(textcat_config()).from_bytes(data)


def test_loaded_models_train_on(make, blank, docs):
    loaded = blank.from_bytes(make(1).to_bytes())
    before = loaded.predict(docs)
    update(loaded, docs, steps=2)
    assert not numpy.allclose(loaded.predict(docs), before, atol=1e-6)


def update(model, docs, steps, optimizer=None):
    from thinc.api import Adam

    optimizer = optimizer or Adam(0.05)
    for _ in range(steps):
        scores, backprop = model.begin_update(docs)
        backprop(scores - model.ops.asarray2f(numpy.eye(2)[[0, 1, 0, 1, 0]]))
        model.finish_update(optimizer)
        optimizer.step_schedules()
    return optimizer


def shims(model):
    return [shim for node in model.walk() for shim in node.shims]


def states(model):
    return [
        {name: p.detach().numpy().copy() for name, p in shim._model.named_parameters()}
        for shim in shims(model)
    ]


def test_every_parameter_learns(make, docs):
    model = make(1)
    before = states(model)
    update(model, docs, steps=2)
    assert len(before) == 2
    for old, new in zip(before, states(model), strict=True):
        assert not [name for name in old if numpy.array_equal(old[name], new[name])]


def test_averaged_parameters_are_used_and_given_back(make, docs):
    from thinc.api import Adam

    model = make(1)
    optimizer = update(model, docs, 5, Adam(0.05, use_averages=True))
    assert optimizer.averages
    before, state = model.predict(docs), states(model)
    with model.use_params(optimizer.averages):
        averaged = model.predict(docs)
        for shim, old in zip(shims(model), state, strict=True):
            for name, parameter in shim._model.named_parameters():
                average = optimizer.averages[shim.id, name]
                assert_allclose(parameter.detach().numpy(), average, atol=1e-6)
                assert not numpy.array_equal(old[name], average)
    assert not numpy.allclose(averaged, before, atol=1e-4)
    assert numpy.array_equal(model.predict(docs), before)


def test_parameters_are_given_back_after_an_error(make, docs):
    from thinc.api import Adam

    model = make(1)
    optimizer = update(model, docs, 3, Adam(0.05, use_averages=True))
    before = states(model)[0]
    with pytest.raises(KeyError), shims(model)[0].use_params(optimizer.averages):
        raise KeyError
    for name, parameter in states(model)[0].items():
        assert numpy.array_equal(parameter, before[name])


def test_bytes_taken_with_averaged_parameters_hold_them(make, blank, docs):
    """What `spacy train` does at the end of each evaluation that is the best so far."""
    from thinc.api import Adam

    model = make(1)
    optimizer = update(model, docs, 5, Adam(0.05, use_averages=True))
    with model.use_params(optimizer.averages):
        averaged = model.predict(docs)
        data = model.to_bytes()
    assert_allclose(blank.from_bytes(data).predict(docs), averaged, atol=1e-6)


def test_training_goes_on_after_averaged_parameters(make, docs):
    from thinc.api import Adam

    model, control = make(1), make(1)
    optimizer = update(model, docs, 3, Adam(0.05, use_averages=True))
    with model.use_params(optimizer.averages):
        model.predict(docs)
    update(model, docs, 3, optimizer)
    update(control, docs, 6, Adam(0.05, use_averages=True))
    assert_allclose(model.predict(docs), control.predict(docs), atol=1e-5)


def test_weights_stay_where_they_are(make, docs):
    """As a GPU's recurrent networks need, which else are put together anew at every call."""
    from thinc.api import Adam, Optimizer

    def places(model):
        return [p.data_ptr() for shim in shims(model) for p in shim._model.parameters()]

    model = make(1)
    before, old = places(model), states(model)
    optimizer = update(model, docs, 2, Adam(0.05, use_averages=True))
    with model.use_params(optimizer.averages):
        assert places(model) == before

    class Elsewhere(Optimizer):
        def __call__(self, key, weights, gradient, **keywords):
            return weights - 0.1 * gradient, gradient

    update(model, docs, 1, Elsewhere(0.1))
    assert places(model) == before
    for then, now in zip(old, states(model), strict=True):
        assert not any(numpy.array_equal(then[name], now[name]) for name in then)


def test_one_seed_gives_one_model(make, docs):
    assert numpy.array_equal(make(7).predict(docs), make(7).predict(docs))
    assert not numpy.array_equal(make(7).predict(docs), make(8).predict(docs))


def test_averages_work_through_the_pipeline(textcat_config, textcat_examples):
    from thinc.api import Adam

    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat", config={"model": textcat_config()})
    examples = textcat_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.05, use_averages=True)
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    text = examples[0].reference.text
    before = nlp(text).cats
    with nlp.use_params(optimizer.averages):
        averaged = nlp(text).cats
    assert abs(averaged["POSITIVE"] - before["POSITIVE"]) > 1e-3
    assert nlp(text).cats == before


@pytest.mark.gpu
def test_a_model_trained_on_a_gpu_loads_on_the_cpu(make, blank, docs, on_gpu):
    with on_gpu():
        model = make(1)
        update(model, docs, steps=2)
        expected = model.ops.to_numpy(model.predict(docs))
        data = model.to_bytes()
    assert_allclose(blank.from_bytes(data).predict(docs), expected, atol=1e-3)


def test_predictions_take_one_thread_and_leave_the_others(
    resolve, textcat_config, docs, monkeypatch
):
    model = resolve(textcat_config(nO=2))
    model.initialize(X=docs)
    seen = []
    read = BRNN.forward

    def watched(*arguments):
        seen.append(torch.get_num_threads())
        return read(*arguments)

    monkeypatch.setattr(BRNN, "forward", watched)
    model.attrs["pooling"] = "other"
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model.predict(docs)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert seen == [1]


class CPUGradScaler(PyTorchGradScaler):
    """Thinc's, which scales nothing but CUDA's tensors, on a CPU; all else is Thinc's own."""

    def _scale_tensor(self, tensor, scale_per_device, inplace):
        return tensor.mul_(self._scale) if inplace else tensor * self._scale


@pytest.fixture
def mixed():
    """A shim as with mixed precision on a GPU, around one weight of 3 that the input is times."""
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 3.0)
    shim = FlatTorchShim(module)
    shim._mixed_precision = True
    shim._grad_scaler = CPUGradScaler(enabled=True)
    return shim


def backprop_once(shim, value, gradient):
    """One forward and one backward pass; gives the gradient by the input."""
    device = shim.device
    tensor = torch.tensor([[value]], requires_grad=True, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of autocast that finds no CUDA.
        outputs, backprop = shim.begin_update(ArgsKwargs(args=(tensor,), kwargs={}))
    keywords = {"grad_tensors": (torch.tensor([[gradient]], device=device),)}
    return backprop(ArgsKwargs(args=((outputs,),), kwargs=keywords)).args[0].item()


def test_scaled_gradients_of_several_passes_add_up(mixed):
    weight = mixed._model.weight
    for n_passes in (1, 2, 3):
        assert backprop_once(mixed, 2.0, 1.0) == pytest.approx(3.0)
        assert weight.grad.item() == pytest.approx(2.0 * n_passes)
    given = {}
    mixed.finish_update(lambda key, value, gradient: given.update({key: gradient}) or (value, 0))
    assert [gradient.item() for gradient in given.values()] == pytest.approx([6.0])
    assert backprop_once(mixed, 5.0, 1.0) == pytest.approx(3.0)
    assert weight.grad.item() == pytest.approx(5.0)


@pytest.mark.gpu
def test_scaled_gradients_of_several_passes_add_up_on_a_gpu(on_gpu):
    with on_gpu():
        module = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(module.weight, 3.0)
        shim = FlatTorchShim(module, mixed_precision=True)
        assert shim.device.type == "cuda"
        small = 2.0**-10  # Times the scale it must not leave half precision.
        for n_passes in (1, 2, 3):
            assert backprop_once(shim, 2.0, small) == pytest.approx(3.0 * small)
            assert module.weight.grad.item() == pytest.approx(2.0 * small * n_passes)


def test_a_pass_to_the_inputs_alone_leaves_the_gradients(mixed):
    backprop_once(mixed, 2.0, 1.0)
    mixed._model.weight.requires_grad_(False)
    assert backprop_once(mixed, 2.0, 1.0) == pytest.approx(3.0)
    mixed._model.weight.requires_grad_(True)
    assert mixed._model.weight.grad.item() == pytest.approx(2.0)


def test_an_overflow_in_one_of_several_passes_stops_the_update(mixed):
    backprop_once(mixed, 2.0, 1.0)
    assert backprop_once(mixed, 2.0, float("inf")) == 0.0
    mixed.finish_update(lambda *arguments: pytest.fail("an update by an infinite gradient"))
    assert mixed._model.weight.item() == 3.0
    assert backprop_once(mixed, 2.0, 1.0) == pytest.approx(3.0)
    assert mixed._model.weight.grad.item() == pytest.approx(2.0)


def test_whether_to_train_in_bfloat16_is_asked_where_it_runs(monkeypatch):
    shim = FlatTorchShim(torch.nn.Linear(1, 1), mixed_precision=True)
    twin = pickle.loads(pickle.dumps(shim))
    for answer in (True, False):
        monkeypatch.setattr(torch_shim, "has_bfloat16", lambda answer=answer: answer)
        assert twin._trains_in_bfloat16() is answer
    monkeypatch.setattr(torch_shim, "has_bfloat16", lambda: True)
    assert not FlatTorchShim(torch.nn.Linear(1, 1))._trains_in_bfloat16()
