"""Train SAEs with the peers' own trainers on activations that arrive on stdin; benchmarks/quality.py starts this.

It runs in the peers' environment and knows nothing of saekit. Per run it reads one line of JSON (`run`), then
run["rows"] rows of run["d_in"] float32; it trains, writes run["out"] (safetensors) and answers with one line of JSON.
Each library normalises, revives dead latents, folds and reloads by its own code. The file holds W_enc (d_in, d_sae),
b_enc, W_dec (d_sae, d_in), b_dec, where there is one threshold (d_sae,), and for the check some raw rows x and what the
library's reloaded SAE makes of them in float64, x_hat. All of it reads raw activations.
Settings that the libraries count in steps are their own where the run is long enough, else a share of the run.
"""

import importlib
import itertools
import json
import os
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

os.environ.update({"WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"})

import numpy as np  # noqa: E402
import torch  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

PREVIEW_ROWS = 32768   # on which the scale is measured, as many as saekit takes; training sees them too
CHECK_ROWS = 256
BATCH = {"sae_lens": 4096, "dictionary_learning": 2048}  # SAELens' default; that of dictionary_learning's own demo


class Activations:
    """Batches of the run's rows as they come in; the first time it is iterated, only those of the preview."""

    def __init__(self, source, run, batch):
        self.source, self.shape, self.device = source, (batch, run["d_in"]), run["device"]
        self.batches = run["rows"] // batch
        self.preview = [self.read() for _ in range(min(self.batches, PREVIEW_ROWS // batch))]
        self.seen = False

    def read(self):
        n_bytes = 4 * self.shape[0] * self.shape[1]
        data = self.source.read(n_bytes)
        if len(data) < n_bytes:
            raise EOFError("the activations ended before the run did")
        return torch.from_numpy(np.frombuffer(bytearray(data), dtype=np.float32).reshape(self.shape)).to(self.device)

    def __iter__(self):
        first_time, self.seen = not self.seen, True
        yield from self.preview
        for _ in range(0 if first_time else self.batches - len(self.preview)):
            yield self.read()


def train_sae_lens(run, data, folder):
    """(SAE as SAELens reloads it, its arrays, whether it subtracts b_dec first).

    Scaled to E||x|| = sqrt(d_in), learning rate falling over the last 20 %, penalty warmed up over 5 %, as in its
    replication of Anthropic's April 2024 recipe; JumpReLU as its documentation recommends.
    """
    import sae_lens
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    steps, knob = data.batches, run["knob"]
    name, settings = {
        "topk": ("TopK", {"k": round(knob)}), "batchtopk": ("BatchTopK", {"k": knob}),
        "jumprelu": ("JumpReLU", {  # its default loss needs 2 billion tokens, it says
            "l0_coefficient": knob, "l0_warm_up_steps": steps, "jumprelu_sparsity_loss_mode": "tanh",
            "jumprelu_bandwidth": 2.0, "jumprelu_init_threshold": 0.1, "pre_act_loss_coefficient": 3e-6}),
        "relu": ("Standard", {"l1_coefficient": knob, "l1_warm_up_steps": steps // 20}),
    }[run["arch"]]
    config = getattr(sae_lens, f"{name}TrainingSAEConfig")(
        d_in=run["d_in"], d_sae=run["d_sae"], device=run["device"], normalize_activations="expected_average_only_in",
        **settings)
    batch = data.shape[0]
    trainer = SAETrainer(
        SAETrainerConfig(total_training_samples=steps * batch, train_batch_size_samples=batch, lr=run["lr"],
                         lr_end=run["lr"] / 10, lr_decay_steps=steps // 5, device=run["device"],
                         n_batches_for_norm_estimate=len(data.preview)),
        getattr(sae_lens, f"{name}TrainingSAE")(config), itertools.chain(data, data))
    trainer.fit().save_inference_model(folder)
    sae = sae_lens.SAE.load_from_disk(folder, device="cpu")
    arrays = dict(sae.state_dict())
    return sae.to(dtype=torch.float64), arrays, sae.cfg.apply_b_dec_to_input


def dictionary_learning_trainer(run, steps):
    """(class of its SAE, its trainer's configuration): learning rate warmed up, falling over the last 20 % as in its
    demo."""
    from dictionary_learning import dictionary
    from dictionary_learning.trainers import batch_top_k, jumprelu, standard, top_k

    warmth = {"sparsity_warmup_steps": min(2000, steps // 10)}
    topk = {"k": round(run["knob"]), "threshold_start_step": min(1000, int(0.8 * steps))}
    l1, l0 = {"l1_penalty": run["knob"], **warmth}, {"target_l0": run["knob"], **warmth}
    kind, trainer, settings = {
        "topk": (top_k.AutoEncoderTopK, top_k.TopKTrainer, topk),
        "batchtopk": (batch_top_k.BatchTopKSAE, batch_top_k.BatchTopKTrainer, topk),
        "jumprelu": (dictionary.JumpReluAutoEncoder, jumprelu.JumpReluTrainer, l0),
        "relu": (dictionary.AutoEncoder, standard.StandardTrainer, l1),
        "relu april": (dictionary.AutoEncoder, standard.StandardTrainerAprilUpdate, l1),
    }[f"{run['arch']} {run['variant']}".strip()]
    return kind, {"trainer": trainer, "activation_dim": run["d_in"], "dict_size": run["d_sae"], "layer": 0,
                  "lm_name": "lm", "lr": run["lr"], "steps": steps, "warmup_steps": min(1000, steps // 20),
                  "decay_start": int(0.8 * steps), "seed": run["seed"], "device": run["device"], **settings}


def train_dictionary_learning(run, data, folder):
    """The same for dictionary_learning: scaled to E||x||^2 = 1."""
    from dictionary_learning import dictionary, training

    kind, config = dictionary_learning_trainer(run, data.batches)
    training.trainSAE(data, [config], data.batches, save_dir=folder, normalize_activations=True, device=run["device"])
    options = {"normalize_decoder": False} if kind is dictionary.AutoEncoder else {}
    ae = kind.from_pretrained(f"{folder}/trainer_0/ae.pt", **options).cpu()
    state = dict(ae.state_dict())
    if kind is dictionary.JumpReluAutoEncoder:
        return ae.double(), {**state, "threshold": state["threshold"].clamp_min(0)}, False
    arrays = {"W_enc": state["encoder.weight"].t(), "b_enc": state["encoder.bias"],
              "W_dec": state["decoder.weight"].t(), "b_dec": state["bias" if "bias" in state else "b_dec"]}
    if run["arch"] == "batchtopk":  # -1 means that none was measured: ReLU alone decides
        arrays["threshold"] = state["threshold"].clamp_min(0).expand(run["d_sae"])
    return ae.double(), arrays, True


def train(run, source):
    """Do one run and write its file; returns the answer to it."""
    library = run["library"]
    importlib.import_module(f"{library}.training")  # takes seconds, which are not the trainer's
    torch.manual_seed(run["seed"])
    data = Activations(source, run, BATCH[library])
    rows = data.preview[0][:CHECK_ROWS].cpu().clone()  # some trainers scale their batches in place
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trainer = train_sae_lens if library == "sae_lens" else train_dictionary_learning
        sae, arrays, centres = trainer(run, data, folder)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        arrays = {**{name: array.float() for name, array in arrays.items()}, "x": rows, "x_hat": sae(rows.double())}
    arrays = {name: np.ascontiguousarray(array.detach().cpu().numpy()) for name, array in arrays.items()}
    save_file(arrays, run["out"])
    version = metadata.version({"sae_lens": "sae-lens"}.get(library, "dictionary-learning"))
    return {"seconds": seconds, "batch": data.shape[0], "centres": centres, "version": version,
            "torch": torch.__version__}


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the libraries print goes to stderr
    while line := sys.stdin.buffer.readline():
        run = json.loads(line)
        Path(run["out"]).parent.mkdir(parents=True, exist_ok=True)
        answers.write(json.dumps(train(run, sys.stdin.buffer)) + "\n")


if __name__ == "__main__":
    main()
