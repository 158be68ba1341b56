"""`saekit export`: an SAE in the files of another library.

SAELens reads a folder with cfg.json and sae_weights.safetensors (`SAE.load_from_disk(folder)`). Its formula is ours,
    pre_acts = (x - b_dec) @ W_enc + b_enc       x_hat = latents @ W_dec + b_dec
in the same orientation, so only names change; one threshold for all latents becomes one for each. Loaded by SAELens
itself, every architecture encodes and reconstructs as here to float32's rounding.
"""

from pathlib import Path

import numpy as np

from saekit import files
from saekit.experiment import run_settings
from saekit.sae import load_sae

FORMATS = ("sae-lens",)
SAE_LENS = "6.54.12"    # the version that was tried; a file that names none is read as one from before version 6


def export(run, out, format="sae-lens"):
    """Write the SAE of folder or file `run` to folder `out` as SAELens 6 reads it; returns that folder.

    It reads raw activations, in float32 however it was stored. ValueError for another format, or a BatchTopK SAE that
    has no threshold.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}; known ones are {', '.join(FORMATS)}")
    sae, made = load_sae(run), run_settings(run)
    arrays, config = sae_lens(sae)
    config |= {"d_in": sae.d_in, "d_sae": sae.d_sae, "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True,
               "normalize_activations": "none", "reshape_activations": "none",
               "metadata": {"sae_lens_version": SAE_LENS, "model_name": made["model"],
                            "hook_name": f"blocks.{made['layer']}.mlp.hook_post"}}
    files.save_arrays(Path(out) / "sae_weights.safetensors", arrays)
    files.write_json(Path(out) / "cfg.json", config)
    return Path(out)


def sae_lens(sae):
    """(arrays, settings) under SAELens' names; settings name the architecture that fires as `sae.encode` does.
    ValueError for a BatchTopK or Matryoshka SAE that has no threshold."""
    arrays = {name: getattr(sae, name).detach().numpy() for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
    if sae.arch in ("batchtopk", "matryoshka"):
        if sae.threshold < 0:
            raise ValueError(f"this {sae.arch} SAE has no threshold, so what fires still depends on the batch; train it")
        # SAELens fires above a threshold, ours from it on
        below = np.nextafter(sae.threshold.numpy(), np.float32(-np.inf))
        return {**arrays, "threshold": np.repeat(below, sae.d_sae)}, {"architecture": "jumprelu"}
    if sae.arch == "jumprelu":
        return {**arrays, "threshold": sae.threshold.detach().numpy()}, {"architecture": "jumprelu"}
    if sae.arch == "gated":
        arrays |= {"b_gate": arrays.pop("b_enc"), "b_mag": sae.b_mag.detach().numpy(),
                   "r_mag": sae.r_mag.detach().numpy()}
        return arrays, {"architecture": "gated"}
    return arrays, {"architecture": "topk", "k": sae.k} if sae.arch == "topk" else {"architecture": "standard"}
