# %% [markdown] id="title"
# # Lesson 6 · Train an SAE
#
# **You will be able to**: write a sparse autoencoder's encoder, both of its classic losses and the decoder's constraint · train one on a real
# transformer · measure what it keeps and what it costs, in numbers that cannot flatter · tell a dead latent from a rare one · read what a latent responds to.
#
# **50 minutes.** You know `z`, the dictionary and the LASSO from lessons 1 and 2. Everything runs on two processor cores; the only text is the Python code on this machine.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, corpus, interpret, intervene, plots, sae, train, transformer
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("06_train_sae")

# %% [markdown] id="tap-intro"
# ## 6.1 What we decompose
#
# The setting is that of *Towards Monosemanticity* (Bricken et al. 2023): a transformer with **one** block, whose MLP has 512 ReLU neurons. Ours was trained on Python
# source code, and ships with this course:

# %% id="load-lm" tags=["nbval-check-output"]
lm = transformer.load_lm("python-1l")
before = transformer.weight_hash(lm.model)
print(f"{lm.n_layers} block, {lm.d_model}-dimensional residual stream, {lm.d_mlp} MLP neurons, {lm.d_vocab} tokens, contexts of {lm.n_ctx}")

# %% [markdown] id="frozen"
# We keep a hash of its weights and compare it at the end: an SAE is an instrument for *reading* a model. It never changes the model it reads.
#
# What does the model know? Give it a beginning and let it choose the likeliest token, eleven times:

# %% id="complete"
tokens = [lm.boundary] + lm.tokenizer.encode("try:\n    import").ids
for _ in range(11):
    tokens.append(int(transformer.logits(lm, torch.tensor([tokens]))[0, -1].argmax()))
print(lm.tokenizer.decode(tokens[1:]))

# %% [markdown] id="harvest-intro"
# It has seen Python. Now the data. For every token of a file we record the 512 neurons after their ReLU, the vector that the block's down projection reads. We call that
# vector `x`. **Before you run: which share of the neurons is non-zero on an average token?** `"a"`: about 1 in 100. `"b"`: about 1 in 8. `"c"`: about 1 in 2.

# %% id="predict-active"
predict("active-neurons", "b")

# %% id="harvest"
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)             # files the model was not trained on
contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)[:budget(smoke=60, laptop=500)]
x = activations.harvest(lm, contexts)                                          # (tokens, 512), a torch tensor
print(f"{text.manifest.files} files; share of neurons active per token: {(x > 0).float().mean():.2f}")

# %% [markdown] id="harvest-after"
# About sixty of the 512 neurons speak on every token, and most of them on one token in twelve. What is rare in code (a decorator, a licence header, the word `decode`) cannot be one of them: hardly a neuron is that rare. If the model knows rare things, and it does, it must say
# each of them with *several* neurons at once. Lesson 3 shows how that can work: **superposition**, more directions than dimensions. So we look for an overcomplete dictionary again.
#
# ## 6.2 An encoder in one product
#
# In lesson 1, a code `z` was found by a search for each sample. An SAE replaces the search by a guess, one matrix product and a non-linearity, and learns the dictionary
# along with it:
#
# `pre_acts = (x - b_dec) @ W_enc + b_enc`  →  `latents = activation(pre_acts)`  →  `x_hat = latents @ W_dec + b_dec`
#
# `latents` is lesson 1's `z`, and the rows of `W_dec` are lesson 2's atoms. Two dimensions and three latents are enough to see it work. Take three atoms like those of lesson 1: east, north and one in between.

# %% id="hand-weights"
W_dec = np.array([[1, 0], [0, 1], [0.6, 0.8]])        # (3 latents, 2 dimensions), rows of length 1
W_enc = W_dec.T.copy()                                # (2 dimensions, 3 latents): listen where you speak
b_enc, b_dec = np.array([0.0, 0.0, -1.0]), np.array([0.5, 0.5])
x_hand = np.array([[2.0, 1.0]])                       # one sample

# %% [markdown] id="ex-pre-acts-task"
# ### Exercise 6.1 · Before the activation
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# Return `pre_acts` for every row of `x`. Mind that `b_dec` is taken off *before* the encoder looks: the encoder sees the sample relative to the point the decoder starts from.
#
# <details><summary>Hint 1 of 3</summary>Which array must have as many columns as <code>x</code>, so that it can be subtracted from every row?</details>
# <details><summary>Hint 2 of 3</summary><code>x</code> is (batch, d_in) and <code>W_enc</code> is (d_in, d_sae). They stand in the right order already.</details>
# <details><summary>Hint 3 of 3</summary>Subtract <code>b_dec</code> first, multiply by <code>W_enc</code> second, add <code>b_enc</code> last.</details>

# %% id="ex-pre-acts" exercise="pre_acts" difficulty=1 minutes=5 points=2
@exercise
def pre_acts(x, W_enc, b_enc, b_dec):
    """What the encoder computes before its activation: x (batch, d_in) -> (batch, d_sae).

    W_enc (d_in, d_sae), b_enc (d_sae,), b_dec (d_in,).
    """
    ### BEGIN SOLUTION
    return (x - b_dec) @ W_enc + b_enc
    ### END SOLUTION

# %% [markdown] id="hand-run-intro"
# By hand: `x - b_dec` is (1.5, 0.5), and the third pre-activation is 1.5 · 0.6 + 0.5 · 0.8 − 1.0. **Which value is that, and how close will `x_hat` come to (2, 1)?**

# %% id="hand-run" tags=["nbval-check-output"]
latents_hand = np.maximum(pre_acts(x_hand, W_enc, b_enc, b_dec), 0)
x_hat_hand = latents_hand @ W_dec + b_dec
print("latents", latents_hand.round(3), " x_hat", x_hat_hand.round(3))

# %% [markdown] id="hand-run-after"
# The third latent says 0.3 and pushes the reconstruction beyond the sample: east and north had explained it already. Measuring is not decomposing, as in lesson 0, and a single product cannot
# see what its neighbours have claimed. What it can do is to *hold back*: with `b_enc[2] = -1.3` the third latent would have been silent here and the reconstruction exact. Biases
# and weights are learned so that such collisions are rare on the data at hand. What is left over is the **amortisation gap** of lesson 4.
#
# ## 6.3 The first loss, and how it can be cheated
#
# Lesson 1 minimised ½‖x − zD‖² + λ‖z‖₁ for one sample. The SAE of 2023 minimises the same trade, without the ½, averaged over a batch:
#
# `loss = mean over samples of ‖x − x_hat‖²  +  l1_coeff · mean over samples of Σ latents`
#
# *Sum over dimensions, mean over samples.* Every paper and library chooses its own reduction here, and a penalty weight means nothing without it.

# %% [markdown] id="ex-relu-l1-loss-task"
# ### Exercise 6.2 · Error plus price
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return that loss as one number. The latents come out of a ReLU, so their absolute values are the latents themselves.
#
# <details><summary>Hint 1 of 3</summary>Work out one number per sample for the error, and one per sample for the price. Average last.</details>
# <details><summary>Hint 2 of 3</summary><code>((x - x_hat) ** 2).sum(axis=1)</code> is the squared length of each sample's error.</details>
# <details><summary>Hint 3 of 3</summary>Both terms end in <code>.sum(axis=1).mean()</code>; only the second is multiplied by <code>l1_coeff</code>.</details>

# %% id="ex-relu-l1-loss" exercise="relu_l1_loss" difficulty=2 minutes=6 points=3
@exercise
def relu_l1_loss(x, x_hat, latents, l1_coeff):
    """mean_batch ||x - x_hat||^2 + l1_coeff * mean_batch sum_i latents_i, as one number.

    x, x_hat: (batch, d_in); latents: (batch, d_sae), not negative.
    """
    ### BEGIN SOLUTION
    error = ((x - x_hat) ** 2).sum(axis=1)
    price = latents.sum(axis=1)
    return error.mean() + l1_coeff * price.mean()
    ### END SOLUTION

# %% [markdown] id="cheat-intro"
# Now cheat. Make every latent ten times smaller and every row of `W_dec` ten times longer. **What happens to `x_hat`, and what to the loss?**

# %% id="cheat" tags=["nbval-check-output"]
honest = relu_l1_loss(x_hand, latents_hand @ W_dec + b_dec, latents_hand, l1_coeff=0.5)
cheated = relu_l1_loss(x_hand, (latents_hand / 10) @ (10 * W_dec) + b_dec, latents_hand / 10, l1_coeff=0.5)
print(f"honest {honest:.3f}, with a ten times longer dictionary {cheated:.3f}")

# %% [markdown] id="cheat-after"
# The reconstruction is the same and the price is a tenth. Gradient descent would find this at once and make the penalty mean nothing, without one latent more being zero. The cure is from lesson 2: **atoms have length 1**. After each
# step we put every row of `W_dec` back on the unit sphere. And before the step we take out of the gradient the part that points along the row: it could only lengthen or shorten the atom, which is undone anyway, but
# Adam would remember it in its running averages.

# %% [markdown] id="ex-project-task"
# ### Exercise 6.3 · Stay on the sphere
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return `grad` without the part that is parallel to the row of `W_dec` it belongs to. The rows of `W_dec` have length 1.
#
# <details><summary>Hint 1 of 3</summary>How long is the shadow that row i of <code>grad</code> casts on row i of <code>W_dec</code>? A dot product of the two rows says it.</details>
# <details><summary>Hint 2 of 3</summary><code>(grad * W_dec).sum(axis=1, keepdims=True)</code> holds all these dot products as a column.</details>
# <details><summary>Hint 3 of 3</summary>That column times <code>W_dec</code> is the parallel part. Subtract it from <code>grad</code>.</details>

# %% id="ex-project" exercise="project_gradient" difficulty=3 minutes=8 points=3
@exercise
def project_gradient(grad, W_dec):
    """grad (d_sae, d_in) minus, row by row, its component along the unit row of W_dec (d_sae, d_in)."""
    ### BEGIN SOLUTION
    along = (grad * W_dec).sum(axis=1, keepdims=True)
    return grad - along * W_dec
    ### END SOLUTION

# %% [markdown] id="project-check-intro"
# What remains should be at right angles to every atom:

# %% id="project-check" tags=["nbval-check-output"]
grad = np.array([[3.0, 4.0], [1.0, -2.0], [0.6, 0.8]])
print(project_gradient(grad, W_dec).round(3))

# %% [markdown] id="topk-intro"
# The third gradient pointed along its atom and is gone entirely.
#
# ## 6.4 The second loss: say how many
#
# The L1 penalty has a fault that lesson 1 measured: it pays for *size*, so every coefficient it keeps comes out too small (**shrinkage**). And nobody knows beforehand how many
# latents an `l1_coeff` buys. TopK (Gao et al. 2024) says it outright: keep the k largest pre-activations of each token and set the others to zero. Then the error alone is the loss.

# %% [markdown] id="ex-topk-task"
# ### Exercise 6.4 · The k largest
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# In every row of `pre` keep the k largest entries, set all others to zero, and then set what is still negative to zero as well. No two entries of a row are equal.
#
# <details><summary>Hint 1 of 3</summary>If you knew the k-th largest value of a row, a comparison would be enough.</details>
# <details><summary>Hint 2 of 3</summary><code>np.sort(pre, axis=1)</code> sorts upwards, so its column <code>-k</code> is the k-th largest of each row.</details>
# <details><summary>Hint 3 of 3</summary>Keep <code>pre</code> where it is at least that threshold (as a column: <code>[:, [-k]]</code>), else 0; then <code>np.maximum</code> with 0.</details>

# %% id="ex-topk" exercise="topk" difficulty=3 minutes=8 points=3
@exercise
def topk(pre, k):
    """The k largest entries of each row of pre (batch, d_sae), negative ones set to 0; zero elsewhere.

    >>> print(topk(np.array([[3.0, -1.0, 2.0, 0.5]]), 2))
    [[3. 0. 2. 0.]]
    """
    ### BEGIN SOLUTION
    threshold = np.sort(pre, axis=1)[:, [-k]]
    return np.maximum(np.where(pre >= threshold, pre, 0), 0)
    ### END SOLUTION

# %% [markdown] id="step-intro"
# ## 6.5 Train one
#
# `saekit.sae.TopKSAE` holds the four arrays and the formulas you have just written. One step of training, by hand and in the order that matters:

# %% id="one-step" tags=["nbval-check-output"]
tiny = sae.TopKSAE(d_in=512, d_sae=64, k=4, seed=0)
optimizer = torch.optim.Adam(tiny.parameters(), lr=1e-3)
losses = tiny.loss(x[:256])                      # forward
losses.total.backward()                          # backward
train.project_decoder_gradient(tiny)             # your exercise 6.3
optimizer.step()
train.renormalise_decoder(tiny)                  # rows back to length 1
print("rows of length 1:", bool(torch.allclose(tiny.W_dec.norm(dim=1), torch.ones(64))))

# %% [markdown] id="train-intro"
# `train.train_sae` repeats that, with four additions. Inputs are centred and scaled while we train, and the result is folded back into the weights, so that the finished SAE reads raw
# activations. The learning rate warms up and then falls to zero. Gradients are clipped. And it counts, in tokens, how long each latent has been silent. The stream harvests as it goes and shuffles over the whole corpus:

# %% id="train-stream"
train_text = corpus.load_corpus("train", lm.tokenizer, lm.boundary)
stream = activations.ActivationStream(lm, corpus.contexts(train_text, lm.n_ctx, lm.boundary), batch=2048, seed=0)
small = sae.TopKSAE(lm.d_mlp, d_sae=1024, k=32, seed=0)

# %% [markdown] id="train-go"
# Twice as many latents as neurons, 32 of them per token. **What will the number of active latents per token (l0) do during training: fall, rise, or stand still?**

# %% id="train"
config = train.TrainConfig(tokens=budget(smoke=60_000, laptop=600_000, gpu=10_000_000), dead_after_tokens=100_000)
log = train.train_sae(small, stream, config)

# %% id="train-figure"
fig, axes = plots.panels(3, height=2.4)
plots.training_curves(axes, log)
axes[0].set_title("The error falls …")
axes[1].set_title("… while l0 stands at k …")
axes[2].set_title("… and none dies")
plots.show(fig, alt="Three curves over the tokens trained on: the squared error falls steeply and then slowly, the number of active latents per token stays at 32, and no latent is dead.")

# %% id="train-claim"
claim("dead latents of 1,024 at the end", log[-1]["dead"], at_most=20)

# %% [markdown] id="train-after"
# With TopK, l0 is not a result but a setting. What falls is the error, fast at first, then slowly. The third panel is a success that one easily takes for granted: a latent that has not fired for 100,000 tokens is
# **dead**; it receives no gradient and would stay dead. Without care a large part of a dictionary ends like that (lesson 4 lets it happen). Two things help here: the encoder starts as the decoder's transpose, and inputs are centred. Where
# latents die nevertheless, TopK has an auxiliary loss (AuxK): the dead latents that come closest to firing must explain the error the others leave.

# %% [markdown] id="metrics-intro"
# ## 6.6 How good is it?
#
# A reconstruction is measured against a baseline that knows nothing. Which one? The mean of the data, which costs no latents at all:
#
# `explained_variance = 1 − Σ ‖x − x_hat‖² / Σ ‖x − mean(x)‖²`

# %% [markdown] id="ex-ev-task"
# ### Exercise 6.5 · A score with an honest zero
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return the explained variance of `x_hat`, pooled over all rows and columns. The mean is taken per column.
#
# <details><summary>Hint 1 of 3</summary>Two sums of squares and a division. What must the second be so that predicting the mean scores 0?</details>
# <details><summary>Hint 2 of 3</summary><code>x.mean(axis=0)</code> has one entry per column and is subtracted from every row.</details>
# <details><summary>Hint 3 of 3</summary><code>((x - x_hat) ** 2).sum()</code> over <code>((x - x.mean(axis=0)) ** 2).sum()</code>, taken from 1. One division, at the end.</details>

# %% id="ex-ev" exercise="explained_variance" difficulty=2 minutes=6 points=3
@exercise
def explained_variance(x, x_hat):
    """1 - sum (x - x_hat)^2 / sum (x - mean of x per column)^2, as one number; x, x_hat (n, d)."""
    ### BEGIN SOLUTION
    error = ((x - x_hat) ** 2).sum()
    variance = ((x - x.mean(axis=0)) ** 2).sum()
    return 1 - error / variance
    ### END SOLUTION

# %% [markdown] id="ev-intro"
# The reference page defines R² with Σ ‖x‖² below the line instead. Neurons after a ReLU are never negative, so their mean is far from zero. **What will that R² give to someone who predicts the mean for every token?**

# %% id="ev"
data, mean = x.numpy(), np.broadcast_to(x.numpy().mean(axis=0), x.shape)
with torch.inference_mode():
    ours = small(x).numpy()
for name, guess in (("the mean", mean), ("our SAE", ours)):
    print(f"{name:9} explained variance {explained_variance(data, guess):6.3f}   R² about zero {1 - ((data - guess) ** 2).sum() / (data ** 2).sum():.3f}")

# %% id="ev-claims"
claim("R² about zero of a guess that has learned nothing but the mean", 1 - ((data - mean) ** 2).sum() / (data**2).sum(), at_least=0.1)
claim("explained variance of the small SAE on files it never saw", explained_variance(data, ours), at_least=0.6)

# %% [markdown] id="splice-intro"
# R² about zero gives credit for nothing. But even the honest score treats all directions alike, and the model does not. The question that matters: **if the model had to compute with our reconstruction instead of
# its own neurons, how much worse would it predict?** We splice the SAE into the model and measure the cross-entropy of the next token, in nats:

# %% id="splice"
result = intervene.evaluate_sae(small, lm, tokens=budget(smoke=8_000, laptop=40_000, gpu=500_000))
for name in ("ce_clean", "ce_recon", "ce_mean", "ce_zero", "ce_unigram"):
    print(f"{name:10} {result[name]:6.3f} nats per token")
print(f"a uniform guess {np.log(lm.d_vocab):6.3f}")

# %% [markdown] id="splice-after"
# Read it from the top: the model as it is; with our reconstruction; with every neuron at its mean; with every neuron at zero. The last two are broken models: what follows the neurons was never trained on such inputs, and it need not stop at a blind guess.
# The worse the baseline, the better everything else looks beside it. So the popular "fraction of the loss recovered", which puts one of them at 0, is easily near 1. We lead with **ce_increase** = `ce_recon − ce_clean`, in nats, and with its share of everything the model knows beyond token frequencies:

# %% id="splice-share"
print(f"ce_increase {result['ce_increase']:.3f} nats, {100 * result['ce_increase_share']:.1f} % of what the model knows beyond token frequencies")
print(f"'recovered' against zero ablation {result['ce_recovered_vs_zero']:.3f}, against mean ablation {result['ce_recovered_vs_mean']:.3f}")

# %% [markdown] id="shipped-intro"
# ## 6.7 Train longer
#
# Two more SAEs lie ready. Both have 4,096 latents and saw ten million tokens of training files: a TopK with k = 32, and a ReLU with an L1 penalty, the recipe of Bricken et al. Their *cards* hold the command
# that made them and what was measured; the paper's A/1 run, of the same size, stands beside them:

# %% id="shipped"
from saekit.files import read_json
folder = transformer.data_folder() / "saes"
cards = {name: read_json(folder / name / "card.json")["metrics"] for name in ("python-1l-topk-4096", "python-1l-relu-4096")}
print(f"{'':22}{'TopK 32':>10}{'ReLU + L1':>12}{'A/1 (paper)':>13}")
for row, paper in (("l0", "< 20"), ("explained_variance", ""), ("ce_increase", ""), ("ce_increase_share", ""), ("ce_recovered_vs_zero", "0.79"), ("dead_fraction", "0.04")):
    print(f"{row:22}{cards['python-1l-topk-4096'][row]:10.3f}{cards['python-1l-relu-4096'][row]:12.3f}{paper:>13}")

# %% [markdown] id="shipped-after"
# Do not read the paper's 79 % against our numbers as a victory: another text, another tokenizer, a model trained on 2,000 times as much, and a baseline that flatters each differently. Nor is the race between our own
# two fair: the price `l1_coeff` left the ReLU fewer latents per token than TopK was given. That is the trouble with a price: one learns what it buys after paying. What the columns do show is that neither is free, and that the
# recovered fraction makes the two look far more alike than the nats do. Cards can be wrong, so we measure one again, on your machine:

# %% id="recheck"
dictionary = sae.load_sae(folder / "python-1l-topk-4096")
again = intervene.evaluate_sae(dictionary, lm, tokens=budget(smoke=8_000, laptop=40_000, gpu=200_000))
claim("ce_increase of the shipped TopK SAE", again["ce_increase"], at_most=0.1, unit="nats")
claim("explained variance of the shipped TopK SAE", again["explained_variance"], at_least=0.87)

# %% [markdown] id="own-encoder-intro"
# Is that SAE really nothing but your two functions? Put its weights into them and compare with `dictionary.encode`:

# %% id="own-encoder" tags=["nbval-check-output"]
weights = {name: value.numpy() for name, value in dictionary.state_dict().items()}
yours = topk(pre_acts(data[:500], weights["W_enc"], weights["b_enc"], weights["b_dec"]), k=32)
with torch.inference_mode():
    print("your encoder agrees with the library's:", np.allclose(yours, dictionary.encode(x[:500]).numpy(), atol=1e-4))

# %% [markdown] id="density-intro"
# ## 6.8 Alive, rare, dead
#
# How often does a latent fire? Its **density** is the fraction of tokens on which it is not zero. A latent that fires on everything says nothing; one that never fires is wasted; and between the two, rare is not dead. So
# "dead" needs a number: no firing within so many *tokens*.

# %% [markdown] id="ex-silence-task"
# ### Exercise 6.6 · How long has it been silent?
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# `silent` holds, for every latent, the number of tokens since it last fired. A batch of latents arrives, one row per token. Return the new counts: 0 for a latent that fired anywhere in the batch, else its old
# count plus the number of tokens in the batch.
#
# <details><summary>Hint 1 of 3</summary>First find out which latents fired anywhere in the batch. Along which axis do you look?</details>
# <details><summary>Hint 2 of 3</summary><code>(latents &gt; 0).any(axis=0)</code> has one True or False per latent.</details>
# <details><summary>Hint 3 of 3</summary><code>np.where(condition, 0, other)</code> chooses entry by entry; a batch holds <code>len(latents)</code> tokens.</details>

# %% id="ex-silence" exercise="tokens_since_fired" difficulty=2 minutes=8 points=3
@exercise
def tokens_since_fired(silent, latents):
    """New counts (d_sae,) of tokens since each latent last fired, after a batch of latents (batch, d_sae); silent (d_sae,) integers.

    >>> print(tokens_since_fired(np.array([5, 5]), np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 0.0]])))
    [8 0]
    """
    ### BEGIN SOLUTION
    fired = (latents > 0).any(axis=0)
    return np.where(fired, 0, silent + len(latents))
    ### END SOLUTION

# %% [markdown] id="density-run-intro"
# Feed it the text, a few hundred tokens at a time, and count who was silent throughout. Beside it, the densities:

# %% id="density-run"
codes = interpret.sparse_latents(dictionary, x)                        # (tokens, 4096), only non-zeros are stored
by_token, silent = codes.tocsr(), np.zeros(4096, dtype=int)
for first in range(0, len(data), 512):
    silent = tokens_since_fired(silent, by_token[first:first + 512].toarray())
density = np.bincount(codes.nonzero()[1], minlength=4096) / len(data)
print(f"silent on all {len(data):,} tokens: {(silent >= len(data)).sum()} latents; by density: {(density == 0).sum()}")

# %% id="density-figure"
fig, ax = plots.panels(height=2.8)
plots.density_histogram(ax, density, plots.LATENT, "latents")
plots.density_histogram(ax, (data > 0).mean(axis=0), plots.NEURON, "neurons")
ax.set_title("A typical latent is a hundred times rarer than a typical neuron")
ax.legend()
plots.show(fig, alt="Two histograms of log density. Most neurons are active on one token in fifty to one in four; latents spread from one token in a hundred thousand to one in ten, most below one in a thousand.")

# %% id="density-claim"
rarer = np.median((data > 0).mean(axis=0)) / np.median(density[density > 0])
claim("median density of neurons over that of living latents", rarer, at_least=50)

# %% [markdown] id="density-after"
# The reference page asks of a good feature that it be active on less than 1 % of inputs. Most latents pass and hardly a neuron does. That is a beginning: a random rare thing would pass as well. So let us read.
#
# ## 6.9 Read three latents
#
# What does a latent respond to? The oldest way to find out is to look where it is strongest.

# %% [markdown] id="ex-top-task"
# ### Exercise 6.7 · The strongest places
#
# Difficulty 2 of 5 · 5 minutes · 2 points
#
# Return the positions of the `n` largest entries of `activations`, the largest first. No two are equal.
#
# <details><summary>Hint 1 of 3</summary>You need positions and not values. Which NumPy function sorts positions by value?</details>
# <details><summary>Hint 2 of 3</summary><code>np.argsort</code> gives the position of the smallest entry first.</details>
# <details><summary>Hint 3 of 3</summary>Turn the order round with <code>[::-1]</code>, then take the first <code>n</code>.</details>

# %% id="ex-top" exercise="top_examples" difficulty=2 minutes=5 points=2
@exercise
def top_examples(activations, n):
    """Positions of the n largest entries of activations (tokens,), largest first, as integers (n,).

    >>> print(top_examples(np.array([0.0, 7.0, 3.0, 5.0]), 2))
    [1 3]
    """
    ### BEGIN SOLUTION
    return np.argsort(activations)[::-1][:n]
    ### END SOLUTION

# %% [markdown] id="read-intro"
# Which latents? Not the prettiest: we choose by density, before looking, those nearest to 1 in 1,000, 1 in 300 and 1 in 100 tokens. Deep blue marks a strong activation, a frame the token that was looked up:

# %% id="read-choose"
targets = (0.001, 0.0033, 0.01)
chosen = [int(np.argmin(np.abs(np.log(density + 1e-9) - np.log(target)))) for target in targets]

def strips(activations, title, color):
    """Six strongest places of one unit, each in its context."""
    places = top_examples(activations, 6)
    return plots.TokenStrips(interpret.examples(places, activations, contexts, text, lm.tokenizer), title, color)

# %% id="read-first"
strips(codes[:, [chosen[0]]].toarray()[:, 0], f"Latent {chosen[0]}, active on {100 * density[chosen[0]]:.2f} % of tokens", plots.LATENT)

# %% id="read-second"
strips(codes[:, [chosen[1]]].toarray()[:, 0], f"Latent {chosen[1]}, active on {100 * density[chosen[1]]:.2f} % of tokens", plots.LATENT)

# %% id="read-third"
strips(codes[:, [chosen[2]]].toarray()[:, 0], f"Latent {chosen[2]}, active on {100 * density[chosen[2]]:.2f} % of tokens", plots.LATENT)

# %% [markdown] id="read-neuron-intro"
# **Say in five words what each of the three stands for.** Then compare a neuron, chosen as blindly, the one whose density is the median:

# %% id="read-neuron"
neuron = int(np.argsort((data > 0).mean(axis=0))[256])
strips(data[:, neuron], f"Neuron {neuron}, active on {100 * (data[:, neuron] > 0).mean():.0f} % of tokens", plots.NEURON)

# %% [markdown] id="read-after"
# Was the neuron harder to name? Perhaps less than you expected: **the top flatters everything**. The six strongest of a hundred thousand places are alike for almost any unit. What the *weak* activations mean is another question:

# %% id="explore-draw"
def activations_of(ax, latent):
    """Histogram of a latent's non-zero activations."""
    values = codes[:, [latent]].data
    ax.hist(values, bins=30, color=plots.LATENT)
    ax.set(xlabel=f"activation ({len(values)} tokens)", ylabel="tokens", title=f"latent {latent}")

# %% id="explore"
explore(activations_of, stills=[{"latent": index} for index in chosen], latent=(0, 4095),
        alt="Histograms of the non-zero activations of the three latents: many weak activations and few strong ones.")

# %% [markdown] id="explore-after"
# Most firings are weak, and six examples show none of them. Lesson 7 reads the whole range in ten intervals; lesson 8 replaces your five words by scores on files that nobody looked at.
#
# Last, the promise from the beginning:

# %% id="unchanged" tags=["nbval-check-output"]
print("the language model is unchanged:", transformer.weight_hash(lm.model) == before)

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where you saw it |
# |---|---|
# | reference page: R² = 1 − ‖x − x̂‖²/‖x‖² | uncentred: predicting the mean already scores (6.6). The article's version is centred, and so is ours |
# | article: λ from 1e-4 to 1e-2 | a range without its reduction and input scale says nothing (6.3). Ours sums over dimensions, averages over samples, on inputs of unit variance |
# | article: unit-norm decoder "prevents trivial solutions" | so it does: the ten-times-longer dictionary of 6.3 |
# | reference page: Bricken et al. 2023 is "work on Claude" | it is a one-layer transformer with 512 MLP neurons, the size of the one here |
# | lecture: "an interpretability technique, not a training technique", weights frozen | the hash says so |
#
# ## Common confusions
#
# - *"TopK with k = 32 means 32 features per token are there."* It means that 32 latents were allowed. Nothing says the token holds 32 things.
# - *"Dead and rare are the same."* A latent for licence headers is silent for a million tokens and then fires. That is why dead is counted in tokens, and on training text.
# - *"99 % of the loss recovered, so 1 % is missing."* Against zero ablation. In nats, and against what the model knows, it is more.
# - *"SAE features are the model's features."* They are one sparse decomposition that fits. Lesson 9 trains it again with another seed and counts what comes back.
#
# ## Summary
#
# An SAE is lesson 2's dictionary with the search replaced by one product. L1 prices size and shrinks; TopK fixes the count. Unit rows make the price mean something. Explained variance has an honest zero, ce_increase counts
# what the model loses. Density tells alive from dead, and the top examples tell a first story about a latent.
#
# **Limits.** One seed, one layer, one small model of Python code. ce_increase is not zero: something the model uses is not in the dictionary. And a story about six examples is a hypothesis, not a finding.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · Gao et al., "Scaling and evaluating sparse autoencoders" (2024) · Cunningham et al., "Sparse Autoencoders Find Highly Interpretable Features in Language Models" (2023).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 7 · Read the features](07_read_features.ipynb).
