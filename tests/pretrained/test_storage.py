"""The file of tensors that weights are written in."""

import json

import numpy
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from spacy_brnn.pretrained import storage

GENERATOR = numpy.random.default_rng(0)
TABLE = GENERATOR.normal(size=(30, 8)).astype("float32") * numpy.arange(30, dtype="f")[:, None]
CONTENT = {
    "params": [{}, {"E": TABLE, "b": numpy.asarray([0.1, -20.0], dtype="float32")}],
    "attrs": [{"keys": numpy.asarray([2**64 - 1, 5], dtype="uint64"), "flag": True, "rate": None}],
    "none": numpy.zeros((0, 0), dtype="float32"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_what_is_written_comes_back(path):
    storage.write(path, CONTENT)
    read = storage.read(path)
    assert read["params"][0] == {}
    assert read["params"][1]["E"].dtype == "float32"
    numpy.testing.assert_array_equal(
        read["params"][1]["E"], TABLE.astype("float16").astype("float32")
    )
    numpy.testing.assert_array_equal(read["attrs"][0].pop("keys"), CONTENT["attrs"][0]["keys"])
    assert read["attrs"] == [{"flag": True, "rate": None}]
    assert read["none"].shape == (0, 0)


def test_the_same_content_gives_the_same_bytes(path):
    storage.write(path, CONTENT)
    first = path.read_bytes()
    storage.write(path, CONTENT)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    "dtype, stored, error",
    [
        ("float32", "F32", 0),
        ("float16", "F16", 1e-3),
        ("bfloat16", "BF16", 8e-3),
        ("int8", "I8", 0),
    ],
)
def test_a_table_in_the_precision_asked_for(dtype, stored, error, path):
    storage.write(path, CONTENT, {"E": dtype})
    with safe_open(path, framework="pt") as file:
        assert file.get_slice("params.1.E").get_dtype() == stored
        assert file.get_slice("params.1.b").get_dtype() == "F16"
    read = storage.read(path)["params"][1]["E"]
    assert read.dtype == "float32"
    # A row in int8 has 127 steps up to its own highest value.
    tolerance = numpy.abs(TABLE).max(axis=1, keepdims=True) / 254 * (dtype == "int8")
    assert (numpy.abs(read - TABLE) <= numpy.abs(TABLE) * error + tolerance + 1e-6).all()


@pytest.mark.parametrize(
    "dtypes, message", [({"F": "int8"}, "no array is named 'F'"), ({"E": "int4"}, "not 'int4'")]
)
def test_an_unknown_name_or_dtype_is_refused(dtypes, message, path):
    with pytest.raises(ValueError, match=message):
        storage.write(path, CONTENT, dtypes)
    assert not path.exists()


def test_values_beyond_the_dtype_are_refused(path):
    with pytest.raises(ValueError, match="W has values that float16 has no number for"):
        storage.write(path, {"W": numpy.asarray([1e6], dtype="float32")})
    storage.write(path, {"W": numpy.asarray([1e6], dtype="float32")}, {"W": "float32"})


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_named(share, path):
    storage.write(path, CONTENT)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged .* again"):
        storage.read(path)


def test_a_changed_byte_is_found_wherever_it_is(path):
    storage.write(path, CONTENT)
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    for place in [0, 9, *range(8 + header, len(whole), 97), len(whole) - 1]:
        changed = bytearray(whole)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"weights\.safetensors is damaged"):
            storage.read(path)


def test_tensors_of_somebody_else_are_refused(path):
    save_file({"W": TABLE}, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="damaged or not a file of weights"):
        storage.read(path)


def test_a_missing_tensor_is_found(path):
    metadata = json.dumps({"content": {storage.TENSOR: "W"}, "checksum": 0})
    save_file({}, path, metadata={storage.METADATA: metadata})
    with pytest.raises(ValueError, match="damaged or not a file of weights"):
        storage.read(path)
