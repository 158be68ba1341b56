# %% [markdown] id="title"
# # A dictionary of your own
#
# *Your name, the date, and the question in one sentence.*
#
# This notebook runs from top to bottom as it is. Change the settings first, then every cell marked **Yours**. What is asked and how it is marked stands in [brief.md](brief.md).
#
# ## 1. What is decomposed
#
# **Yours.** Which model, which layer, which text; why these; and what you expect to find. Write the expectation *before* you run.

# %% id="settings"
MODEL = "python-1l"          # a name in data/, a folder, or a hub id such as "EleutherAI/pythia-70m"
LAYER = 0                    # the MLP of which block
TEXT = None                  # None: the Python files of this machine; else a folder of .py, .txt or .md files
ARCH, D_SAE, SETTINGS = "batchtopk", 1024, {"k": 16}
TOKENS, HELD_TOKENS = 1_000_000, 60_000
SEED, OUT = 0, "runs/capstone"      # another OUT for every change of the settings above

# %% id="setup"
from collections import Counter
from pathlib import Path
import numpy as np
import torch
from saekit import activations, corpus, experiment, files, intervene, interpret, metrics, pca, plots, sae as saes, strips, train, transformer
from saekit.course import budget
TOKENS, HELD_TOKENS = min(TOKENS, budget(smoke=16_000, laptop=10**9)), min(HELD_TOKENS, budget(smoke=3_000, laptop=10**9))

# %% id="text"
lm = transformer.load_lm(MODEL)
candidates = corpus.folder_files(TEXT) if TEXT else None
texts = {split: corpus.load_corpus(split, lm.tokenizer, lm.boundary, candidates) for split in ("train", "validation")}
contexts = {split: corpus.contexts(text, lm.n_ctx, lm.boundary) for split, text in texts.items()}
held = contexts["validation"][:max(2, HELD_TOKENS // lm.n_ctx)]
for text in texts.values():
    print("{split}: {files} files, {bytes:,} bytes, hash {sha}".format(**text.manifest._asdict()))
print(f"{lm.name}: {lm.n_layers} blocks, {lm.d_mlp} neurons each; layer {LAYER}")

# %% [markdown] id="train-intro"
# ## 2. Train
#
# As `saekit train` would: learning rate, resampling or AuxK are the architecture's defaults for so many tokens, unless SETTINGS say otherwise. A run that was interrupted goes on where it stopped; one that is done is only loaded.

# %% id="train"
before = transformer.weight_hash(lm.model)
stream = activations.ActivationStream(lm, contexts["train"], LAYER, batch=budget(smoke=512, laptop=2048), seed=SEED, chunk=2**16)
settings, config = experiment.recipe(ARCH, TOKENS, stream.batch, **SETTINGS)
sae = saes.new_sae(ARCH, lm.d_mlp, D_SAE, seed=SEED, **settings)
record = {"model": MODEL, "layer": LAYER, "seed": SEED, "weight_hash": before, "corpus": texts["train"].manifest._asdict()}
log = train.train_sae(sae, stream, config, OUT, record, resume=(Path(OUT) / "run.json").exists())
sae.requires_grad_(False)
print("the model is unchanged:", transformer.weight_hash(lm.model) == before)

# %% id="train-figure"
fig, axes = plots.panels(3, height=2.4)
plots.training_curves(axes, log)
plots.show(fig, alt="Loss, active latents per token and dead latents over the tokens trained on.")

# %% [markdown] id="measure-intro"
# ## 3. Measure
#
# On held-out files, beside rivals that know less: the neurons themselves, principal components and random directions, each keeping as many of its largest entries per token as the SAE has active latents.

# %% id="measure"
x = activations.harvest(lm, held, LAYER)
measured = intervene.evaluate_sae(sae, lm, LAYER, len(x), texts["validation"], texts["train"])
for name in ("l0", "explained_variance", "dead_fraction", "ce_clean", "ce_recon", "ce_mean", "ce_increase"):
    print(f"{name:20}{measured[name]:10.4f}")

# %% id="rivals"
fit_on = activations.harvest(lm, contexts["train"][:max(2, len(held) // 2)], LAYER).numpy()
mean, n_kept = fit_on.mean(axis=0), max(1, round(measured["l0"]))
rotation = np.linalg.qr(np.random.default_rng(SEED).normal(size=(lm.d_mlp, lm.d_mlp)))[0]
bases = {"neurons": np.eye(lm.d_mlp), "PCA": pca.pca(fit_on, min(fit_on.shape)).components, "random directions": rotation}

def keep_largest(x, basis):
    """x rebuilt from the n_kept largest of its coordinates along the orthonormal rows of basis, about the mean."""
    basis = basis.astype(np.float32)
    codes = (x.numpy() - mean) @ basis.T
    size = np.abs(codes)
    kept = codes * (size >= np.partition(size, -n_kept, axis=1)[:, [-n_kept]])
    return torch.from_numpy(kept @ basis + mean)

# %% id="table"
replacements = {f"SAE, {ARCH}": sae, **{name: (lambda x, basis=basis: keep_largest(x, basis)) for name, basis in bases.items()}}
blocks = torch.from_numpy(held.astype(np.int64)).split(max(1, 2048 // lm.n_ctx))
def ce(replacement):
    """Next-token loss in nats on the held-out contexts."""
    found = [intervene.spliced_loss(lm, block, LAYER, replacement) for block in blocks]
    return float(torch.cat([loss[counts] for loss, counts in found]).mean())

clean, table = ce(None), {}
print(f"{n_kept} active units per token{'':8}{'explained variance':>20}{'ce_increase':>14}")
for name, replacement in replacements.items():
    table[name] = float(metrics.explained_variance(x, replacement(x))), ce(replacement) - clean
    print(f"{name:32}{table[name][0]:20.3f}{table[name][1]:14.3f}")

# %% [markdown] id="measure-yours"
# **Yours.** Is the SAE better than its rivals, in both columns? If a simpler method wins, say so. Two further controls that cost one more run each: another SEED, and MODEL with `:untrained` after its name.
#
# ## 4. Read three latents
#
# Chosen by a rule *before* looking: of the latents that fire often enough, those at three places of the density order. Their strongest places in the **first half** of the held-out text are for reading; the second half, other files, is for the test.

# %% id="choose"
latents = interpret.sparse_latents(sae, x)
text = texts["validation"]
starts = [int((text.tokens[:start] != lm.boundary).sum()) for start in text.starts]           # first row of each file
half = min([row for row in starts if 0 < row < len(x)] or [len(x) // 2], key=lambda row: abs(row - len(x) // 2))
print(f"read: {sum(row < half for row in starts)} files, {half:,} tokens; test: {sum(half <= row < len(x) for row in starts)} files, {len(x) - half:,} tokens")
fired = np.array([[(column.indices < half).sum(), (column.indices >= half).sum()] for column in (latents[:, [i]] for i in range(sae.d_sae))])
often = np.flatnonzero(fired[:, 0] >= budget(smoke=3, laptop=20))       # the first half alone chooses
order = often[np.argsort(-fired[often, 0], kind="stable")]
chosen = [int(order[int(place * (len(order) - 1))]) for place in (0.1, 0.5, 0.9)]
for latent in chosen:
    print(f"latent {latent}: fires on {100 * fired[latent].sum() / len(x):.2f} % of tokens")

# %% id="read"
from IPython.display import display
for latent in chosen:
    values = latents[:, [latent]].toarray()[:, 0]
    strongest = np.argsort(-np.where(np.arange(len(x)) < half, values, -1), kind="stable")[:6]
    display(strips.TokenStrips(interpret.examples(strongest, values, held, texts["validation"], lm.tokenizer), f"latent {latent}"))

# %% [markdown] id="hypotheses-intro"
# **Yours.** A label in words for each, and the label as a *rule*: a function of the token and the text before it that says whether the latent fires. The rules that stand here are the weakest ones with a chance, "fires on the tokens on which it fired most in the first half"; replace them by what you read.

# %% id="hypotheses"
tokens = held[held != lm.boundary].astype(int)
strings = interpret.token_strings(lm.tokenizer, tokens)
LABELS = {latent: "not yet read" for latent in chosen}

def usual_tokens(latent, n=5):
    """The rule that a latent fires on the n tokens it fires on most in the first half."""
    rows = latents[:, [latent]].indices
    common = [token for token, _ in Counter(strings[i] for i in rows[rows < half]).most_common(n)]
    return lambda token, before: token in common
RULES = {latent: usual_tokens(latent) for latent in chosen}               # latent: function of (token, text before)

# %% [markdown] id="test-intro"
# ## 5. Test
#
# Each rule against the half that nobody has read, beside what saying "yes" as often at random would score; and beside the same rule about the *next* of the three latents: a rule that fits any latent says nothing.

# %% id="test"
def f1(says, fires):
    """2 · both / (said + fired)."""
    return 2 * (says & fires).sum() / max(1, says.sum() + fires.sum())

scores = {}
before_each = ["".join(strings[max(half, i - 20):i]) for i in range(half, len(strings))]
for latent, other in zip(chosen, chosen[1:] + chosen[:1]):
    says = np.array([bool(RULES[latent](token, text)) for token, text in zip(strings[half:], before_each)])
    fires, others = ((latents[half:, [i]].toarray()[:, 0] > 0) for i in (latent, other))
    shuffled = np.random.default_rng(SEED).permutation(says)
    scores[latent] = f1(says, fires), f1(shuffled, fires), f1(says, others)
    print("latent {:5}, {!r}: F1 {:.2f}; at random {:.2f}; the next latent by this rule {:.2f}".format(latent, LABELS[latent], *scores[latent]))

# %% [markdown] id="ablate-intro"
# One of them by intervention: take it away where it fires, keep the SAE's error, and compare with a push of the same length along random directions (lesson 8). In a model with more blocks above, an effect may also come later than its token; both places are told.

# %% id="ablate"
latent = chosen[0]
fires_on, unread = np.zeros((2, *held.shape), dtype=bool)
fires_on[held != lm.boundary] = latents[:, [latent]].toarray()[:, 0] > 0
unread[held != lm.boundary] = np.arange(len(x)) >= half                   # the half that nobody has read
counted = fires_on & unread
rows = [i for i in np.argsort(-counted.sum(axis=1), kind="stable")[:budget(smoke=4, laptop=24)] if counted[i].any()]
block, here, elsewhere = torch.from_numpy(held[rows].astype(np.int64)), counted[rows][:, :-1], ~fires_on[rows][:, :-1]
noise = np.random.default_rng(SEED).normal(size=(budget(smoke=2, laptop=5), lm.d_mlp)).astype(np.float32)
def change_of(replacement):
    """Change of loss of every prediction, a few contexts at a time: the logits of all need not fit."""
    return torch.cat([intervene.loss_change(lm, part, LAYER, replacement) for part in block.split(max(1, 2048 // lm.n_ctx))]).numpy()

change = change_of(intervene.ablate(sae, latent))
pushes = [change_of(intervene.clamp(sae, latent, 0.0, torch.from_numpy(row))) for row in noise]

# %% id="ablate-run"
per_context = np.array([one[where].mean() for one, where in zip(change - np.mean(pushes, axis=0), here) if where.any()])
error = per_context.std(ddof=1) / len(per_context) ** 0.5 if len(per_context) > 1 else float("nan")
print(f"latent {latent} away, where it fires ({here.sum()} predictions in {len(rows)} contexts): {change[here].mean():+.4f} nats")
print(f"random pushes of that length: {np.mean([push[here].mean() for push in pushes]):+.4f} nats")
print(f"difference, averaged over contexts: {per_context.mean():+.4f}, standard error {error:.4f}")
print(f"elsewhere: mean |change| {np.abs(change[elsewhere]).mean():.4f} nats")

# %% [markdown] id="test-yours"
# **Yours.** Which of your labels survived? What would have made you give one up? Is the ablation's difference beyond twice its standard error, and is its sign what the label predicts?
#
# ## 6. Report
#
# The numbers go into one file beside the SAE; the text goes below.

# %% id="report"
report = {"model": MODEL, "layer": LAYER, "text": TEXT or "Python files of this machine", "arch": ARCH, "d_sae": D_SAE, "tokens": TOKENS,
          "seed": SEED, "corpus": {split: text.manifest._asdict() for split, text in texts.items()},
          "held_out": {name: measured[name] for name in ("tokens", "l0", "explained_variance", "dead_fraction", "ce_clean", "ce_increase")},
          "at_equal_l0": {name: dict(zip(("explained_variance", "ce_increase"), row)) for name, row in table.items()},
          "latents": {str(one): {"label": LABELS[one], **dict(zip(("f1", "f1_random", "f1_other"), map(float, scores[one])))} for one in chosen},
          "ablation": {"latent": latent, "minus_random": float(per_context.mean()), "standard_error": float(error) if np.isfinite(error) else None}}
files.write_json(Path(OUT) / "report.json", report)
print(f"written: {OUT}/report.json")

# %% [markdown] id="report-yours"
# **Yours**, at most two pages:
#
# 1. **Question and answer**, one sentence each.
# 2. **Setting**: model, layer, text with its hash, SAE, seeds, the command or settings that repeat it.
# 3. **Findings**: the table of section 3, the three latents, the ablation. Each claim beside its rival.
# 4. **What failed**, and what you did about it.
# 5. **Limits**: what these numbers do not show. What the next experiment would be.
