"""Files are whole or absent, and damaged ones are named."""

import os
import pickle

import numpy as np
import pytest

from saekit import files


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_atomic(path, "text is not bytes")
    assert files.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_who_may_read_a_file_is_the_umasks_choice(tmp_path):
    before = os.umask(0o077)
    try:
        files.write_atomic(tmp_path / "mine", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o600


def test_json_comes_back_and_nan_is_refused(tmp_path):
    record = {"name": "é", "list": [1, 2.5, None]}
    files.write_json(tmp_path / "new" / "r.json", record)
    assert files.read_json(tmp_path / "new" / "r.json") == record
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "nan.json", {"loss": float("nan")})
    assert not (tmp_path / "nan.json").exists()


def test_broken_json_is_an_error_that_names_the_file(tmp_path):
    for content in (b'{"a": ', b"\xff\xfe\x00"):
        (tmp_path / "card.json").write_bytes(content)
        with pytest.raises(ValueError, match="card.json is not valid JSON"):
            files.read_json(tmp_path / "card.json")


def test_arrays_of_any_layout_come_back_with_their_metadata(tmp_path):
    arrays = {
        "turned": np.arange(6.0).reshape(2, 3).T,
        "half": np.float16([1.5]),
        "ids": np.uint16([[7]]),
        "empty": np.zeros((0, 2)),
    }
    files.save_arrays(tmp_path / "a.safetensors", arrays, {"step": 3})
    back, metadata = files.load_arrays(tmp_path / "a.safetensors")
    assert metadata == {"step": 3} and back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.99])
def test_a_truncated_safetensors_file_is_an_error_that_names_it(tmp_path, share):
    path = tmp_path / "sae.safetensors"
    files.save_arrays(path, {"W": np.ones((50, 50))})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match="sae.safetensors is not a safetensors file"):
        files.load_arrays(path)


def test_foreign_files_are_errors_and_a_pickle_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    for content in (pickle.dumps(Bomb()), b"PK\x03\x04 a zip", b"{}" * 40):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match="another kind of file"):
            files.load_arrays(tmp_path / "x")
    assert not (tmp_path / "ran").exists()


def test_foreign_headers_and_number_formats_are_errors(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"W": torch.ones(2)}, tmp_path / "list", {"saekit": "[1]"})
    save_file({"W": torch.ones(2)}, tmp_path / "text", {"saekit": "{"})
    save_file({"W": torch.ones(2)}, tmp_path / "deep", {"saekit": "[" * 200_000})
    save_file({"W": torch.ones(2, dtype=torch.float8_e4m3fn)}, tmp_path / "float8")
    for name in ("list", "text", "deep", "float8"):
        with pytest.raises(ValueError, match=name):
            files.load_arrays(tmp_path / name)


def test_a_run_folder_is_new_or_resumed_but_never_overwritten(tmp_path):
    files.check_run_folder(tmp_path / "a" / "b", resume=False)
    with pytest.raises(ValueError, match="no run to resume"):
        files.check_run_folder(tmp_path / "a" / "b", resume=True)
    files.write_json(tmp_path / "run.json", {})
    files.check_run_folder(tmp_path, resume=True)
    with pytest.raises(ValueError, match="already holds a run"):
        files.check_run_folder(tmp_path, resume=False)
    files.write_json(tmp_path / "card.json", {})
    with pytest.raises(ValueError, match="finished run"):
        files.check_run_folder(tmp_path, resume=True)


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        files.check_run_folder(tmp_path / "file" / "run", resume=False)


@pytest.mark.parametrize("axis", [0, 1])
def test_int8_comes_back_to_the_nearest_of_its_levels(axis):
    array = (np.random.default_rng(0).normal(size=(30, 50)) * np.logspace(-2, 2, 50)).astype(np.float32)
    codes, scales = files.pack_int8(array, axis)
    back = files.unpack_int8({"W": codes, "W/scales": scales, "b": array[0]}, "file")
    assert codes.dtype == np.int8 and scales.dtype == np.float16 and scales.size == array.shape[1 - axis]
    assert back.keys() == {"W", "b"} and back["W"].dtype == np.float32
    levels = np.linspace(-1, 1, 255) ** 2 * np.sign(np.linspace(-1, 1, 255))
    levels = np.moveaxis(scales.astype(float), axis, 0).ravel()[:, None] * levels  # (slices, 255), from the formula
    slices, found = (np.moveaxis(x, axis, -1).astype(float) for x in (array, back["W"]))
    nearest = np.abs(slices[:, :, None] - levels[:, None]).min(-1)
    gap = 2 * np.sqrt(np.abs(slices) * levels[:, -1:]) / 127 + levels[:, -1:] / 127**2  # between the levels around x
    assert (np.abs(found - slices) - nearest <= 0.01 * gap + 1e-3 * levels[:, -1:]).all()


def test_int8_loses_less_than_even_steps_where_most_entries_are_small():
    array = np.random.default_rng(0).laplace(size=(40, 500)).astype(np.float32)
    back = files.unpack_int8(dict(zip(("W", "W/scales"), files.pack_int8(array, 1))), "file")["W"]
    step = np.abs(array).max(1, keepdims=True) / 127
    even = np.rint(array / step) * step
    assert np.linalg.norm(back - array) < 0.8 * np.linalg.norm(even - array)


def test_int8_bears_zero_and_tiny_slices_and_refuses_huge_ones_and_nan():
    array = np.float32([[0, 0], [1e-9, -1e-9], [1, -0.25]])
    back = files.unpack_int8(dict(zip(("W", "W/scales"), files.pack_int8(array, 1))), "file")["W"]
    np.testing.assert_allclose(back, [[0, 0], [0, 0], [1, -0.25]], atol=0.005)
    for bad in (1e8, float("nan")):
        with pytest.raises(ValueError, match="do not fit int8"):
            files.pack_int8(np.float32([[bad]]), 1)


@pytest.mark.parametrize(
    "packed, scales",
    [
        (None, np.float16([[1]])),
        (np.float32([[1]]), np.float16([[1]])),
        (np.int8([[1, 2]]), np.float16([[1], [1]])),
        (np.int8([[1, 2]]), np.float32([[1]])),
        (np.int8([1, 2]), np.float16([[1, 2]])),
        (np.int8(1), np.float16(1)),
    ],
)
def test_scales_that_fit_no_array_are_an_error_that_names_the_file(packed, scales):
    with pytest.raises(ValueError, match="odd.safetensors: W/scales is .* fits no int8 array"):
        files.unpack_int8({"W/scales": scales, **({} if packed is None else {"W": packed})}, "odd.safetensors")
