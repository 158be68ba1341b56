"""Values survive the way there and back; bytes made to deceive raise ValueError and nothing else."""

import json

import numpy as np
import pytest

from saekit.course import exchange
from saekit.course.exchange import LENGTHS, pack, unpack


def through(value, **options):
    """A value packed and unpacked."""
    frame = pack(value)
    header, payload = exchange.lengths(frame[: LENGTHS.size])
    assert len(frame) == LENGTHS.size + header + payload
    return unpack(frame[LENGTHS.size : LENGTHS.size + header], frame[LENGTHS.size + header :], **options)


@pytest.mark.parametrize("value", [None, True, 3, -0.5, "ü🦊", [1, (2, "x")], {"a": 1, 2: [None]}, 1 + 2j, 10**30])
def test_plain_values_come_back_with_their_type(value):
    assert through(value) == value and type(through(value)) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.array(["a", "bcd"]),
        np.array([True, False]),
        np.zeros((0, 3)),
        np.array(2.5),
        np.arange(3, dtype=">i2"),
        np.float32(1.5),
        np.array([1j, np.nan]),
    ],
)
def test_arrays_and_scalars_come_back_with_shape_and_dtype(array):
    back = through([array])[0]
    assert np.array_equal(back, array, equal_nan=array.dtype.kind in "fc")
    assert (back.shape, back.dtype, type(back)) == (array.shape, array.dtype, type(array))


def test_arrays_that_come_back_can_be_written_to():
    through(np.zeros(3))[0] = 1.0


def test_what_cannot_be_carried_arrives_as_a_stranger_of_the_same_name():
    for value, name in (({1}, "set"), (len, "builtin_function_or_method"), (np.array([None]), "array of dtype object")):
        assert type(through(value)).__name__ == name


def test_deep_nests_and_large_values_are_refused():
    deep = []
    for _ in range(50):
        deep = [deep]
    assert through(deep)  # its core is a stranger
    with pytest.raises(ValueError, match="64 MB"):
        pack(np.zeros(exchange.PAYLOAD // 8 + 1))
    with pytest.raises(ValueError, match="announced"):
        exchange.lengths(LENGTHS.pack(10, 10**12))


@pytest.mark.parametrize(
    "node",
    [
        [1],
        {"t": "array"},
        {"t": "array", "d": "|O", "s": [1]},
        {"t": "array", "d": "<f8", "s": [2]},
        {"t": "array", "d": "<f8", "s": [-1]},
        {"t": "array", "d": "<f8", "s": [10**30, 0]},
        {"t": "array", "d": "<f8", "s": [True]},
        {"t": "tuple", "v": "ab"},
        {"t": "dict", "k": [1], "v": []},
        {"t": "list", "v": [0] * 20_000},
        {"t": "complex", "v": [1]},
        {"t": ["x"]},
        1,
    ],
)
def test_messages_made_to_deceive_raise_valueerror(node):
    with pytest.raises(ValueError):
        unpack(json.dumps(node).encode(), b"12345678")


@pytest.mark.parametrize("header", [b"", b"{", b"\xff", b"1" * 10_000, b"[" * 10_000, b'{"t": "list", "v": NaN}'])
def test_headers_that_are_no_json_raise_valueerror(header):
    with pytest.raises(ValueError):
        unpack(header, b"")


def test_tensors_travel_as_tensors_to_the_answer_and_as_arrays_to_the_check():
    import torch

    tensor = torch.arange(4.0).reshape(2, 2).t().requires_grad_()
    assert torch.equal(through(tensor, tensors=True), tensor) and type(through(tensor)) is np.ndarray
    assert through(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
