"""A training run's checkpoint: everything needed to go on to the bit, and nothing of how many processes trained.

checkpoint.safetensors holds weights, Adam's moments, the mean of the inputs and the counts of tokens since each latent
fired; its header the step, the scale, the state of the stream, the log and the number of batches that
were left out. Beside it lies the SAE so far.
"""

import copy
import json
from contextlib import contextmanager
from pathlib import Path

import torch

from saekit import files, processes
from saekit.sae import save_sae


def find(out, record, resume):
    """Path of the checkpoint to go on from, or None for a fresh start. ValueError if `out` holds another run."""
    if out is None:
        return None
    files.check_run_folder(out, resume)
    header, checkpoint = Path(out) / "run.json", Path(out) / "checkpoint.safetensors"
    if resume and files.read_json(header) != json.loads(json.dumps(record)):
        raise ValueError(f"{out} holds a run with other settings (see {header}); use the same ones or another --out")
    return checkpoint if resume and checkpoint.is_file() else None


def save(run, out, by=0):
    """Write the checkpoint of the last whole step and the SAE so far, folded, in the process of rank `by`; nothing if
    out is None. ValueError if the weights are not finite."""
    if out is None or processes.rank() != by:
        return
    if not all(bool(p.isfinite().all()) for p in run.sae.parameters()):
        raise ValueError(f"the weights hold NaN or infinity at step {run.step}; the checkpoint before is kept. Is "
                         f"lr={run.config.lr} too high, or the language model damaged?")
    save_sae(copy.deepcopy(run.sae).fold(run.mean, run.scale), Path(out) / "sae.safetensors")
    arrays = {"mean": run.mean, "n_tokens_since_fired": run.n_tokens_since_fired, "dead_latents": run.dead_latents,
              **run.sae.state_dict()}
    for name, parameter in run.sae.named_parameters():
        for moment in ("exp_avg", "exp_avg_sq"):
            state = run.optimizer.state.get(parameter)
            arrays[f"{name}/{moment}"] = state[moment] if state else torch.zeros_like(arrays[name])
    record = {"step": run.step, "scale": run.scale, "last_resample": run.last_resample, "stream": run.seen,
              "log": run.log, "left_out": int(run.left_out)}
    arrays = {name: array.cpu().numpy() for name, array in arrays.items()}
    files.save_arrays(Path(out) / "checkpoint.safetensors", arrays, record)


def load(run, path):
    """Put a fresh run where the checkpoint at `path` was saved, in all processes. ValueError if it is no checkpoint of
    such a run."""
    arrays, record = processes.by_first(files.load_arrays, path)
    try:
        _restore(run, arrays, record)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path} is no checkpoint of this run ({error}); was it copied from another?") from None


def _restore(run, arrays, record):
    run.step, run.scale, run.last_resample, run.log = (record[key] for key in ("step", "scale", "last_resample", "log"))
    run.seen = record["stream"]
    run.left_out.fill_(record.get("left_out", 0))    # checkpoints before it was kept lack it
    run.stream.restore(run.seen)
    arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
    run.mean.copy_(arrays["mean"])
    run.n_tokens_since_fired.copy_(arrays["n_tokens_since_fired"])
    run.dead_latents = arrays["dead_latents"].to(run.mean.device)
    run.sae.load_state_dict({name: arrays[name] for name in run.sae.state_dict()})
    for name, parameter in run.sae.named_parameters():
        state = {"step": torch.tensor(float(run.step - run.left_out), device=parameter.device)}
        for moment in ("exp_avg", "exp_avg_sq"):  # in the parameter's memory layout: fused Adam relies on that
            state[moment] = torch.empty_like(parameter, requires_grad=False).copy_(arrays[f"{name}/{moment}"])
        run.optimizer.state[parameter] = state


@contextmanager
def saved_if_alone(run, out):
    """If another process ends, the one that is to tell of it saves the state after its last step, which is whole: in a
    step no weight moves before all have met for the last time."""
    try:
        yield
    except processes.Lost as lost:
        save(run, out, lost.teller)
        raise
