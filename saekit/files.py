"""Files that are either whole or absent: JSON and safetensors, written under a temporary name and then renamed.

Nothing here can run code on load (no pickle), and every file is checked: an unreadable one is an error that names it.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np


def data_folder():
    """The folder data/ beside the package: SAEKIT_DATA if set. ValueError if it is not there."""
    folder = Path(os.environ.get("SAEKIT_DATA") or Path(__file__).resolve().parent.parent / "data")
    if not folder.is_dir():
        raise ValueError(f"data folder {folder} not found; saekit reads its models from data/ beside the package, "
                         "so install it with `pip install -e .` from a full copy of the repository, or set SAEKIT_DATA")
    return folder


def _umask():
    umask = os.umask(0)    # the system tells it only to whom sets it
    os.umask(umask)
    return umask


def write_atomic(path, data):
    """Write bytes so that `path` holds either its old content or all of `data`, whatever happens meanwhile."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path, record):
    """Write `record` as indented JSON; NaN and infinity are refused."""
    write_atomic(path, (json.dumps(record, indent=1, allow_nan=False) + "\n").encode())


def read_json(path):
    """The record in a JSON file; ValueError naming the file if it is not JSON."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); was it cut off or edited by hand?") from None


def save_arrays(path, arrays, metadata=None):
    """Write named NumPy arrays and a JSON-able metadata record as one safetensors file."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, save(arrays, {"saekit": json.dumps(metadata or {})}))


def load_arrays(path):
    """(arrays, metadata) of a safetensors file; ValueError naming the file if it is truncated or something else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(json.loads((file.metadata() or {}).get("saekit", "{}")))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata
    except (SafetensorError, TypeError, AttributeError, ValueError, RecursionError) as error:
        # also number formats NumPy lacks
        raise ValueError(f"{path} is not a safetensors file that can be read here ({error}); "
                         "was it cut off, or is it another kind of file?") from None


def pack_int8(array, axis):
    """(codes int8, scales float16) with array ~ scales * sign(codes) * (codes / 127)^2, a scale per slice along `axis`.

    array: (rows, columns); a scale is its slice's largest entry. The squares put the levels close together near 0,
    where most weights are: on a trained decoder the error is less than half that of even steps. The scales keep both
    axes, so that the product broadcasts. ValueError where an entry is beyond float16 or NaN.
    """
    largest = np.abs(array).max(axis, keepdims=True)
    if not (largest <= np.finfo(np.float16).max).all():
        raise ValueError(f"entries up to {np.abs(array).max():.3g} do not fit int8 with float16 scales")
    scales = largest.astype(np.float16)
    share = np.divide(array, scales.astype(np.float32), out=np.zeros_like(array, np.float32), where=scales > 0)
    codes = np.rint(127 * np.sign(share) * np.sqrt(np.abs(share)))
    return np.clip(codes, -127, 127).astype(np.int8), scales


def unpack_int8(arrays, path):
    """Arrays of a file in which NAME/scales goes with int8 codes NAME, decoded to float32; others stay.

    ValueError naming the file if a pair does not fit together.
    """
    unpacked = {name: array for name, array in arrays.items() if not name.endswith("/scales")}
    for name in arrays.keys() - unpacked.keys():
        codes, scales = arrays.get(name.removesuffix("/scales"), np.int8(0)), arrays[name]
        fitting = [(len(codes), 1), (1, codes.shape[1])] if codes.ndim == 2 and codes.dtype == np.int8 else []
        if scales.dtype != np.float16 or scales.shape not in fitting:
            raise ValueError(f"{path}: {name} is {scales.dtype} {scales.shape} and fits no int8 array of the file")
        share = codes.astype(np.float32) / 127
        unpacked[name.removesuffix("/scales")] = share * np.abs(share) * scales.astype(np.float32)
    return unpacked


def check_run_folder(out, resume):
    """Make folder `out` for a run, or check that it holds an unfinished one to resume.

    Raises ValueError if it holds a run and resume is False, or no unfinished one and resume is True; OSError if it
    cannot be written.
    """
    out = Path(out)
    if resume and not (out / "run.json").is_file():
        raise ValueError(f"{out} holds no run to resume")
    if resume and (out / "card.json").is_file():
        raise ValueError(f"{out} holds a finished run (it has a card.json); there is nothing to resume")
    if not resume and any((out / name).is_file() for name in ("run.json", "sae.safetensors", "model.safetensors")):
        raise ValueError(f"{out} already holds a run; give --resume to continue it or another --out")
    out.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=out).close()
