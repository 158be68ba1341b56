"""Sparse autoencoders by name, and their files.

The formula they share is in `sae_frame`; `sae_relu`, `sae_topk` and `sae_gates` hold the architectures, each a small class
that says how a latent fires and what it costs. All can be had from here.
"""

from pathlib import Path

import numpy as np
import torch

from saekit import files
from saekit.sae_frame import SAE, Losses, geometric_median, unit_rows
from saekit.sae_gates import GatedSAE, JumpReLUSAE, jumprelu, step_function
from saekit.sae_relu import HoyerReLUSAE, ReLUSAE, SmoothL0ReLUSAE, TiedReLUSAE, WeightedReLUSAE
from saekit.sae_topk import BatchTopKSAE, MatryoshkaSAE, TopKSAE

SAES = {sae.arch: sae for sae in (TopKSAE, BatchTopKSAE, MatryoshkaSAE, JumpReLUSAE, GatedSAE, ReLUSAE, TiedReLUSAE,
                                  WeightedReLUSAE, HoyerReLUSAE, SmoothL0ReLUSAE)}
__all__ = ["SAE", "SAES", "Losses", "geometric_median", "jumprelu", "load_sae", "new_sae", "save_sae", "step_function",
           "unit_rows", *(sae.__name__ for sae in SAES.values())]


def new_sae(arch, d_in, d_sae, seed=0, **settings):
    """An untrained SAE of architecture `arch`. ValueError for an unknown name."""
    if arch not in SAES:
        raise ValueError(f"unknown architecture {arch!r}; known ones are {', '.join(SAES)}")
    return SAES[arch](d_in, d_sae, seed=seed, **settings)


def save_sae(sae, path, dtype=torch.float32, metadata=None):
    """Write weights and settings as one safetensors file; torch.float16 halves it, torch.int8 with one scale per latent
    takes a quarter.

    dtype is that of the matrices; biases and thresholds, which decide who fires and weigh little, stay float32.
    ValueError where an entry is not finite in dtype.
    """
    record = {"arch": sae.arch, "d_in": sae.d_in, "d_sae": sae.d_sae, "settings": sae.settings, **(metadata or {})}
    kept = torch.float32 if dtype == torch.int8 else dtype
    arrays = {name: array.detach().cpu().to(kept if array.ndim == 2 else torch.float32).numpy()
              for name, array in sae.state_dict().items()}
    matrices = {"W_dec": 1, "W_enc": 0} if dtype == torch.int8 else {}
    for name in matrices.keys() & arrays.keys():
        arrays[name], arrays[f"{name}/scales"] = files.pack_int8(arrays[name], matrices[name])
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError(f"an entry is not finite in {dtype}: either the run diverged or float32 is needed")
    files.save_arrays(path, arrays, record)


def load_sae(path):
    """Load an SAE from a file written by `save_sae` or a folder that holds one as sae.safetensors, checked and in
    float32.

    ValueError naming the file if it is missing, foreign, truncated, of the wrong shape, or holds NaN.
    """
    path = Path(path)
    path = path / "sae.safetensors" if path.is_dir() else path
    if not path.is_file():
        card = path.parent / "card.json"
        cure = (f"only its card is shipped; it is made by: {files.read_json(card).get('command')}" if card.is_file()
                else "expected a folder with sae.safetensors or such a file")
        raise ValueError(f"no SAE at {path}; {cure}")
    arrays, record = files.load_arrays(path)
    if not {"arch", "d_in", "d_sae", "settings"} <= record.keys():
        raise ValueError(f"{path} was not written by saekit: it holds {', '.join(sorted(arrays)[:6]) or 'nothing'} "
                         "and no saekit header")
    if "W_dec" not in arrays or arrays["W_dec"].shape != (record["d_sae"], record["d_in"]):
        found = arrays["W_dec"].shape if "W_dec" in arrays else "nothing"
        raise ValueError(f"{path}: W_dec is {found}, expected shape ({record['d_sae']}, {record['d_in']})")
    try:
        sae = new_sae(record["arch"], record["d_in"], record["d_sae"], **record["settings"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has a header that describes no SAE of this version: {error}") from None
    arrays = files.unpack_int8(arrays, path)
    for name, parameter in sae.state_dict().items():
        if name not in arrays or arrays[name].shape != tuple(parameter.shape):
            found = arrays[name].shape if name in arrays else "nothing"
            raise ValueError(f"{path}: {name} is {found}, expected shape {tuple(parameter.shape)}")
        if arrays[name].dtype.kind != "f":
            raise ValueError(f"{path}: {name} holds {arrays[name].dtype}, expected floating-point numbers")
        array = torch.from_numpy(arrays[name]).float()
        if not torch.isfinite(array).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity; the run that wrote it diverged")
        parameter.copy_(array)
    return sae
