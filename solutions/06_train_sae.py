# %% [markdown] id="title"
# # Lesson 6 · Train an SAE
#
# **You will be able to**: write an SAE's encoder and its losses, term by term · convert any paper's λ into any other's · tell ten architectures apart by who fires, how large, and at what price · train one on a transformer, watch it learn, and revive its dead ·
# measure what it keeps, from an honest zero.
#
# **75 minutes.** (With every exercise, 120.) You know the SAE of lesson 4 and the transformer of lesson 5.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, corpus, files, geometry, intervene, lasso, metrics
from saekit import plots, sae, synthetic, train, transformer
from saekit.course import begin, budget, claim, exercise, predict, progress
begin("06_train_sae")

# %% [markdown] id="tap-intro"
# ## 6.1 What we decompose
#
# The setting is that of *Towards Monosemanticity* (Bricken et al. 2023). The lecture shows the paper's table; ours stands beside it:

# %% id="load-lm" tags=["nbval-check-output"]
lm = transformer.load_lm("python-1l")
before = transformer.weight_hash(lm.model)
print(f"{lm.n_layers} block, {lm.d_model} numbers per hidden state, {lm.d_mlp} MLP neurons,",
      f"{lm.d_vocab} tokens, contexts of {lm.n_ctx}")

# %% id="setup-table"
folder = transformer.data_folder()
lm_card = files.read_json(folder / "python-1l" / "card.json")
homes = {arch: folder / "saes" / f"python-1l-{arch}-4096" for arch in ("topk", "batchtopk", "jumprelu", "relu")}
cards = {arch: files.read_json(home / "card.json") for arch, home in homes.items()}
million = {"text": lm_card["tokens_seen"] / 1e6, "data": cards["topk"]["run"]["config"]["tokens"] / 1e6}

# %% id="setup-rows"
for row in (("", "Bricken et al. 2023", "here"),
            ("model", "1 attention, 1 MLP (512 neurons, ReLU)", f"{lm.n_layers} of each ({lm.d_mlp} neurons)"),
            ("its text", "the Pile, 100 billion tokens", f"Python files, {million['text']:.0f} million tokens"),
            ("its loss", "−log-likelihood of the next token", "the same"),
            ("SAE", "1 ReLU (up), 1 linear (down)", "that, and other activations (6.5)"),
            ("latents", "512 (1×) to 131,072 (256×)", "512 (1×) to 4,096 (8×)"),
            ("its data", "8 billion activations", f"{budget(smoke=6, laptop=120)},000 in this lesson, "
                                                  f"{million['data']:.0f} million for the shipped ones"),
            ("SAE loss", "L2 reconstruction + L1 on latents", "that, and others (6.5)")):
    print("{:10}{:40}{}".format(*row))

# %% [markdown] id="frozen"
# We keep a hash of the model's weights and compare it at the end: an SAE *reads* a model and never changes it. The data are lesson 5's `mlp_post`: for each token a vector `x`, the neurons after their ReLU. **Which share of them is non-zero on an average token?** `"a"`: about 1 in 100. `"b"`: about 1 in 9. `"c"`: about 1 in 2.

# %% id="predict-active"
predict("active-neurons", "b")

# %% id="harvest"
def harvest(split, tokens):
    """mlp_post of about so many tokens from files of the split, and the text."""
    text = corpus.load_corpus(split, lm.tokenizer, lm.boundary)
    contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)
    chosen = np.random.default_rng(0).permutation(len(contexts))[:tokens // lm.n_ctx]
    return activations.harvest(lm, contexts[chosen])
x_train = harvest("train", budget(smoke=6_000, laptop=120_000))
x = harvest("validation", budget(smoke=4_000, laptop=25_000))                  # files the model was not trained on
data = x.numpy()
print(f"share of neurons active per token: {(data > 0).mean():.2f}")

# %% [markdown] id="encoder-intro"
# Most concepts are rarer than one token in nine, so a neuron active that often also answers to something else. We look for an overcomplete dictionary again, with codes that cost one product instead of a search.
#
# ## 6.2 An encoder in one product
#
# `pre_acts = (x - b_dec) @ W_enc + b_enc`  →  `latents = activation(pre_acts)`  →  `x_hat = latents @ W_dec + b_dec`
#
# Two dimensions and three latents are enough to see it work:

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
# Return `pre_acts` for every row of `x`. Mind that `b_dec` is taken off *before* the encoder looks.
#
# <details><summary>Hint 1 of 3</summary>Which array has as many columns as <code>x</code>, so that it can be subtracted from every row?</details>
# <details><summary>Hint 2 of 3</summary><code>x</code> is (batch, d_in) and <code>W_enc</code> is (d_in, d_sae): in the right order already.</details>
# <details><summary>Hint 3 of 3</summary>Subtract <code>b_dec</code>, multiply by <code>W_enc</code>, add <code>b_enc</code>.</details>

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
# By hand: `x - b_dec` is (1.5, 0.5), and the third pre-activation is 1.5 · 0.6 + 0.5 · 0.8 − 1.0. **How close will `x_hat` come to (2, 1)?**

# %% id="hand-run" tags=["nbval-check-output"]
latents_hand = np.maximum(pre_acts(x_hand, W_enc, b_enc, b_dec), 0)
x_hat_hand = latents_hand @ W_dec + b_dec
print("latents", latents_hand.round(3), " x_hat", x_hat_hand.round(3))

# %% [markdown] id="hand-run-after"
# The third latent pushes beyond the sample: the other two had explained it already. One product cannot see what neighbours have claimed (lesson 4's amortisation gap); with `b_enc[2] = -1.3` it would have held back.
#
# ## 6.3 The loss, term by term
#
# `loss = mean over samples of ‖x − x_hat‖²  +  l1_coeff · mean over samples of Σ latents`

# %% [markdown] id="ex-relu-l1-loss-task"
# ### Exercise 6.2 · Error plus price
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return that loss as one number: *sum over dimensions, mean over samples*. The latents come out of a ReLU, so they are their own absolute values.
#
# <details><summary>Hint 1 of 3</summary>Work out one number per sample for the error, and one for the price. Average last.</details>
# <details><summary>Hint 2 of 3</summary><code>((x - x_hat) ** 2).sum(axis=1)</code> is the squared length of each sample's error.</details>
# <details><summary>Hint 3 of 3</summary>Both terms end in <code>.sum(axis=1).mean()</code>; only the second has <code>l1_coeff</code>.</details>

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
# Now cheat: every latent ten times smaller, every row of `W_dec` ten times longer. **What happens to the loss?**

# %% id="cheat" tags=["nbval-check-output"]
honest = relu_l1_loss(x_hand, latents_hand @ W_dec + b_dec, latents_hand, l1_coeff=0.5)
cheated = relu_l1_loss(x_hand, (latents_hand / 10) @ (10 * W_dec) + b_dec, latents_hand / 10, l1_coeff=0.5)
print(f"honest {honest:.3f}, with a ten times longer dictionary {cheated:.3f}")

# %% [markdown] id="cheat-after"
# The same reconstruction at a tenth of the price. The cure is lesson 2's: **atoms have length 1**, restored after each step. And before the step, the part of the gradient along the row is taken out: it is undone anyway, but Adam would remember it.

# %% [markdown] id="ex-project-task"
# ### Exercise 6.3 · Stay on the sphere
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return `grad` without the part that is parallel to the row of `W_dec` it belongs to. Those rows have length 1.
#
# <details><summary>Hint 1 of 3</summary>How long is the shadow of row i of <code>grad</code> on row i of <code>W_dec</code>? A dot product says it.</details>
# <details><summary>Hint 2 of 3</summary><code>(grad * W_dec).sum(axis=1, keepdims=True)</code> holds them all as a column.</details>
# <details><summary>Hint 3 of 3</summary>That column times <code>W_dec</code> is the parallel part. Subtract it.</details>

# %% id="ex-project" exercise="project_gradient" difficulty=3 minutes=8 points=3
@exercise
def project_gradient(grad, W_dec):
    """grad (d_sae, d_in) minus, row by row, its component along the unit row of W_dec (d_sae, d_in)."""
    ### BEGIN SOLUTION
    along = (grad * W_dec).sum(axis=1, keepdims=True)
    return grad - along * W_dec
    ### END SOLUTION

# %% [markdown] id="lam-intro"
# **One λ, many numbers.** Every source weighs the same two terms differently: ½ or not, and its *reduction*, sums or means over the batch or the dimensions. Each entry below holds a loss, written with `e` (squared errors), `z` (codes) and its weight `c`; then the `c` that equals lesson 1's `lam`:

# %% id="lam-table"
D_toy = synthetic.random_dictionary(30, 20, seed=0)
x_toy = synthetic.sparse_codes(8, 30, k=3, seed=1, positive=True) @ D_toy
(n, d), lam, variance = x_toy.shape, 0.1, x_toy.var(0).sum()
conventions = {"lesson 1, article (½)": (lambda e, z, c: e.sum() / 2 + c * z.sum(), lam),
    "reference page, lecture, saekit": (lambda e, z, c: e.sum(1).mean() + c * z.sum(1).mean(), 2 * lam),
    "Bricken: mean over elements": (lambda e, z, c: e.mean() + c * z.sum(1).mean(), 2 * lam / d),
    "scikit-learn's Lasso": (lambda e, z, c: e.mean(1).sum() / 2 + c * z.sum(), lam / d),
    "L1 summed over the batch": (lambda e, z, c: e.sum(1).mean() + c * z.sum(), 2 * lam / n),
    "L1 summed, mean error (overcomplete)": (lambda e, z, c: e.mean() + c * z.sum(), 2 * lam / (n * d)),
    "error over variance": (lambda e, z, c: e.sum(1).mean() / variance + c * z.sum(1).mean(), 2 * lam / variance)}

# %% [markdown] id="lam-prove-intro"
# The proof: minimise each objective as written, with a general-purpose solver, and compare its codes, whose entries reach 1.9, with lesson 1's FISTA. **And if one types the same 0.1 into all?**

# %% id="lam-solver"
from scipy.optimize import minimize
def smallest(objective, c, x, D):
    """Codes z >= 0 (n, n_atoms) that minimise objective((x - z D)^2, z, c)."""
    def value_and_slope(flat):
        z = torch.tensor(flat.reshape(len(x), len(D)), requires_grad=True)
        value = objective((torch.tensor(x) - z @ torch.tensor(D)) ** 2, z, c)
        value.backward()
        return value.item(), z.grad.numpy().ravel()
    found = minimize(value_and_slope, np.zeros(len(x) * len(D)), jac=True, bounds=[(0, None)] * (len(x) * len(D)),
                     options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000, "maxfun": 20_000})
    return found.x.reshape(len(x), len(D))

# %% id="lam-proof" tags=["nbval-check-output"]
z_fista = lasso.fista(x_toy, D_toy, lam, positive=True).z
for name, (objective, c) in conventions.items():
    same, typed = (abs(smallest(objective, weight, x_toy, D_toy) - z_fista).max() for weight in (c, lam))
    print(f"{name:38} c = {c:<8.3g} same minimiser: {bool(same < 1e-5)}   with c = {lam}: error {typed:.1f}")
for name, size in (("… mean ‖x‖ scaled to √d (SAELens)", np.sqrt(d) / np.linalg.norm(x_toy, axis=1).mean()),
                   ("… mean ‖x − mean‖² to 1 (saekit)", 1 / np.sqrt(variance))):
    scaled = smallest(conventions["reference page, lecture, saekit"][0], 2 * lam * size, x_toy * size, D_toy)
    same = abs(scaled / size - z_fista).max()
    print(f"{name:38} c = {2 * lam * size:<8.3g} same minimiser: {bool(same < 1e-5)}")

# %% [markdown] id="lam-after"
# The same 0.1 is off by anything up to 1.9, where no code is left. So the article's "λ from 1e-4 to 1e-2" says nothing without reduction *and* input scale.
#
# The reference page's second question: "*Explain the connection between the SAE L1 penalty and the LASSO regression penalty. Why does L1 produce sparsity while L2 does not?*" `"a"`: same penalty, on the codes; its slope does not fade near zero, L2's does. `"b"`: same penalty, on the weights; L1 has corners, L2 none. `"c"`: same penalty, on the codes; for small numbers |z| is larger than z².

# %% id="predict-l1"
predict("l1-and-lasso", "a")

# %% [markdown] id="terms-intro"
# ## 6.4 Four more terms
#
# The article offers more terms. **Hoyer**: the ratio ‖latents‖₁/‖latents‖₂, maximising which "encourages sparsity". **Walk along its gradient, both ways, from (4, 3, 2, 1, ½). Which way is sparse?**

# %% id="hoyer" tags=["nbval-check-output"]
for name, sign in (("up, the article's way", 1), ("down", -1)):
    f = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0.5]])
    for _ in range(500):
        f.requires_grad_()
        slope, = torch.autograd.grad(metrics.hoyer(f), f)
        f = torch.relu(f.detach() + sign * 0.2 * slope)
    print(f"{name:22} {f[0].numpy().round(1)}  ratio {float(metrics.hoyer(f)):.2f}")

# %% [markdown] id="hoyer-after"
# The ratio is 1 for one active latent and √n for n equal ones: it must be *minimised*; and where nothing fires it is 0/0, so code must define it. **A smooth count**: Σσ(α·latent + β), where the sigmoid σ(t) = 1/(1 + e⁻ᵗ) stands for a step; say α = 50, β = −2. **What does a token cost on which none of 512 latents fires?**

# %% id="smooth-count" tags=["nbval-check-output"]
f = torch.zeros(3, 512)
f[1, :20], f[2, :20] = 1.0, 0.1
written, silence = torch.sigmoid(50 * f - 2).sum(1), 512 * torch.sigmoid(torch.tensor(-2.0))
for name, count in (("as written", written), ("less σ(β) for each latent", written - silence)):
    print("{:26} none fires {:5.1f}   twenty at 1.0 {:5.1f}   twenty at 0.1 {:5.1f}".format(name, *count.tolist()))

# %% [markdown] id="smooth-count-after"
# As written it counts 61 where nothing fires. Less σ(β) per latent it counts 17.6 and 16.7 of the twenty: a little less than one for each that clearly fires. A constant was taken off, so no gradient changes, but the number can be read. **Dead latents**: Σ‖W_dec,i‖² over those that never fire. Say the third is one. **How much does a step down the gradient, `2 * W_dec` there, bring?**

# %% id="dead-term" tags=["nbval-check-output"]
gradient = np.array([[0], [0], [1]]) * 2 * W_dec
stepped = W_dec - 0.1 * gradient
restored = stepped / np.linalg.norm(stepped, axis=1, keepdims=True)
for name, W in (("before", W_dec), ("after the step", stepped), ("rows restored", restored)):
    print(f"{name:16} loss {(W[2] ** 2).sum():.2f}   third row {W[2].round(2)}")
print("left by exercise 6.3:", np.abs(project_gradient(gradient, W_dec)).max().round(9))

# %% [markdown] id="diversity-intro"
# It pulls along the row only: it would *shrink* what is dead, and unit rows undo even that (cures: 6.8). **Diversity**: Σ|cos| over pairs of rows. Since |cos| ≥ cos², it never falls below n²/d − n, every pair counted twice (Welch). **Which of three dictionaries of 40 atoms in 20 dimensions does it like best: random, spread as evenly as possible, or a basis written down twice?**

# %% id="diversity"
n, d, pairs = 40, 20, ~torch.eye(40, dtype=bool)
welch = geometry.welch_bound(n, d)
spread = torch.nn.Parameter(torch.tensor(synthetic.random_dictionary(n, d, seed=0)))
optimizer = torch.optim.Adam([spread], lr=0.01)
for _ in range(600):
    optimizer.zero_grad()
    unit = sae.unit_rows(spread)
    ((unit @ unit.T).abs()[pairs] - welch).relu().square().sum().backward()    # only what packing does not force
    optimizer.step()

# %% id="diversity-table"
liked, floor = {}, n * n / d - n
for name, W in (("random", synthetic.random_dictionary(n, d, seed=0)), ("spread", unit.detach().numpy()),
                ("a basis, twice", np.tile(np.eye(d), (2, 1)))):
    cosine = np.abs(W @ W.T)[pairs.numpy()]
    liked[name] = cosine.sum(), cosine.max()
    print(f"{name:15} Σ|cos| {cosine.sum():6.1f} (floor {floor:.0f})", end="   ")
    print(f"largest {cosine.max():.2f} (floor {welch:.2f})")
claim("Σ|cos| of a basis twice, as a share of the evenly spread one's",
      liked["a basis, twice"][0] / liked["spread"][0], at_most=0.5)
claim("largest |cos| of the spread one, over Welch's floor", liked["spread"][1] / welch, at_most=2)

# %% [markdown] id="diversity-after"
# It likes *duplicates* best: the floor is reached exactly by copies of one basis. The corrected term (it made the "spread" row) charges only what |cos| exceeds 0.16 by: Welch's bound, below which the largest cannot fall. Section 6.6 trains with it.
#
# ## 6.5 Ten ways to fire
#
# L1 pays for *size*, so whatever it keeps is too small, and nobody knows beforehand how many latents a price buys. TopK (Gao et al. 2024) says how many, and needs no price.

# %% [markdown] id="ex-topk-task"
# ### Exercise 6.4 · The k largest
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# In every row of `pre` keep the k largest entries, set all others to zero, then also what is still negative. No two entries of a row are equal.
#
# <details><summary>Hint 1 of 3</summary>If you knew the k-th largest value of a row, a comparison would be enough.</details>
# <details><summary>Hint 2 of 3</summary><code>np.sort(pre, axis=1)</code> sorts upwards: its column <code>-k</code> is the k-th largest.</details>
# <details><summary>Hint 3 of 3</summary>Keep <code>pre</code> where it reaches that threshold (as a column: <code>[:, [-k]]</code>), else 0; then <code>np.maximum</code> with 0.</details>

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

# %% [markdown] id="ex-jumprelu-task"
# JumpReLU (Rajamanoharan et al. 2024) gives each latent a threshold of its own and prices the *count*. Count and latent jump there, without a useful derivative. So while training one pretends the step were a ramp as wide as `bandwidth`: inside it, a rising threshold loses a latent of size `threshold` at the rate 1/bandwidth.
#
# ### Exercise 6.5 · A jump that learns
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return two arrays: the latents, and their pretended derivative in the threshold.
#
# <details><summary>Hint 1 of 3</summary><code>pre_acts > threshold</code> compares every column with its own threshold.</details>
# <details><summary>Hint 2 of 3</summary><code>np.where(condition, a, 0)</code> twice. The ramp reaches <code>bandwidth / 2</code> to either side.</details>
# <details><summary>Hint 3 of 3</summary>The second array is <code>-threshold / bandwidth</code> where <code>np.abs(pre_acts - threshold) < bandwidth / 2</code>.</details>

# %% id="ex-jumprelu" exercise="jumprelu" difficulty=3 minutes=8 points=3
@exercise
def jumprelu(pre_acts, threshold, bandwidth):
    """(latents, slope): pre_acts above the threshold, else 0; d latents / d threshold, the step as a ramp.

    pre_acts (batch, d_sae), threshold (d_sae,). slope is -threshold / bandwidth where
    |pre_acts - threshold| < bandwidth / 2, else 0.

    >>> latents, slope = jumprelu(np.array([[1.0, 1.4, 1.6, 2.0]]), np.full(4, 1.5), 0.5)
    >>> print(latents, slope)
    [[0.  0.  1.6 2. ]] [[ 0. -3. -3.  0.]]
    """
    ### BEGIN SOLUTION
    near = np.abs(pre_acts - threshold) < bandwidth / 2
    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -threshold / bandwidth, 0)
    ### END SOLUTION

# %% [markdown] id="jump-check-intro"
# Is your slope the derivative of *something*? Divided by the latent's size at the threshold, 1.5, it must be the slope of the ramp alone, here by a finite difference; undivided, the library's:

# %% id="jump-check" tags=["nbval-check-output"]
z_four, theta = np.array([[1.0, 1.4, 1.6, 2.0]]), torch.full((4,), 1.5, requires_grad=True)
ramp = lambda shift: np.clip((z_four - 1.5 - shift) / 0.5 + 0.5, 0, 1)          # how many fire, smoothed
sae.jumprelu(torch.tensor(z_four), theta, 0.5).sum().backward()
slope = jumprelu(z_four, np.full(4, 1.5), 0.5)[1]
print("yours / 1.5", slope / 1.5 + 0, " ramp, finite difference", ((ramp(1e-6) - ramp(-1e-6)) / 2e-6).round(3) + 0)
print("yours      ", slope + 0, " library", theta.grad.numpy() + 0)

# %% [markdown] id="jump-explore-intro"
# A wide ramp learns from more tokens, about a blurrier count; a narrow one, the reverse. **From which bandwidth on do you no longer see four steps?**

# %% id="jump-draw"
from saekit.course.widgets import explore

def draw_count(ax, bandwidth):
    """How many of four pre-activations lie above a threshold, and the ramp that stands in for it."""
    theta = np.linspace(0.7, 2.3, 400)
    distance = np.array([1, 1.4, 1.6, 2.0])[:, None] - theta
    ax.plot(theta, (distance > 0).sum(0), color=plots.TRUTH, linewidth=1)
    ax.plot(theta, np.clip(distance / bandwidth + 0.5, 0, 1).sum(0), color=plots.LATENT)
    ax.set(xlabel="threshold", ylabel="latents that fire", title=f"bandwidth {bandwidth:g}")

# %% id="jump-explore"
explore(draw_count, stills=[{"bandwidth": width} for width in (0.05, 0.5, 1.5)], bandwidth=(0.05, 2.0, 0.05),
        alt="Number of latents that fire over the threshold: a staircase in black, and the smoothed count in blue, which hugs it at bandwidth 0.05, is a slope at 0.5 and nearly a straight line at 1.5.")

# %% [markdown] id="zoo-table"
# (Above 0.2: there the ramps of the middle two run into each other.)
#
# Ten architectures of the literature in one frame, each a short class of `saekit.sae`:
#
# | name | a latent fires where | beside the squared error, the loss holds (a price: times its coefficient) |
# |---|---|---|
# | `relu` | pre > 0 | Σ latents |
# | `relu-tied` | the same, with W_enc = W_decᵀ | the same |
# | `relu-weighted` | the same; rows of any length | Σ latents · ‖W_dec,i‖ (April 2024): the cheat of 6.3 saves nothing |
# | `relu-hoyer` | the same | ‖latents‖₁ / ‖latents‖₂, minimised |
# | `relu-l0` | the same | Σ (sigmoid(50 · latent − 2) − sigmoid(−2)), a smooth count: 0 for each silent latent, about 0.9 for each that clearly fires |
# | `jumprelu` | pre > its threshold | the count, by the ramp ¹ |
# | `gated` | pre > 0, the gate; its size comes from a second pre-activation: the first, rescaled, with another bias | Σ ReLU(pre), and the error of decoding ReLU(pre) instead of the latents |
# | `topk` | among the k largest of its token | nothing ¹ |
# | `batchtopk` | among the k · batch largest of the batch | nothing ¹ |
# | `matryoshka` | as `batchtopk` | the error of the first 1/16, 1/8, 1/4, 1/2 and of all latents, averaged ¹ |
#
# ¹ and a term that acts on dead latents only, AuxK (6.8).

# %% id="zoo" tags=["nbval-check-output"]
ZOO = {"relu": {"l1_coeff": 0.13}, "relu-tied": {"l1_coeff": 0.09}, "relu-weighted": {"l1_coeff": 0.17},
       "relu-hoyer": {"hoyer_coeff": 0.15}, "relu-l0": {"l0_coeff": 0.015}, "jumprelu": {"l0_coeff": 0.003},
       "gated": {"l1_coeff": 0.2}, "topk": {"k": 16}, "batchtopk": {"k": 16}, "matryoshka": {"k": 16}}
new = [sae.new_sae(name, d_in=512, d_sae=1024, **settings) for name, settings in ZOO.items()]
same = [torch.equal(one(x[:64]), one.decode(one.encode(x[:64]))) for one in new]
print("x_hat is decode(encode(x)) for all ten:", all(same))

# %% [markdown] id="train-intro"
# ## 6.6 Train them all
#
# One step, by hand and in the order that matters:

# %% id="one-step" tags=["nbval-check-output"]
tiny = sae.TopKSAE(d_in=512, d_sae=64, k=4, seed=0)
optimizer = torch.optim.Adam(tiny.parameters(), lr=1e-3)
tiny.loss(x[:256]).total.backward()              # forward, backward
train.project_decoder_gradient(tiny)             # your exercise 6.3
norm = torch.nn.utils.clip_grad_norm_(tiny.parameters(), 1.0)                  # g · min(1, 1 / ‖g‖)
after = torch.sqrt(sum(p.grad.square().sum() for p in tiny.parameters()))
optimizer.step()
train.renormalise_decoder(tiny)                  # rows back to length 1
print("gradient clipped to length 1:", bool(norm > 1 and abs(after - 1) < 1e-4), end="   ")
print("rows of length 1:", bool(torch.allclose(tiny.W_dec.norm(dim=1), torch.ones(64))))

# %% [markdown] id="fit-intro"
# `train.train_sae` repeats that. Inputs are centred and scaled so that ‖x‖² averages 1, and a finished SAE reads raw activations again. Adam's learning rate warms up over the first twentieth of the steps (an L1 price over the first tenth), stays, and falls to zero over the last fifth. Here is its loop with a window, `watch`:

# %% id="fit"
TOKENS = budget(smoke=12_288, laptop=120_000)

def fit(one, watch=lambda run, losses: None, lr=2e-3, optimizer=None, **config):
    """Train `one` on x_train and return it, reading raw activations; watch(run, losses) after every step."""
    config = train.TrainConfig(tokens=TOKENS, lr=lr, dead_after_tokens=TOKENS // 8, **config)
    run = train.Run(one, activations.ArrayStream(x_train, batch=512, seed=0), config)
    run.start()
    run.optimizer = optimizer(run.sae.parameters()) if optimizer else run.optimizer
    for run.step in range(run.steps):
        watch(run, train.train_step(run, next(run.stream)))
    return one.fold(run.mean, run.scale).requires_grad_(False)

# %% [markdown] id="zoo-go"
# As many latents as neurons, 512, and each setting meant to let some 15 to 30 latents fire per token. **Whose setting will miss that most, and who will lose latents?**

# %% id="zoo-train"
trained, score = {}, {}
for name, settings in ZOO.items():
    trained[name] = fit(sae.new_sae(name, 512, 512, seed=0, **settings))
    z = trained[name].encode(x)
    explained, silent = metrics.explained_variance(x, trained[name].decode(z)), (z > 0).any(0).logical_not().sum()
    score[name] = float(metrics.l0(z)), float(explained), int(silent)
    print("{:14} l0 {:6.1f}   explained variance {:.3f}   silent latents {:3}".format(name, *score[name]))

# %% [markdown] id="zoo-after"
# Hoyer's ratio, which prices no size, only shares, misses by far and loses latents. Do not rank the ten by explained variance: each stands at another l0 (6.10 draws the frontier). In training, BatchTopK's tokens compete within a batch. Outside it a token's code must not depend on its neighbours, so `encode` uses a threshold, the running mean of the smallest latent each batch kept, and l0 need not be k.

# %% id="batch-threshold" tags=["nbval-check-output"]
pre = trained["batchtopk"].pre_acts(x[:512])
alone, crowd = trained["batchtopk"].activate(pre[:1]), trained["batchtopk"].activate(pre)[:1]
print("by the batch, the same code alone and in company:", bool(torch.equal(alone > 0, crowd > 0)))
alone, crowd = trained["batchtopk"].encode(x[:1]), trained["batchtopk"].encode(x[:512])[:1]
print("by the threshold:", bool(torch.equal(alone > 0, crowd > 0)))

# %% [markdown] id="diverse-intro"
# And 6.4's corrected diversity loss? A variant is a small class: a name, and the term it adds. (As many rows as dimensions: Welch's bound is 0, and only the square is at work.)

# %% id="diverse"
class DiverseReLUSAE(sae.ReLUSAE):
    """relu, and 0.05 times what the rows' |cosines| exceed Welch's bound by, squared, per row."""
    arch = "relu-diverse"

    def aux(self, x, pre_acts, resid, dead):
        cosines = self.W_dec @ self.W_dec.T - torch.eye(self.d_sae)
        beyond = (cosines.abs() - geometry.welch_bound(self.d_sae, self.d_in)).relu()
        return 0.05 * beyond.square().sum() / self.d_sae

diverse = fit(DiverseReLUSAE(512, 512, **ZOO["relu"], seed=0))

# %% id="diverse-score"
near = {}
for name, one in (("relu", trained["relu"]), ("relu-diverse", diverse)):
    near[name] = float((one.W_dec @ one.W_dec.T - torch.eye(512)).max(dim=1).values.median())
    l0, explained = metrics.l0(one.encode(x)), metrics.explained_variance(x, one(x))
    print(f"{name:14} l0 {float(l0):5.1f}   explained variance {float(explained):.3f}   "
          f"cosine to the nearest row, median {near[name]:.2f}")
claim("median cosine to the nearest row, diverse over plain", near["relu-diverse"] / near["relu"], at_most=0.7)

# %% [markdown] id="diverse-after"
# Rows stand further apart; fewer latents fire, and less is explained. Nothing here shows that a more diverse dictionary is a better one.

# %% [markdown] id="phases-intro"
# ## 6.7 Three phases?
#
# The article tells of **discovery** (the reconstruction error falls fast, features turn over), **refinement** (slower; sparsity settles) and **fine-tuning** (hardly any change). Error and l0 are logged; what is missing is how much the dictionary changes.

# %% [markdown] id="ex-turnover-task"
# ### Exercise 6.6 · How much turned over?
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# For every row of `W_new` find the largest cosine to any row of `W_old`. Return 1 minus their mean.
#
# <details><summary>Hint 1 of 3</summary>A cosine is the dot product of two rows of length 1.</details>
# <details><summary>Hint 2 of 3</summary><code>np.linalg.norm(W, axis=1, keepdims=True)</code> are the lengths; <code>A @ B.T</code> is a table of dot products.</details>
# <details><summary>Hint 3 of 3</summary>With the new rows first, <code>.max(axis=1)</code> looks over the old ones.</details>

# %% id="ex-turnover" exercise="turnover" difficulty=2 minutes=6 points=3
@exercise
def turnover(W_old, W_new):
    """1 - mean over the rows of W_new of the largest cosine to any row of W_old, as one number.

    W_old, W_new: (d_sae, d_in), rows of any length.

    >>> print(round(float(turnover(np.eye(2), np.array([[0.0, 3.0], [4.0, 3.0]]))), 3))
    0.1
    """
    ### BEGIN SOLUTION
    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)
    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)
    return 1 - (new @ old.T).max(axis=1).mean()
    ### END SOLUTION

# %% [markdown] id="phases-rule"
# No latent is resampled here: whatever turns over does so by learning. A rule, fixed before looking: cut the run into 24 parts. **Discovery** lasts while a part's turnover is above half the largest. **Fine-tuning** begins when the rest of the run brings less than a tenth of the error's whole fall. Between them lies refinement. The learning rate falls early, from a fifth of the steps on (`decay_from=0.2`); in the control it stays (`decay_from=1.0`).

# %% id="phases-run"
def observed(**config):
    """Mean squared error, mean l0 and turnover of 24 equal parts of a run."""
    rows, parts, last = [], [], [None]
    def look(run, losses):
        rows.append((losses.recon.item(), losses.fired.sum().item() / run.stream.batch))
        if (run.step + 1) * 24 // run.steps > run.step * 24 // run.steps:
            W = run.sae.W_dec.detach().numpy().copy()
            parts.append((*np.mean(rows, axis=0), np.nan if last[0] is None else turnover(last[0], W)))
            last[0] = W
            rows.clear()
    fit(sae.ReLUSAE(512, 512, l1_coeff=0.1, seed=0), look, **config)
    return np.array(parts)

# %% id="phases-boundaries"
def phases(parts, turned_share=1 / 2, error_share=1 / 10):
    """The parts after which discovery ends and fine-tuning begins, by the rule with these two shares."""
    error, turned = parts[:, 0], parts[:, 2]
    discovery_ends = 1 + np.flatnonzero(turned > np.nanmax(turned) * turned_share)[-1]
    tuning_begins = np.flatnonzero(error - error[-1] >= error_share * (error.max() - error[-1]))[-1] + 1
    return int(discovery_ends), int(tuning_begins)

# %% id="phases-figure"
runs = {"falling learning rate": observed(decay_from=0.2), "constant learning rate": observed(decay_from=1.0)}
fig, axes = plots.panels(3, height=2.4)
for (name, parts), color in zip(runs.items(), (plots.LATENT, plots.BASELINE)):
    for ax, column, label in zip(axes, range(3), ("squared error", "l0 (active latents)", "turnover")):
        ax.plot(np.linspace(0, 100, len(parts)), parts[:, column], color=color, label=name)
        ax.set(xlabel="share of the run (%)", ylabel=label)
        for part in phases(parts):
            ax.axvline(100 * part / len(parts), color=color, linewidth=0.8, linestyle=":")

# %% id="phases-show"
for ax, title in zip(axes, ("Smooth error,", "smooth l0,", "scheduled turnover")):
    ax.set_title(title)
axes[2].legend(fontsize=7)
plots.show(fig, alt="Squared error, l0 and turnover over the run, for a falling and a constant learning rate. After a start in which the price is warmed up the error falls fast and then ever more slowly; turnover falls to nearly zero only where the learning rate does. Dotted lines mark where the rule cuts each run.")

# %% [markdown] id="phases-sharp"
# (Dotted: where the rule cuts.) It cuts *any* falling curve into three. Real phases would have sharp boundaries: **halve both thresholds; do the boundaries stay?**

# %% id="phases-claims"
for name, parts in runs.items():
    ends, begins = zip(phases(parts), phases(parts, 1 / 4, 1 / 20))
    print(f"{name}:\n  discovery ends after part {ends[0]}, with the thresholds halved {ends[1]}")
    print(f"  fine-tuning begins after part {begins[0]}, with the thresholds halved {begins[1]}")
    moved = max(abs(ends[1] - ends[0]), abs(begins[1] - begins[0]))
    claim(f"{name}: parts by which a boundary moves", moved, at_least=2)

# %% id="phases-fall"
steady, falling = runs["constant learning rate"], runs["falling learning rate"]
done = (steady[:, 0].max() - steady[8, 0]) / (steady[:, 0].max() - steady[-1, 0])
claim("share of the error's fall that is done after a third of the run", done, at_least=0.5)
claim("last turnover, falling over constant learning rate", falling[-1, 2] / steady[-1, 2], at_most=0.5)
most = max(np.nanmax(parts[:, 2]) for parts in runs.values())
print(f"largest turnover of a part: {most:.3f}")
claim("largest turnover of a part, either run", most, at_most=0.03)

# %% [markdown] id="schedule-intro"
# Both boundaries move. The error falls slowly while the price warms up, then fast, then ever more slowly, without sharp phases. Nor do features "turn over": from part to part a row's cosine to its old self falls by some hundredths at most. What ends even that is our schedule. Now the **schedules** the article asks for: warm-up and cosine annealing; one that adapts to plateaus of the loss; one that adapts to feature statistics.

# %% id="plateau"
def on_plateau(losses, patience=2):
    """Learning rates, as shares of the peak, that halve whenever the best loss is `patience` entries old."""
    rates, rate, best, age = [], 1.0, np.inf, 0
    for loss in losses:
        best, age = (loss, 0) if loss < best else (best, age + 1)
        if age == patience:
            rate, age = rate / 2, 0
        rates.append(rate)
    return rates

# %% id="schedules"
fig, ax = plots.panels(height=2.4)
for shape, color in (("linear", plots.LATENT), ("cosine", plots.ATOM)):
    config = train.TrainConfig(lr=1.0, decay=shape)
    ax.plot([train.learning_rate(step, 100, config) for step in range(100)], color=color, label=shape)

# %% id="schedule-plateau"
stuck = np.maximum(0.8 ** np.arange(24), 0.2)                    # a made-up loss that falls and then falls no more
ax.step(np.linspace(0, 100, 24), on_plateau(stuck), color=plots.BASELINE, where="post",
        label="halved on plateaus, of a made-up loss")
plateau_rates = on_plateau(runs["constant learning rate"][:, 0])
print(f"on our run the plateau rule ends at {plateau_rates[-1]:.0%} of the peak")
ax.set(title="Two schedules know when to fall, the third waits to see", xlabel="share of the run (%)",
       ylabel="share of the peak")
ax.legend(loc=(0.12, 0.1), fontsize=7)
plots.show(fig, alt="Learning rate over a run: linear and cosine rise for five percent, stay until eighty percent and fall to zero; the plateau rule stays at the peak until the made-up loss is stuck, two fifths into the run, then halves again and again.")

# %% [markdown] id="recipe-intro"
# On our run the plateau rule never acts, so training by it is the run at a constant rate. Do shape, warm-up and optimiser matter? TopK as in 6.6, one thing changed at a time. SGD steps along the gradient itself, here with momentum 0.9 (a step is a running sum of gradients). Its rate is 1, the best of 0.03, 0.1, 0.3, 1 and 3 (tried beforehand; 3 runs away); Adam's best of 1e-3, 2e-3, 4e-3 and 8e-3 was the last, which is shown too:

# %% id="recipe"
from functools import partial
sgd = partial(torch.optim.SGD, momentum=0.9)           # its rate is set at each step, by our schedule
changes = {"cosine": {"decay": "cosine"}, "no warm-up": {"warmup": 0.0}, "SGD": {"optimizer": sgd, "lr": 1.0},
           "Adam at 8e-3": {"lr": 8e-3}}
recipe_ev = {"as in 6.6": score["topk"][1]}
for name, change in changes.items():
    one = fit(sae.TopKSAE(512, 512, k=16, seed=0), **change)
    recipe_ev[name] = float(metrics.explained_variance(x, one(x)))
print("explained variance", "   ".join(f"{name} {value:.3f}" for name, value in recipe_ev.items()))

# %% id="recipe-claims"
gain = {name: value - recipe_ev["as in 6.6"] for name, value in recipe_ev.items()}
claim("gain or loss by the cosine", abs(gain["cosine"]), at_most=0.02)
claim("gain or loss without warm-up", abs(gain["no warm-up"]), at_most=0.02)
claim("explained variance that Adam gains on SGD, each at its best rate", gain["Adam at 8e-3"] - gain["SGD"],
      at_least=0.05)
claim("explained variance that four times the rate gains", gain["Adam at 8e-3"], at_least=0.03)

# %% [markdown] id="adaptive-intro"
# The shape of the fall and the warm-up are worth next to nothing here, Adam is worth a tenth of the variance, the height of its rate more than half of that. A high rate has a price, though (6.10).
#
# Feature statistics, too, can steer; here they set the *price*: after every step, raise `l1_coeff` a little if l0 is above its target, else lower it. Nobody need know what a price buys:

# %% id="adaptive"
def aim(run, losses, target=20):
    """Move the price towards the one at which `target` latents fire per token."""
    l0 = losses.fired.sum().item() / run.stream.batch
    run.sae.l1_coeff *= min(1.05, max(0.95, (l0 / target) ** 0.1))

aimed = fit(sae.ReLUSAE(512, 512, l1_coeff=0.1, seed=0), aim)
print(f"price found {aimed.l1_coeff:.3f}, l0 on other files {float(metrics.l0(aimed.encode(x))):.1f}")
claim("l0 aimed at 20, off by", abs(float(metrics.l0(aimed.encode(x))) - 20), at_most=5)

# %% [markdown] id="density-intro"
# Close to 20, on other files too.
#
# ## 6.8 Alive, rare, dead
#
# A latent's **density** is the fraction of tokens on which it fires, that is, is not zero; the reference page asks for less than 1 %. Four SAEs of 4,096 latents ship with the course. **How much rarer than a neuron is a typical latent of the TopK one?**

# %% id="density-figure"
shipped = {name: sae.load_sae(home).requires_grad_(False) for name, home in homes.items()}
density, neuron_density = (shipped["topk"].encode(x) > 0).float().mean(0).numpy(), (data > 0).mean(axis=0)
fig, ax = plots.panels(height=2.4)
plots.density_histogram(ax, density, plots.LATENT, "latents (TopK)")
plots.density_histogram(ax, neuron_density, plots.NEURON, "neurons")
ax.set_title("A typical latent is far rarer than a typical neuron")
ax.legend(loc="upper left", fontsize=7)
plots.show(fig, alt="Two histograms of log density. Most neurons are active on one token in fifty to one in four; most latents on fewer than one in a hundred, many on one in ten thousand.")

# %% id="density-claims"
rarer = np.median(neuron_density) / np.median(density[density > 0])
print(f"a neuron of median density is active {rarer:.0f} times as often as a latent of median density")
claim("median density of neurons over that of living latents", rarer, at_least=20)
print(f"latents that fire on less than 1 % of tokens: {100 * (density < 0.01).mean():.0f} %")
claim("share of latents that fire on less than 1 % of tokens", (density < 0.01).mean(), at_least=0.6)

# %% [markdown] id="silence-intro"
# (The lone bar on the left: latents that fired once in 25,000 tokens.) The legend counts those that never fire *here*; on the longer text of their card far fewer are silent. Rare is not dead, so "dead" needs a number: no firing within so many *tokens*.

# %% [markdown] id="ex-silence-task"
# ### Exercise 6.7 · How long has it been silent?
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# `silent` holds, for every latent, the tokens since it last fired. A batch of latents arrives, one row per token. Return the new counts: 0 for a latent that fired anywhere in the batch, else its old count plus the tokens of the batch.
#
# <details><summary>Hint 1 of 3</summary>Which latents fired anywhere in the batch? Along which axis do you look?</details>
# <details><summary>Hint 2 of 3</summary><code>(latents &gt; 0).any(axis=0)</code> has one True or False per latent.</details>
# <details><summary>Hint 3 of 3</summary><code>np.where(condition, 0, other)</code>; a batch holds <code>len(latents)</code> tokens.</details>

# %% id="ex-silence" exercise="tokens_since_fired" difficulty=2 minutes=8 points=3
@exercise
def tokens_since_fired(silent, latents):
    """New counts (d_sae,) of tokens since each latent last fired, after a batch of latents (batch, d_sae).

    silent (d_sae,): the counts before it, integers.

    >>> print(tokens_since_fired(np.array([5, 5]), np.array([[0.0, 0.0], [0.0, 2.0], [0.0, 0.0]])))
    [8 0]
    """
    ### BEGIN SOLUTION
    fired = (latents > 0).any(axis=0)
    return np.where(fired, 0, silent + len(latents))
    ### END SOLUTION

# %% [markdown] id="cures-intro"
# TopK with few winners kills: a latent that never wins gets no gradient. Give it 1,024 latents and k = 8, and compare four treatments. *Worst example* is the article's rule, *loss²* that of Bricken et al. (both from lesson 4). *AuxK* (Gao et al. 2024) is a term of the loss: the dead latents that come closest to firing must reconstruct
# what is left over, so that a gradient reaches them again.

# %% id="worst"
def worst(run):
    """The article's rule: all dead latents along the residual of the one worst input, slightly perturbed."""
    u = (train.preview(run.stream, 8) - run.mean) / run.scale
    resid = (u - run.sae(u)).detach()
    noise = 0.01 * torch.randn(int(run.dead.sum()), 512, generator=torch.Generator().manual_seed(0))
    train.plant(run, sae.unit_rows(sae.unit_rows(resid[resid.norm(dim=1).argmax()][None]) + noise))

def twice(rule):
    """Apply the rule to dead latents after 30 and 60 % of the steps."""
    def watch(run, losses):
        if rule and run.step + 1 in (3 * run.steps // 10, 6 * run.steps // 10) and run.dead.any():
            rule(run)
    return watch

# %% id="cures"
cures, rules = {}, {"none": None, "worst example": worst, "loss²": train.resample, "AuxK": None}
for name, rule in rules.items():
    one = fit(sae.TopKSAE(512, 1024, k=8, auxk_coeff=(name == "AuxK") / 32, seed=0), twice(rule))
    silent, W = np.zeros(1024, dtype=int), one.W_dec.numpy()
    for part in x.split(512):
        silent = tokens_since_fired(silent, one.encode(part).numpy())
    twins = ((W @ W.T - np.eye(1024)).max(axis=1) > 0.9).mean()
    cures[name] = (silent >= len(x)).mean(), twins, float(metrics.explained_variance(x, one(x)))
    line = "{:14} silent {:4.0%}   with a twin (cosine > 0.9) {:4.0%}   explained variance {:.3f}"
    print(line.format(name, *cures[name]))

# %% id="cures-claims"
claim("silent without a cure, more than with AuxK, share", cures["none"][0] - cures["AuxK"][0], at_least=0.02)
claim("silent without a cure, more than with loss², share", cures["none"][0] - cures["loss²"][0], at_least=0.05)
claim("silent after the worst example, more than without a cure, share",
      cures["worst example"][0] - cures["none"][0], at_least=0.0)
claim("latents with a twin: worst example, more than loss², share",
      cures["worst example"][1] - cures["loss²"][1], at_least=0.05)
claim("latents of the shipped TopK that fire nowhere on its card's held-out text, share",
      cards["topk"]["metrics"]["dead_fraction"], at_most=0.01)

# %% [markdown] id="cures-after"
# The worst example plants twins, as on lesson 4's toy, and leaves more silent than no cure at all. Loss² and AuxK revive about as many (another seed may swap them). AuxK needs no schedule, but pulls only at what has been silent for its window, here an eighth of a short run. The shipped TopK's pulls sooner and harder (8,192 tokens, 16 times the weight) and leaves three latents in a thousand silent on its card's text; 6.10 says where that turns.
#
# ## 6.9 What is kept
#
# How good is a reconstruction? Against what? The honest zero is a guess that knows nothing but the mean.

# %% [markdown] id="ex-ev-task"
# ### Exercise 6.8 · Explained variance
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return 1 minus the ratio of two sums over all entries: squared errors, and squared deviations of `x` from its column means.
#
# <details><summary>Hint 1 of 3</summary>Two numbers first; one division, at the end.</details>
# <details><summary>Hint 2 of 3</summary><code>x.mean(axis=0)</code> holds one mean per column.</details>
# <details><summary>Hint 3 of 3</summary>Both sums are <code>(… ** 2).sum()</code>.</details>

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
# The reference page's R² has Σ‖x‖² below the line, and wants R² > 0.90 at 50 to 300 active latents. **What will that R² give to predicting the mean?**

# %% id="ev"
guesses = {"the mean": np.broadcast_to(data.mean(axis=0), data.shape), "our TopK, 512": trained["topk"](x).numpy(),
           "shipped TopK": shipped["topk"](x).numpy(), "shipped ReLU": shipped["relu"](x).numpy()}
ev, about_zero = {}, {}
for name, guess in guesses.items():
    ev[name] = explained_variance(data, guess)
    about_zero[name] = 1 - ((data - guess) ** 2).sum() / (data ** 2).sum()
    print(f"{name:14} explained variance {ev[name]:6.3f}   R² about zero {about_zero[name]:.3f}")
claim("R² about zero of the mean alone", about_zero["the mean"], at_least=0.1)
claim("explained variance of the shipped TopK SAE", ev["shipped TopK"], at_least=0.85)

# %% [markdown] id="splice-intro"
# It gives the mean 0.155. And the model does not treat all directions alike. **If it had to compute with our reconstruction, how much worse would it predict?** Splice it in and measure the next token's cross-entropy: the mean of −log p(next token), in *nats* with the natural logarithm. Beside it, the neurons at their means (`ce_mean`) or at zero (`ce_zero`), and a guess by token frequency alone (`ce_unigram`):

# %% id="splice"
result = intervene.evaluate_sae(shipped["topk"], lm, tokens=budget(smoke=3_000, laptop=30_000, gpu=500_000))
for name in ("ce_clean", "ce_recon", "ce_mean", "ce_zero", "ce_unigram"):
    print(f"{name:10} {result[name]:6.3f} nats per token")
claim("ce_increase of the shipped TopK SAE", result["ce_increase"], at_most=0.12, unit="nats")

# %% [markdown] id="splice-after"
# A fraction "recovered" needs its baseline named: without its neurons the model still beats token frequencies, so the same reconstruction recovers more when measured from the frequencies than from zeros. We lead with **ce_increase** = ce_recon − ce_clean, in nats, which needs none (`ce_increase_share` is its part of what the model knows beyond frequencies). From the cards, on 199,880 tokens:

# %% id="shipped"
paper = {"l0": "< 20", "ce_recovered_vs_zero": "0.79", "dead_fraction": "0.04"}
print(f"{'':22}{'TopK':>10}{'BatchTopK':>12}{'JumpReLU':>12}{'ReLU + L1':>12}{'paper, A/1':>13}")
for row in ("l0", "explained_variance", "r2_uncentred", "ce_increase", "ce_increase_share", "ce_recovered_vs_zero",
            "dead_fraction"):
    values = "".join(f"{card['metrics'][row]:12.3f}" for card in cards.values())
    print(f"{row:20}{values}{paper.get(row, ''):>13}")

# %% [markdown] id="shipped-after"
# The last column is Bricken et al.'s run A/1, with 4,096 latents too, but another text, tokenizer and model: no race. "Dead" means here: not seen on those 199,880 tokens, so it counts what is rare as well. The columns trade: JumpReLU and BatchTopK explain most, but one in five and one in ten of their latents stay unseen; the TopK learned more slowly, its AuxK pulled sooner, and it lost hardly any (6.10). Is the shipped TopK nothing but your two functions?

# %% id="own-encoder" tags=["nbval-check-output"]
weights = {name: value.numpy() for name, value in shipped["topk"].state_dict().items()}
yours = topk(pre_acts(data[:500], weights["W_enc"], weights["b_enc"], weights["b_dec"]), k=32)
theirs = shipped["topk"].encode(x[:500]).numpy()
print("your encoder agrees with the library's:", np.allclose(yours, theirs, atol=1e-4))

# %% [markdown] id="frontier-intro"
# ## 6.10 The frontier
#
# How much is explained with how many active units? Classical methods get the same question: for each token keep the k largest contributions. Candidates: principal components; 128 independent components (ICA: directions along which the data are least Gaussian); 128 parts (NMF: atoms and codes both non-negative); the neurons, as deviations from their means. ICA and NMF are stopped early, so perhaps better than shown; k-means has one active unit; 512 random directions are searched by matching pursuit, more than any encoder may do. **With 16 active units, who will be best?**

# %% id="classical"
import warnings
from sklearn import cluster, decomposition
held = x[::25]                             # all are scored on the same tokens, one in 25
some, test, mean = x_train[:10_000].numpy(), held.numpy(), data.mean(axis=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")        # ICA and NMF stop early, and say so
    ica = decomposition.FastICA(128, max_iter=20, tol=0.01, random_state=0).fit(some[:5000])
    nmf = decomposition.NMF(128, init="nndsvda", max_iter=30, random_state=0).fit(some[:4000])
pca = decomposition.PCA(random_state=0).fit(some)
groups = cluster.MiniBatchKMeans(512, n_init=1, random_state=0).fit(some)

# %% [markdown] id="frontier-bases"
# Each gives codes, atoms and the point they start from:

# %% id="frontier-classical"
bases = {"PCA": (pca.transform(test), pca.components_, pca.mean_),
         "ICA": (ica.transform(test), ica.mixing_.T, ica.mean_),
         "NMF": (nmf.transform(test), nmf.components_, 0), "neurons": (test - mean, np.eye(512), mean)}

# %% id="frontier-curves"
counts, D_random = (4, 8, 16, 32, 64), synthetic.random_dictionary(512, 512, seed=0)
curves = {name: [] for name in (*bases, "random directions")}
for k in counts:
    for name, (codes, atoms, centre) in bases.items():
        size = np.abs(codes) * np.linalg.norm(atoms, axis=1)
        kept = codes * (size >= np.sort(size, axis=1)[:, [-k]])
        curves[name].append(explained_variance(test, kept @ atoms + centre))
    z = lasso.omp(test[::5] - mean, D_random, k)           # slow: one in five of them
    curves["random directions"].append(explained_variance(test[::5], z @ D_random + mean))
one_of_512 = explained_variance(test, groups.cluster_centers_[groups.predict(test)])

# %% id="frontier-train"
def point(one):
    """(l0, explained variance) of an SAE on the tokens of the comparison."""
    z = one.encode(held)
    return float(metrics.l0(z)), float(metrics.explained_variance(held, one.decode(z)))

points = {name: point(one) for name, one in trained.items()}
points |= {f"shipped {name}": point(shipped[name]) for name in ("topk", "relu")}
lines = {"topk": [points["topk"]], "relu": [points["relu"]]}
for name, settings in (("topk", {"k": 8}), ("topk", {"k": 32}),
                       ("relu", {"l1_coeff": 0.2}), ("relu", {"l1_coeff": 0.08})):
    lines[name].append(point(fit(sae.new_sae(name, 512, 512, seed=0, **settings))))

# %% id="frontier-figure"
fig, ax = plots.panels(height=4.2)
plots.frontier(ax, counts, curves, points, lines)
ax.plot(1, one_of_512, "s", color=plots.ATOM)
ax.annotate("k-means", (1, one_of_512), xytext=(6, -3), textcoords="offset points", color=plots.ATOM, fontsize=8)
ax.set_title("From 16 active units on, neurons are hard to beat")
plots.show(fig, alt="Explained variance over the number of active units per token on a logarithmic axis. From 16 units on neurons lie above NMF, ICA and PCA; random directions are lowest. The TopK SAEs trained in this lesson lie above NMF, ICA and PCA and, from 16 units on, below the neurons; the L1 ones lie among the classical methods; the shipped TopK SAE with 4,096 latents above the neurons.")

# %% id="frontier-claims"
at_32 = {name: values[counts.index(32)] for name, values in curves.items()}
for name in ("PCA", "ICA", "NMF", "random directions"):
    above = points["shipped topk"][1] - at_32[name]
    claim(f"explained variance at 32 active units: shipped TopK minus {name}", above, at_least=0.1)
claim("shipped TopK minus neurons", points["shipped topk"][1] - at_32["neurons"], at_least=0.0)
there = np.interp(np.log(points["shipped relu"][0]), np.log(counts), curves["neurons"])
claim("shipped ReLU minus neurons at its l0", points["shipped relu"][1] - there, at_least=0.0)
claim("neurons minus PCA", at_32["neurons"] - at_32["PCA"], at_least=0.1)

# %% id="frontier-topk"
k_axis, k_explained = np.array(sorted(lines["topk"])).T
relu_l0, explained = lines["relu"][1]
topk_there = np.interp(relu_l0, k_axis, k_explained)
claim("TopK above ReLU-L1, both trained here, at the same l0", topk_there - explained, at_least=0.01)

# %% [markdown] id="frontier-after"
# Neurons after a ReLU are a sparse code already: a few of those that speak say most, and a rotation such as PCA loses that. SAEs of some seconds of training stay below them from 16 active units on. The shipped two lie above, but have eight times as many units to choose from. So **explained variance at equal l0 is a weak reason to prefer latents**. What they stand for is a better one (lessons 7 and 8); and where activations are no sparse code, as in the residual stream, there are no such neurons.

# %% [markdown] id="all-ten-intro"
# ### All ten, longer
#
# `benchmarks/frontier.py` trained all ten with 4,096 latents on a million tokens, each at several settings; TopK learns as BatchTopK does, so that these two differ by nothing else. **At 32 active latents, which family will cost the model least?**

# %% id="all-ten"
grid, about = files.load_arrays(folder / "frontier.safetensors")
families = {"told how many": ("topk", "batchtopk", "matryoshka"), "pay per latent": ("jumprelu", "relu-l0"),
            "L1 on latents": ("relu", "relu-tied", "relu-weighted"), "another price": ("gated", "relu-hoyer")}
arch = np.array([run["arch"] + "-slowed" * (run["config"]["bias_rate"] < 1) for run in about["runs"]])

def frontier_of(name, what):
    """(l0, what) of the SAEs of one architecture, by rising l0."""
    order = np.flatnonzero(arch == name)[np.argsort(grid["l0"][arch == name])]
    return grid["l0"][order], grid[what][order]

def cost_at(count, name):
    """ce_increase at so many active latents, read off the drawn line; nan beyond its ends."""
    l0, cost = np.log(frontier_of(name, "l0")[0]), np.log(frontier_of(name, "ce_increase")[1])
    return np.exp(np.interp(np.log(count), l0, cost, left=np.nan, right=np.nan))

# %% id="all-ten-figure"
fig, (left, right) = plots.panels(2, height=3.2)
for family, style in zip(families, ("-", "--", ":", "-.")):
    for name in families[family]:
        label = family if name == families[family][0] else None
        left.plot(*frontier_of(name, "ce_increase"), style, color=plots.LATENT, label=label)
at_two = {name: [cost_at(count, name) for count in (32, 60)] for names in families.values() for name in names
          if name != "relu-hoyer"}                     # whose two settings, 4 and 107, lie too far apart
cost_at_32 = {name: costs[0] for name, costs in at_two.items()}

# %% id="all-ten-show"
left.set(title="More latents cost less", xscale="log", yscale="log", xlabel="active latents per token",
         ylabel="ce_increase (nats)")
left.legend(fontsize=7)
for name, end, side in (("gated", 0, "right"), ("relu-l0", 0, "right"),
                        ("topk", 0, "right"), ("relu-hoyer", -1, "left")):
    at = [values[end] for values in frontier_of(name, "ce_increase")]
    left.annotate(f" {name} ", at, ha=side, va="center", fontsize=7)

# %% id="all-ten-bars"
ranked = sorted(cost_at_32, key=cost_at_32.get, reverse=True)
right.barh(ranked, [cost_at_32[name] for name in ranked], color=plots.LATENT)
right.set(title="At 32 latents TopK costs least", xlabel="ce_increase (nats) at 32 active latents")
plots.show(fig, alt="Left: ce_increase over active latents per token, both logarithmic, one falling line for each architecture; up to 60 latents TopK lies lowest, BatchTopK, JumpReLU and the smoothed count close above it, Hoyer's ratio highest; the lines of L1 are the steepest and end among the lowest, at 100 latents. Right: bars of ce_increase read at 32 active latents, from about 0.15 for L1 and Gated down to TopK's 0.09; Hoyer has none.")

# %% id="all-ten-read"
for name, (at_32, at_60) in sorted(at_two.items(), key=lambda pair: pair[1]):
    dead = frontier_of(name, "dead_fraction")[1]
    print(f"{name:14} at 32: {at_32:.3f}   at 60: {at_60:.3f}   "
          f"dead {100 * dead.min():4.1f} to {100 * dead.max():.0f} %")

# %% id="all-ten-claims"
claim("ce_increase at 32 latents, ReLU-L1 over TopK", cost_at_32["relu"] / cost_at_32["topk"], at_least=1.3)
by_l1, counted = ([cost_at_32[name] for name in families[group]] for group in ("L1 on latents", "pay per latent"))
claim("cheapest L1 over dearest that pays per latent", min(by_l1) / max(counted), at_least=1.1)
claim("weighted L1 over BatchTopK at 60", at_two["relu-weighted"][1] / at_two["batchtopk"][1], at_most=0.95)
claim("JumpReLU over TopK", cost_at_32["jumprelu"] / cost_at_32["topk"], at_most=1.5)
dead = frontier_of("topk", "dead_fraction")[1]
claim("dead share of TopK at k = 8 minus that at k = 64", dead[0] - dead[-1], at_least=0.35)

# %% [markdown] id="all-ten-beside-intro"
# And beside the classical methods? (On other text, and with 4,096 latents against at most 512 units.) **Which of the ten come to lie under the neurons?**

# %% id="all-ten-beside"
fig, ax = plots.panels(height=4.2)
ten = {name: list(zip(*frontier_of(name, "explained_variance"))) for names in families.values() for name in names}
nearest = {name: min(line, key=lambda point: abs(np.log(point[0] / 32))) for name, line in ten.items()}
plots.frontier(ax, counts, curves, nearest, ten)

# %% id="all-ten-beside-show"
ax.plot(1, one_of_512, "s", color=plots.ATOM)
ax.set_title("With few active units latents win, with many neurons do")
above = {name: ev - np.interp(np.log(l0), np.log(counts), curves["neurons"]) for name, (l0, ev) in nearest.items()}
ranks = sorted(above, key=above.get)
print("minus the neurons', nearest to 32:", "  ".join(f"{name} {above[name]:+.2f}" for name in ranks))
plots.show(fig, alt="Explained variance over active units per token: below 16 units all but Hoyer's ratio lie above the neurons and the other classical curves; at 32 the best are level with the neurons, at 64 below them. Hoyer's ratio lies far below the rest.")

# %% id="all-ten-beside-claims"
claim("the best of the ten minus the neurons, nearest to 32 active units", max(above.values()), at_most=0.03)
few, many = frontier_of("topk", "explained_variance")[1][[0, -1]] - np.array(curves["neurons"])[[1, -1]]
claim("TopK minus neurons, at 8", few, at_least=0.1)
claim("TopK minus neurons, at 64", many, at_most=0.01)

# %% [markdown] id="all-ten-after"
# With 32 active units none of the ten explains more than the neurons; with 8 those that get there do, by far, but for Hoyer's. Counted in nats, TopK and BatchTopK, told how many, lead; all L1s cost more than both prices per latent. That L1 shrinks whatever fires (lesson 4) is one candidate; but Gated, whose price leaves the size alone, costs no less, so it is not shown to be the cause. Nor is the race fair: JumpReLU, TopK and its kin had AuxK, the others resampling; the L1s and `relu-l0` learned at twice TopK's rate, Hoyer's ratio, whose latents die at higher rates, at a third.
#
# And 32 is a choice of ours: at 60 both L1s with untied encoders cost little more than TopK, and less than BatchTopK, JumpReLU and Matryoshka.
#
# **How much of this is the architecture?** With an earlier learning-rate schedule L1 cost 0.266 nats and Gated 0.171 (`benchmarks/README.md`): the schedule made two thirds of L1's gap to TopK, nearly one third of Gated's. What one compares is never an architecture alone but a recipe.
#
# Two limits. A million tokens is short. And at k = 8 nearly half of TopK's latents are dead, at k = 64 hardly any.

# %% [markdown] id="rate-intro"
# ### Then train harder?
#
# `benchmarks/learning_rate.py` trained more TopK SAEs (4,096 latents, k = 32): five peak rates on half a million tokens, seven on two million. All fall from a fifth of the steps on, as the shipped one's did. Adam moves a weight by about the rate at each step, so *peak rate × steps* measures the **distance** that a weight can travel. **The further, the more is explained. What else grows?**

# %% id="rate-load"
tried, how = files.load_arrays(folder / "learning-rate.safetensors")
distance = tried["lr"] * tried["tokens"] / how["batch"]
short = tried["tokens"] == 500_000
long, slowed = ((tried["tokens"] == 2_000_000) & (tried["slowed"] == which) for which in (0, 1))
shipped_distance = cards["topk"]["run"]["config"]["lr"] * cards["topk"]["steps"]
shipped_silent = cards["topk"]["silent_in_last_training_tokens"]["250000"]

# %% id="rate-figure"
fig, (left, right) = plots.panels(2, height=2.6)
left.plot(distance[short], 1 - tried["fvu"][short], "o-", color=plots.BASELINE, label="0.5 million tokens")
left.plot(distance[long], 1 - tried["fvu"][long], "o-", color=plots.LATENT, label="2 million tokens")
right.plot(distance[long], 100 * tried["neuron_rows"][long], "o-", color=plots.NEURON, label="nearly one neuron")
right.plot(distance[long], 100 * tried["silent"][long], "o-", color=plots.LATENT, label="long silent")
star = {"marker": "*", "linestyle": "", "color": plots.LATENT, "markeredgecolor": "white", "markersize": 13}
for ax, value, label in ((left, cards["topk"]["metrics"]["explained_variance"], "the shipped TopK"),
                         (right, 100 * shipped_silent, "the shipped TopK, silent")):
    ax.plot(shipped_distance, value, **star, label=label)

# %% id="rate-show"
for ax, title, ylabel in ((left, "Distance decides more than tokens", "explained variance"),
                          (right, "Far out, latents are lost", "latents (%)")):
    ax.set(title=title, xscale="log", xlim=(0.025, 10), xlabel="distance: learning rate × steps", ylabel=ylabel)
    ax.legend(fontsize=7)
plots.show(fig, alt="Left: explained variance over learning rate times steps; the curves of half a million and two million tokens nearly coincide and rise from 0.5 to 0.97, the shipped TopK lies above them. Right: latents that are silent and decoder rows that are nearly one neuron, none up to a distance of one half; beyond 2 the silent ones rise to a half of all, the neurons level off at an eighth.")

# %% id="rate-claims"
slow, fast = (int(np.flatnonzero(long)[end]) for end in (0, -1))
claim("explained variance after 2 million tokens, fastest minus slowest",
      tried["fvu"][slow] - tried["fvu"][fast], at_least=0.1)
claim("four times the tokens at a quarter of the rate: gain in explained variance, at most",
      (tried["fvu"][short][2:] - tried["fvu"][long][:3]).max(), at_most=0.05)
for row in np.flatnonzero(long)[-4:]:
    print(f"distance {distance[row]:.1f}: explained {1 - tried['fvu'][row]:.3f},",
          f"silent {tried['silent'][row]:.1%}, nearly one neuron {tried['neuron_rows'][row]:.1%}")

# %% [markdown] id="rate-after"
# Where most is explained, most is lost: half of the latents have died (silent for the last 250,000 tokens). An eighth of the rows are nearly single neurons (one weight above 0.9): about as many as there are neurons, and a code that was there before training. So for BatchTopK, Matryoshka and JumpReLU `saekit train` lowers the rate as steps grow, which keeps the distance the same. (TopK: below. The star: fifty million tokens, more AuxK, more text.)
#
# **Who dies?** Who fires rarely. Adam divides a gradient's running mean by the root of its running mean square plus ε = 1e-8. So a latent with a thousandth of the others' gradient moves as far as they do, on the word of a few tokens; presumably it soon loses the few it had won. Then slow the rare: raise ε to 1e-5 for the encoder, which only small gradients notice, and give its bias a twentieth of the rate. The same runs again, with that. **Will it save latents? At the price of explained variance?**

# %% id="slowed-figure"
fig, (left, right) = plots.panels(2, height=2.6)
for which, color, label in ((long, plots.BASELINE, "Adam as it comes"), (slowed, plots.LATENT, "the rare slowed")):
    which = which & (tried["lr"] >= 2e-3)
    left.plot(1 - tried["fvu"][which], 100 * tried["silent"][which], "o-", color=color, label=label)
for name, color, label in (("topk", plots.BASELINE, "TopK as above"),
                           ("topk-slowed", plots.LATENT, "slowed, faster, no AuxK")):
    right.plot(*frontier_of(name, "ce_increase"), "o-", color=color, label=label)

# %% id="slowed-show"
left.set(title="Slowed, the rare live longer", xlabel="explained variance", ylabel="silent latents (%)")
right.set(title="Another recipe, another TopK", xscale="log", yscale="log", xlabel="active latents per token",
          ylabel="ce_increase (nats)")
right.set_xticks((8, 16, 32, 64), (8, 16, 32, 64), minor=False)
right.minorticks_off()
for ax in (left, right):
    ax.legend(fontsize=7)
plots.show(fig, alt="Left: silent latents over explained variance for four peak rates; as Adam comes, the curve turns upwards beyond 0.93 and ends at half of all latents, slowed it stays near zero up to 0.96. Right: ce_increase over active latents on logarithmic axes, two falling lines; slowed and faster, TopK lies below TopK as trained in the race at every number, by more than half from 32 on.")

# %% id="slowed-claims"
for lr in (2e-3, 4e-3, 8e-3, 16e-3):
    row, other = (int(np.flatnonzero(which & (tried["lr"] == lr))[0]) for which in (long, slowed))
    print(f"rate {lr:.3f}: silent {tried['silent'][row]:5.1%}, slowed {tried['silent'][other]:4.1%};",
          f"explained {1 - tried['fvu'][row]:.3f}, slowed {1 - tried['fvu'][other]:.3f}")
claim("silent at the last rate: slowed over not", tried["silent"][other] / tried["silent"][row], at_most=0.2)

# %% id="slowed-cost"
costs = np.array([[cost_at(k, name) for k in (16, 32, 64)] for name in ("topk", "topk-slowed")])
print("ce_increase at 16, 32 and 64, first recipe over second:", (costs[0] / costs[1]).round(1))
for name in ("topk", "topk-slowed"):
    print(f"{name:12} dead on held-out text (%):", (100 * frontier_of(name, "dead_fraction")[1]).round(1))
claim("cost at 32 latents: first recipe over second", costs[0, 1] / costs[1, 1], at_least=1.5)
claim("the same at 16, over that of tied L1 to TopK",
      costs[0, 0] / costs[1, 0] / (cost_at(16, "relu-tied") / costs[0, 0]), at_most=0.9)

# %% [markdown] id="slowed-after"
# It saves them: at 0.008 half a per cent falls silent instead of 28 %, and as much is explained. At lower rates a little is lost. (The rows become neurons as before.)
#
# What slowing buys is room. TopK's default can now go to 8e-3 on a million tokens (in the race: 3e-3). It does so without AuxK, which after short silences, as in the race, would undo it: on two million tokens 32 % of the latents end dead with it, 7 % without (`benchmarks/README.md`). At 32 latents it then costs less than half of what TopK cost in our race, a larger step than from that TopK to the dearest L1; at 16 it is the reverse. **So a recipe can decide as much as an architecture**, and nobody has searched as long for the other nine. (It also explains more than the neurons, 0.94 against 0.88 at 32; but an eighth of such a TopK's rows *are* neurons.)
#
# It has its price: counted as in the race, on 100,000 held-out tokens, more latents are dead at k = 16 and above, at 64 more than a third; fewer only at 8.
#
# ## 6.11 What the error holds
#
# The part an SAE leaves over could be noise. Test it (on other text than in 6.9): replace the error by a random one of the *same length*. **Will our error cost more than a random one, as much, or less?** And silence the **dense** latents, active on more than one token in ten, beside random others that fire as often all together:

# %% id="error-test"
held = corpus.contexts(corpus.load_corpus("validation", lm.tokenizer, lm.boundary), lm.n_ctx, lm.boundary)
sample = torch.from_numpy(held[:budget(smoke=4, laptop=60)].astype(np.int64))
codes = {"dense": torch.tensor(density > 0.1)}
order = torch.randperm(4096, generator=torch.Generator().manual_seed(0))
order = order[~codes["dense"][order]]
fires = torch.tensor(density)
enough = int((fires[order].cumsum(0) <= fires[codes["dense"]].sum()).sum())    # fire as often all together
codes["random"] = torch.zeros(4096, dtype=bool).scatter(0, order[:enough], True)
for name, which in codes.items():
    print(f"{int(which.sum()):4} {name} latents make {float(fires[which].sum()):.1f} firings a token")

# %% id="error-replace"

def noisy(v):
    """v plus a random error, as long for each token as the SAE's."""
    error, noise = v - shipped["topk"](v), torch.randn(v.shape, generator=torch.Generator().manual_seed(0))
    return v + sae.unit_rows(noise) * error.norm(dim=1, keepdim=True)

def without(which):
    """The SAE's own x_hat with some latents silenced."""
    return lambda v: shipped["topk"].decode(shipped["topk"].encode(v) * ~codes[which])

# %% id="error-ce"
cost = {}
for name, replacement in {"x itself": lambda v: v, "x_hat": shipped["topk"], "x + random error": noisy,
                          "x_hat without its dense latents": without("dense"),
                          "x_hat without the random ones": without("random")}.items():
    loss, counted = intervene.spliced_loss(lm, sample, 0, replacement)
    cost[name] = float(loss[counted].mean())
    print(f"{name:34} {cost[name]:.3f} nats per token, {cost[name] - cost['x itself']:+.3f}")

# %% id="error-claims"
ours, random = cost["x_hat"] - cost["x itself"], cost["x + random error"] - cost["x itself"]
known = result["ce_unigram"] - result["ce_clean"]             # what the model knows beyond token frequencies (6.9)
print(f"share of that in the SAE's error {ours / known:.1%}, in a random error {random / known:.1%}")
claim("cost of the SAE's error over that of a random one", ours / random, at_least=0.3, at_most=0.95)
dense = cost["x_hat without its dense latents"] - cost["x_hat"]
others = cost["x_hat without the random ones"] - cost["x_hat"]
claim("cost of silencing the dense latents over that of others that fire as often", dense / others,
      at_least=0.5, at_most=2)

# %% [markdown] id="error-after"
# Gurnee (2024) found on GPT-2 that SAE errors cost far more than random ones as long: they had hit directions the model uses. Ours cost rather less, but are not free: two per cent of what the model knows beyond token frequencies sits in them. The few dense latents, which a sparse dictionary should not need, are no noise: without them the model loses a fifth of a nat more. But as many *firings* of over a thousand others cost as much: no sign of an "inherently dense" computation, as the article suspects.
#
# ## 6.12 What it costs
#
# Two matrices and two biases. "A 64× SAE on a 4096-dimensional activation space learns ∼262,000 feature directions", says the reference page. **How many exactly?**

# %% id="predict-latents"
predict("latents-at-64", 262144)

# %% id="calculator" tags=["nbval-check-output"]
def size(d_in, d_sae):
    """(latents, parameters, GB in float32, GB while training: weights, gradient and Adam's two moments)."""
    parameters = 2 * d_in * d_sae + d_in + d_sae
    return d_sae, parameters, 4 * parameters / 1e9, 16 * parameters / 1e9

line = "{:20} {:8,} latents {:14,} parameters {:7.3f} GB, {:7.3f} GB to train"
for name, d_in, d_sae in (("this lesson", 512, 512), ("the shipped ones", 512, 4096),
                          ("paper's largest", 512, 131_072), ("article: 3,072 × 16", 3072, 16 * 3072),
                          ("page: 64 × 4,096", 4096, 64 * 4096)):
    print(line.format(name, *size(d_in, d_sae)))

# %% [markdown] id="calculator-after"
# The article counts the decoder alone (150 M) and says "several GB just for parameters": both matrices are 1.2 GB; *training* takes 4.8. Last, the promise from the beginning:

# %% id="unchanged" tags=["nbval-check-output"]
print("the language model is unchanged:", transformer.weight_hash(lm.model) == before)

# %% [markdown] id="paper-intro"
# ## The papers say / we measured

# %% id="paper-table"
unseen = cards["topk"]["metrics"]["dead_fraction"]
paper = {
    "Gao et al. 2024: TopK above ReLU-L1 at equal l0":
        f"explained variance {topk_there:.2f} and {explained:.2f} at l0 {relu_l0:.0f}",
    "Gao et al. 2024: AuxK leaves few dead": f"{unseen:.1%} unseen (shipped), "
                                             f"{cures['AuxK'][0]:.0%} silent after our short run",
    "Bricken et al. 2023: loss² revives": f"{cures['loss²'][0]:.0%} silent instead of {cures['none'][0]:.0%}",
    "Bussmann et al. 2024: BatchTopK better than TopK":
        f"costs {cost_at_32['batchtopk']:.3f} nats, TopK {cost_at_32['topk']:.3f}, at l0 32",
    "Gurnee 2024: errors cost more than random ones": f"{ours:.3f} and {random:.3f} nats"}

# %% id="paper-rows"
for says, measured in paper.items():
    print(f"{says:50}{measured}")

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where you saw it |
# |---|---|
# | article: ½‖x − W f‖² without `b_dec`, λ from 1e-4 to 1e-2 | a number needs its reduction and input scale (6.3) |
# | article: maximise Hoyer's ratio | minimise it (6.4) |
# | article: dead loss Σ‖W_dec,i‖² | purely radial, projected away (6.4); resampling by loss² or AuxK (6.8) |
# | article: smooth count Σσ(α f + β) | counts the silent as well: take off σ(β) for each (6.4) |
# | article: diversity Σ\|cos\| | has a floor, which duplicates reach (6.4) |
# | article: resample along the worst residual | plants twins (6.8) |
# | article: three phases | slow while the price warms up, then fast, then ever more slowly, without sharp boundaries; turnover ends with the schedule (6.7) |
# | article: 3,072 × 16 takes several GB for parameters | 1.2 GB, 4.8 while training (6.12) |
# | reference page: R² = 1 − ‖x − x̂‖²/‖x‖² > 0.90 at L0 50–300 | uncentred: the mean alone scores (6.9). The shipped TopK passes 0.90, centred or not, at L0 32 |
# | reference page: Bricken et al. 2023 is "work on Claude" | a one-layer transformer, the size of this one |

# %% [markdown] id="q-trust-the-number" question="trust_the_number" minutes=5 points=4
# ### Question 6.1 · A number on a slide
#
# In words · 5 minutes · 4 points
#
# A colleague shows one number for a new SAE: explained variance 0.99. Name three further numbers you ask for before you believe that it is a good SAE, and say for each what could be wrong without it.
#
# ### BEGIN SOLUTION
# - One point each, at most three: l0 (a dense code explains everything) · the fraction of dead latents (a smaller dictionary in truth) · the rise of the model's cross-entropy with the reconstruction spliced in (the missing hundredth may be what the model uses) · the same numbers on held-out text (the training text is known by heart) · a baseline such as PCA or random directions at the same l0.
# - One point: a reason that names what the number would look like in the bad case.
# ### END SOLUTION

# %% [markdown] id="common-confusions"
# ## Common confusions
#
# - *"98 % of the loss recovered, so 2 % is missing."* Measured from which baseline? Ask for nats.
# - *"SAE features are the model's features."* One sparse decomposition that fits; another seed finds another (lesson 9).
#
# ## Summary
#
# An SAE is lesson 2's dictionary with the search replaced by one product. L1 prices size and shrinks; a count, a threshold or a gate leave sizes alone. Prices need their convention, decoders unit rows, dead latents a gradient. Explained variance has an honest zero; ce_increase counts what the model loses.
#
# **Limits.** One seed, one layer, one small model of Python code; the SAEs trained here are babies. Something the model uses is in the error.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · Cunningham et al., "Sparse Autoencoders Find Highly Interpretable Features in Language Models" (2023) · Conerly et al., "Update on how we train SAEs" (April 2024) · Rajamanoharan et al., "Improving dictionary learning with gated SAEs" and "Jumping ahead" (2024) · Gao et al., "Scaling and evaluating sparse autoencoders" (2024) · Bussmann et al., "BatchTopK" (2024) and "Learning multi-level features with Matryoshka SAEs" (2025) · Gurnee, "SAE reconstruction errors are (empirically) pathological" (2024) · Hoyer (2004) · Welch (1974).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 7 · Read the features](07_read_features.ipynb).
