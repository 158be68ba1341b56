"""Values on their way between the grader and a sandboxed process, without pickle: a JSON header, then raw array bytes.

    frame = two 8-byte lengths, header (JSON), payload (the arrays' bytes, one after the other)

Carried: None, True, False, numbers, strings, lists, tuples, dicts, NumPy arrays and scalars, PyTorch tensors. Anything
else arrives as an object of no use whose type has the same name, so that a check can say what it is. `unpack` trusts
nothing: every length, kind and shape is checked, and ValueError is all it raises.
"""

import json
import math
import re
import struct
import sys

import numpy as np

LENGTHS = struct.Struct(">QQ")
HEADER, PAYLOAD = 1_000_000, 64_000_000  # bytes
DEPTH, LEAVES = 8, 10_000
DTYPE = re.compile(r"[<>|]([fiuc](1|2|4|8|16|32)|b1|U\d{1,5})$")


def pack(value):
    """The bytes of one frame; ValueError where the value is larger than a frame may be."""
    chunks = []
    header = json.dumps(_encode(value, chunks, DEPTH)).encode()
    size = sum(map(len, chunks))
    if len(header) > HEADER or size > PAYLOAD:
        raise ValueError(
            f"a value of {(len(header) + size) / 1e6:.0f} MB; arrays may have {PAYLOAD / 1e6:.0f} MB, "
            f"text {HEADER / 1e6:.0f} MB"
        )
    return b"".join([LENGTHS.pack(len(header), size), header, *chunks])


def lengths(head):
    """(header, payload) lengths from the first bytes of a frame; ValueError where they are beyond the limits."""
    header, payload = LENGTHS.unpack(head)
    if header > HEADER or payload > PAYLOAD:
        raise ValueError(f"a message of {(header + payload) / 1e6:.0f} MB was announced")
    return header, payload


def unpack(header, payload, tensors=False):
    """The value of a frame; tensors=True makes tensors again, else they arrive as arrays. ValueError where header and
    payload make no frame."""
    try:
        reader = _Reader(memoryview(payload), tensors)
        value = reader.decode(json.loads(header), DEPTH)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"a message that cannot be read ({type(error).__name__})") from None
    if reader.place != len(payload):
        raise ValueError("a message with bytes that belong to nothing")
    return value


def _encode(value, chunks, depth):
    """The JSON node of a value; array bytes are appended to chunks."""
    if value is None or type(value) in (bool, str, int, float):
        return value
    if depth == 0:
        return {"t": "other", "n": "deeply nested value"}
    if isinstance(value, (list, tuple)):
        return {
            "t": "tuple" if isinstance(value, tuple) else "list",
            "v": [_encode(v, chunks, depth - 1) for v in value],
        }
    if isinstance(value, dict):
        sides = ([_encode(v, chunks, depth - 1) for v in side] for side in (value.keys(), value.values()))
        return dict(zip("tkv", ("dict", *sides)))
    if type(value) is complex:
        return {"t": "complex", "v": [value.real, value.imag]}
    tensor = hasattr(value, "detach")
    array = _array(value) if tensor or isinstance(value, (np.ndarray, np.generic)) else None
    if array is None or not DTYPE.match(array.dtype.str):
        return {"t": "other", "n": type(value).__name__ if array is None else f"array of dtype {array.dtype}"}
    chunks.append(array.tobytes())
    kind = "tensor" if tensor else "array" if isinstance(value, np.ndarray) else "scalar"
    return {"t": kind, "d": array.dtype.str, "s": list(array.shape)}


def _array(value):
    """A NumPy array from an array, a NumPy scalar or a tensor of any kind."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.to_dense() if value.is_sparse else value.resolve_conj()
        value = (value.float() if str(value.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn") else value).numpy()
    return np.ascontiguousarray(value).reshape(np.shape(value))


class _Reader:
    """Decodes nodes, taking array bytes from the payload in order."""

    def __init__(self, payload, tensors):
        self.payload, self.tensors, self.place, self.left = payload, tensors, 0, LEAVES

    def decode(self, node, depth):
        """The value of a JSON node."""
        self.left -= 1
        if self.left < 0 or depth < 0:
            raise ValueError("too many or too deeply nested parts")
        if not isinstance(node, dict):
            if isinstance(node, list):
                raise ValueError("a bare list")
            return node
        kind = node["t"]
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)(self.decode(v, depth - 1) for v in _list(node["v"]))
        if kind == "dict":
            keys, values = ([self.decode(v, depth - 1) for v in _list(node[side])] for side in "kv")
            if len(keys) != len(values):
                raise ValueError("keys without values")
            return {k if type(k) in (str, int, float, bool) else str(type(k)): v for k, v in zip(keys, values)}
        if kind == "complex":
            return complex(*map(float, node["v"]))
        if kind == "other":
            return stranger(str(node["n"]))
        return self.array(node, kind)

    def array(self, node, kind):
        """An array, scalar or tensor; a copy, because the payload is read-only."""
        if kind not in ("array", "scalar", "tensor") or not DTYPE.match(node["d"]):
            raise ValueError("an unknown kind")
        shape, dtype = tuple(_list(node["s"])), np.dtype(node["d"])
        if len(shape) > 16 or not all(type(n) is int and 0 <= n <= PAYLOAD for n in shape):
            raise ValueError("not a shape")
        size = math.prod(shape) * dtype.itemsize
        piece = self.payload[self.place : self.place + size]
        if len(piece) != size:
            raise ValueError("fewer bytes than announced")
        self.place += size
        array = np.frombuffer(piece, np.uint8).copy().view(dtype).reshape(shape) if size else np.empty(shape, dtype)
        if dtype.kind == "b":  # a byte other than 0 and 1 is no truth value
            array = array.view(np.uint8) != 0
        if kind == "tensor" and self.tensors:
            return sys.modules["torch"].from_numpy(array)
        return array[()] if kind == "scalar" and shape == () else array


def _list(value):
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def stranger(name):
    """An object whose type has this name and nothing else."""
    return type("".join(c for c in name[:40] if c.isalnum() or c in "_ .") or "object", (), {"__slots__": ()})()
