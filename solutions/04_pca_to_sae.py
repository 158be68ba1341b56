# %% [markdown] id="title"
# # Lesson 4 · From PCA to the SAE
#
# **You will be able to**: show that a linear autoencoder finds the PCA subspace, and no more than that · say what L1, overcompleteness, ReLU and bias each break and mend · derive the SAE's encoder from
# lesson 1 and measure what its single step costs · train SAEs where the truth is known, and count what they find, shrink, kill and miss.
#
# **60 minutes.** You know the LASSO and ISTA (lesson 1), dictionary learning (lesson 2) and the toy model of superposition (lesson 3).

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import geometry, lasso, lista, metrics, pca, plots, sae, superposition, synthetic, train
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("04_pca_to_sae")

# %% [markdown] id="linear-intro"
# ## 4.1 The linear autoencoder is PCA
#
# The lecture writes the simplest autoencoder in matrices: minimise ‖Xᵀ − U W Xᵀ‖² + λ‖W Xᵀ‖₁, and says: with M < d latents and λ = 0 it "reduces to PCA". In our notation, samples in rows:
#
# `z = (x − mean) W_enc`  →  `x_hat = mean + z W_dec`,  the loss the mean of ‖x − x_hat‖²
#
# Nothing here mentions variance or right angles. We only ask for small errors and go downhill. **Will it find the principal components, one in each row of `W_dec`?** A thousand samples in ten dimensions, their mean away from zero:

# %% id="linear-data"
rng = np.random.default_rng(0)
spread = np.linspace(3, 0.5, 10)                                              # standard deviations along ten hidden axes
x_gauss = rng.normal(size=(1000, 10)) * spread @ synthetic.dct_dictionary(10) + 4
best = pca.pca(x_gauss, 10)
variance = best.variance * 999 / 1000                                         # divisor n, like the loss
auto = pca.LinearAutoencoder(d_in=10, n_latents=3, seed=0).fit(x_gauss)

# %% [markdown] id="ex-angle-task"
# Two sets of three directions are to be compared, but as *spaces*. **Principal angles** do that: take an orthonormal basis of each space; the singular values of the table of dot products between the two bases are the cosines of the angles.
# All angles are 0 if the spaces agree, so the largest one is the verdict.
#
# ### Exercise 4.1 · The angle between two spaces
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return the largest principal angle, in radians, between the space spanned by the rows of `A` and that spanned by the rows of `B`. Rows have any length and are not at right angles. Rounding can push a cosine above 1: clip it.
#
# <details><summary>Hint 1 of 3</summary><code>np.linalg.qr(A.T)[0]</code> has orthonormal <em>columns</em> that span what the rows of A span.</details>
# <details><summary>Hint 2 of 3</summary><code>np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)</code> holds the cosines. Which cosine belongs to the largest angle?</details>
# <details><summary>Hint 3 of 3</summary><code>np.arccos</code> of the smallest cosine, after <code>np.clip(..., -1, 1)</code>.</details>

# %% id="ex-angle" exercise="largest_angle" difficulty=3 minutes=8 points=3
@exercise
def largest_angle(A, B):
    """Largest principal angle in radians between the spans of the rows of A (m, d) and of B (m, d), as one number.

    >>> print(largest_angle(np.array([[2.0, 0.0]]), np.array([[0.0, 3.0]])).round(3))
    1.571
    """
    ### BEGIN SOLUTION
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.arccos(np.clip(cosines.min(), -1, 1))
    ### END SOLUTION

# %% [markdown] id="tail-intro"
# A second witness is the loss. The best that any three directions can do is to lose the other seven variances: the **eigenvalue tail**.

# %% id="linear-claims" tags=["nbval-check-output"]
error = metrics.mse(x_gauss, auto.decode(auto.encode(x_gauss)))
claim("largest angle to the PCA subspace", largest_angle(auto.W_dec, best.components[:3]), at_most=1e-3, unit="rad")
claim("loss above the eigenvalue tail, relative", abs(error / variance[3:].sum() - 1), at_most=1e-6)
print("rows of W_dec at right angles:", np.allclose(auto.W_dec @ auto.W_dec.T, np.diag(np.diag(auto.W_dec @ auto.W_dec.T)), atol=0.01))
print("encoder is the decoder's transpose:", np.allclose(auto.W_enc, auto.W_dec.T, atol=0.01))

# %% [markdown] id="rotation"
# The space is the right one, the axes are not. Put any invertible matrix G between the halves, `W_enc G` and `G⁻¹ W_dec`: the product, and so the loss, stays what it was. **A linear autoencoder knows a subspace and has no opinion about directions in
# it**, and directions are what we are after. Two more questions about the landscape: can one get stuck, and does the mean matter?

# %% id="starts" tags=["nbval-check-output"]
errors = []
for seed in range(budget(smoke=3, laptop=20)):
    one = pca.LinearAutoencoder(10, 3, seed).fit(x_gauss)
    errors.append(metrics.mse(x_gauss, one.decode(one.encode(x_gauss))))
claim("worst loss from random starts above the tail, relative", max(errors) / variance[3:].sum() - 1, at_most=1e-6)
raw = pca.LinearAutoencoder(10, 3).fit(x_gauss, centre=False)                 # the lecture's formula as it stands
print(f"without centring: {largest_angle(raw.W_dec, best.components[:3]):.2f} rad from PCA, "
      f"{largest_angle(raw.W_dec, np.linalg.svd(x_gauss)[2][:3]):.2f} rad from the singular directions of the raw data")

# %% [markdown] id="saddle-intro"
# No start gets stuck. Baldi and Hornik (1989) proved why: every other point with zero gradient, such as one that uses component 4 in place of 3, is a **saddle**, and noise rolls off it. And the lecture's "reduces to PCA" needs *centred* data; otherwise one latent is spent on the mean.
#
# What changes with **weight decay**, a price on ‖W_enc‖² + ‖W_dec‖²? Spread a gain s along one principal direction over both halves, √s each, and the price is 2 · decay · s. With variance v along it, the loss there is v(1 − s)² + 2 · decay · s.
# **Which s is best for v = 4 and decay = 1?** Set the derivative to zero.

# %% id="predict-gain"
predict("decayed-gain", 0.75)

# %% id="decay" tags=["nbval-check-output"]
tied = pca.LinearAutoencoder(10, 3, seed=1).fit(x_gauss, weight_decay=1.0)
gains = np.linalg.svd(tied.W_enc @ tied.W_dec)[1][:3]
print("gains found ", gains.round(4), "\n1 − decay / v", (1 - 1.0 / variance[:3]).round(4))
print("encoder is the decoder's transpose:", np.allclose(tied.W_enc, tied.W_dec.T, atol=1e-4))
axes_found = np.linalg.svd(tied.W_dec)[2][:3]
print("its singular directions are the components:", np.allclose(abs(axes_found @ best.components[:3].T), np.eye(3), atol=1e-3))

# %% [markdown] id="decay-after"
# Decay does three things (Kunin et al. 2019). It **ties** the weights. It **shrinks**: 1 − decay/v, and a direction of variance below the decay is dropped, lesson 1's soft threshold again, for whole directions. And since different gains tell the directions apart, the components can be read from the SVD of `W_dec`;
# its rows may still be mixtures.
#
# Here is the whole landscape in the smallest case: one latent with tied weights w in the plane, variances 2 and 0.6. **Where are minimum, saddle and maximum, and where do they go as the decay grows?**

# %% id="landscape-draw"
def draw_landscape(ax, weight_decay):
    """Loss of one tied latent w against both its coordinates, and w's that gradient descent ends at."""
    plots.tied_landscape(ax, np.array([2.0, 0.6]), weight_decay)
    gain = max(0.0, 1 - weight_decay / 2.0)
    ax.set_title(f"decay {weight_decay:g}: length² {gain:.2f}")

# %% id="landscape"
explore(draw_landscape, stills=[{"weight_decay": 0.0}, {"weight_decay": 1.0}, {"weight_decay": 2.2}], weight_decay=(0.0, 3.0, 0.1),
        alt="Contours of the loss over the two weights. Without decay: two minima on the horizontal axis at plus and minus 1, two saddles on the vertical axis, a hill at the origin. With decay 1 the minima move inwards and the saddles are gone; with 2.2 only the origin is left.")

# %% [markdown] id="ladder-intro"
# ## 4.2 One change at a time
#
# PCA is solved and harmless. An SAE differs by four changes, and **each breaks something and mends something**. To see which, use lesson 3's pentagon: five features in the plane, one at a time active, its value between 0.5 and 2, all of it shifted away from the origin:

# %% id="pentagon"
turns = 2 * np.pi * np.arange(5) / 5
pentagon = np.column_stack([np.cos(turns), np.sin(turns)])                    # (5 features, 2 dimensions)
x_star = synthetic.sparse_codes(2000, 5, k=1, seed=1, positive=True) @ pentagon + [2.0, 1.0]
x_star = torch.tensor(x_star + 0.02 * rng.normal(size=x_star.shape), dtype=torch.float32)

# %% [markdown] id="rung-intro"
# One class can be each rung of the ladder. `saekit.sae.SAE` holds `W_enc`, `b_enc`, `W_dec`, `b_dec`; we switch parts off. The last lines of `climb` are optional: they keep every row of `W_dec` at length 1.

# %% id="rung"
class Rung(sae.SAE):
    """An autoencoder with or without ReLU, its encoder free or tied to W_dec's transpose."""

    relu = tied = False

    def pre_acts(self, x):
        return (x - self.b_dec) @ (self.W_dec.T if self.tied else self.W_enc) + self.b_enc

    def activate(self, pre_acts):
        return torch.relu(pre_acts) if self.relu else pre_acts

# %% id="climb"
def climb(rung, l1_coeff, trained, unit, steps=budget(smoke=100, laptop=800)):
    """Adam on the named parameters: mean ||x - x_hat||^2 + l1_coeff * mean sum |latents|, with unit rows or without."""
    optimizer = torch.optim.Adam([getattr(rung, name) for name in trained], lr=0.02)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        latents = rung.encode(x_star)
        loss = (x_star - rung.decode(latents)).square().sum(1).mean() + l1_coeff * latents.abs().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if unit:
            train.renormalise_decoder(rung)

# %% [markdown] id="ladder-go"
# Seven rungs, each trained on the same 2,000 samples. Columns: explained variance; l0, how many latents differ from zero (by more than 0.01) per sample; the mean price Σ|latents|; and how well the rows of `W_dec` match the five features (mean max cosine, signed). **On which rung do the five come back?**

# %% id="ladder"
every = ("W_enc", "W_dec", "b_enc", "b_dec")
linear = ("W_enc", "W_dec", "b_dec")
rungs = {  # name: (latents, ReLU, tied, l1_coeff, trained parameters, unit rows)
    "linear, M < d (PCA)": (1, False, False, 0.0, linear, False),
    "+ L1, rows of any length": (2, False, False, 0.3, linear, False),
    "+ rows of length 1": (2, False, False, 0.3, linear, True),
    "+ overcomplete, M = 5": (5, False, False, 0.3, linear, True),
    "+ ReLU": (5, True, False, 0.3, linear, True),
    "+ bias: an SAE": (5, True, False, 0.3, every, True),
    "SAE, tied weights": (5, True, True, 0.3, ("W_dec", "b_enc", "b_dec"), True),
    "SAE without b_dec": (5, True, False, 0.3, ("W_enc", "W_dec", "b_enc"), True),
}

# %% id="ladder-run"
print(f"{'':26}{'EV':>7}{'l0':>7}{'price':>7}{'cosine':>8}")
ladder = {}
for name, (n_latents, relu, tied_weights, l1_coeff, trained, unit) in rungs.items():
    rung = Rung(2, n_latents, seed=3)
    rung.relu, rung.tied = relu, tied_weights
    climb(rung, l1_coeff, trained, unit)
    with torch.no_grad():
        z = rung.encode(x_star)
        ladder[name] = (float(metrics.explained_variance(x_star, rung.decode(z))), float((z.abs() > 0.01).float().sum(1).mean()),
                        float(z.abs().sum(1).mean()), geometry.mean_max_cosine(pentagon, rung.W_dec.numpy(), signed=True))
    print("{:26}{:7.3f}{:7.2f}{:7.2f}{:8.3f}".format(name, *ladder[name]))

# %% id="ladder-claims"
claim("mean price with rows of any length", ladder["+ L1, rows of any length"][2], at_most=0.05)
claim("l0 of five latents without ReLU", ladder["+ overcomplete, M = 5"][1], at_least=3.5)
claim("mean max cosine of the SAE", ladder["+ bias: an SAE"][3], at_least=0.97)
claim("l0 of the SAE", ladder["+ bias: an SAE"][1], at_most=2)

# %% [markdown] id="ladder-after"
# Climb it once more, slowly:
#
# - **L1 with rows of any length** is no constraint at all: EV as if it were free, price next to nothing. The encoder shrinks, the decoder grows, and no latent is zero more often. That is why **rows have length 1**; lesson 2 had the same rule, and the article's "to prevent trivial solutions" means this.
# - **With unit rows** the price is real. What is gained: turning the axes no longer costs the same, so L1 *chooses* directions, which PCA could not. What is lost: the closed form, and the promise of no bad minima.
# - **Overcomplete** makes room for five directions. But a linear encoder maps the plane to a plane: where five numbers hang on two, they are almost never zero. Room alone does not give sparsity.
# - **ReLU** makes zeros, and codes non-negative: a feature is there or it is not. But without a bias every latent answers on half of the plane, its neighbours' half included.
# - **The bias** is the threshold below which a latent stays silent. Now the five features come back.
# - **Tying** encoder and decoder loses little here, where features do not overlap much; section 4.3 says what the freedom is for. **Without `b_dec`** the mean itself must be coded, by latents that are on for everything: the article's loss without it costs exactly that.
#
# ## 4.3 The encoder is one step of lesson 1
#
# Where does `ReLU(x W_enc + b_enc)` come from? Not from neurons. Lesson 1 solved the LASSO by ISTA: a gradient step of length 1/L, then a soft threshold of λ/L, and with codes that must not be negative the soft threshold is `max(… − λ/L, 0)`. **Write the first step from z = 0. What are its weights and its bias?**

# %% [markdown] id="ex-encoder-task"
# ### Exercise 4.2 · An encoder without training
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return `(W_enc, b_enc)` such that `np.maximum(x @ W_enc + b_enc, 0)` is one step of non-negative ISTA from z = 0. L is the largest eigenvalue of DᵀD, the square of D's largest singular value.
#
# <details><summary>Hint 1 of 3</summary>At z = 0 the residual is x itself, and the step is <code>x @ D.T / L</code>.</details>
# <details><summary>Hint 2 of 3</summary><code>L = np.linalg.norm(D, 2) ** 2</code>. The threshold after a step of length 1/L is lam / L.</details>
# <details><summary>Hint 3 of 3</summary>The bias is one number for all atoms, but it should be an array: <code>np.full(len(D), ...)</code>. Which sign holds back?</details>

# %% id="ex-encoder" exercise="one_step_encoder" difficulty=2 minutes=6 points=3
@exercise
def one_step_encoder(D, lam):
    """(W_enc (d_in, n_atoms), b_enc (n_atoms,)) of the first step of non-negative ISTA for D (n_atoms, d_in) and lam.

    >>> W_enc, b_enc = one_step_encoder(np.eye(2), 0.5)
    >>> print(W_enc, b_enc)
    [[1. 0.]
     [0. 1.]] [-0.5 -0.5]
    """
    ### BEGIN SOLUTION
    L = np.linalg.norm(D, 2) ** 2
    return D.T / L, np.full(len(D), -lam / L)
    ### END SOLUTION

# %% [markdown] id="ex-unrolled-task"
# So an SAE's encoder is lesson 1's solver, stopped after one step, with weights that may be better than D's transpose. The next steps are layers too. z + (x − zD)Dᵀ/L is `x W_enc + z S` with S = I − D Dᵀ/L:
# what other latents have claimed is taken off.
#
# ### Exercise 4.3 · Several steps
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return the codes after `n_layers` steps of non-negative ISTA from zero. Use `one_step_encoder`: the first layer is the encoder, each further one adds `z @ S`.
#
# <details><summary>Hint 1 of 3</summary>Get W and b from your last exercise. <code>D @ W</code> is D Dᵀ/L already.</details>
# <details><summary>Hint 2 of 3</summary><code>z = np.maximum(x @ W + b, 0)</code> is the first layer. How many are left?</details>
# <details><summary>Hint 3 of 3</summary>In the loop: <code>z = np.maximum(x @ W + z @ S + b, 0)</code>, with <code>S = np.eye(len(D)) - D @ W</code>.</details>

# %% id="ex-unrolled" exercise="unrolled_ista" difficulty=3 minutes=8 points=3
@exercise
def unrolled_ista(x, D, lam, n_layers):
    """Codes (n, n_atoms) of x (n, d_in) after n_layers >= 1 steps of non-negative ISTA from zero."""
    ### BEGIN SOLUTION
    W, b = one_step_encoder(D, lam)
    S = np.eye(len(D)) - D @ W
    z = np.maximum(x @ W + b, 0)
    for _ in range(n_layers - 1):
        z = np.maximum(x @ W + z @ S + b, 0)
    return z
    ### END SOLUTION

# %% [markdown] id="codes-data-intro"
# A planted problem: 64 random atoms in 20 dimensions, three of them in each sample, non-negative. Lesson 1's FISTA gives the exact codes of 500 test samples, with a certificate:

# %% id="codes-data" tags=["nbval-check-output"]
D, lam = synthetic.random_dictionary(64, 20, seed=0), 0.1
x_code = synthetic.sparse_codes(4500, 64, k=3, seed=1, positive=True) @ D
x_test = x_code[4000:]
exact = lasso.fista(x_test, D, lam, positive=True)
claim("largest KKT violation of the exact codes", lasso.kkt_violation(x_test, D, exact.z, lam, positive=True).max(), at_most=1e-2)
print("one layer is one step:", np.allclose(unrolled_ista(x_test, D, lam, 1), lasso.ista(x_test, D, lam, positive=True, max_iter=1).z))

# %% [markdown] id="ex-gap-task"
# An encoder that is used for every sample, in place of a search for each, is called *amortised*. What it costs is the **amortisation gap**: how far its codes' objective lies above the minimum.
#
# ### Exercise 4.4 · The amortisation gap
#
# Difficulty 2 of 5 · 5 minutes · 3 points
#
# Return the mean over samples of ½‖x − zD‖² + λ Σz for the guessed codes, minus the same for the exact ones.
#
# <details><summary>Hint 1 of 3</summary>Write a function of a code that gives one number per sample, and use it twice.</details>
# <details><summary>Hint 2 of 3</summary><code>0.5 * ((x - z @ D) ** 2).sum(axis=1) + lam * z.sum(axis=1)</code></details>
# <details><summary>Hint 3 of 3</summary>Guess minus exact, then <code>.mean()</code>. It cannot come out below 0.</details>

# %% id="ex-gap" exercise="amortisation_gap" difficulty=2 minutes=5 points=3
@exercise
def amortisation_gap(x, D, z, z_exact, lam):
    """Mean over samples of 1/2 ||x - z D||^2 + lam sum z, less that of z_exact: one number. x (n, d_in), codes (n, n_atoms) >= 0."""
    ### BEGIN SOLUTION
    def objective(code):
        return 0.5 * ((x - code @ D) ** 2).sum(axis=1) + lam * code.sum(axis=1)
    return (objective(z) - objective(z_exact)).mean()
    ### END SOLUTION

# %% [markdown] id="lista-intro"
# Now train. `lista.LISTA` is your unrolled ISTA with every W, S and b free; it starts as ISTA, D stays fixed, and the loss is the objective itself. With one layer it is an SAE's encoder. **Of the gap that the trained one-layer encoder leaves, which share will ten trained layers close?** `"a"`: a tenth. `"b"`: about a half. `"c"`: more than four fifths.

# %% id="predict-lista"
predict("ten-layers", "c")

# %% id="lista-train"
depths, learned = (1, 3, 10), {}
for depth in depths:
    network = lista.LISTA(D, lam, depth)
    lista.train_lista(network, x_code[:4000], steps=budget(smoke=30, laptop=500), lr=5e-3)
    learned[depth] = amortisation_gap(x_test, D, lista.encode(network, x_test), exact.z, lam)

# %% id="lista-figure"
steps = np.unique(np.geomspace(1, 300, 24).astype(int))
plain = np.array([amortisation_gap(x_test, D, unrolled_ista(x_test, D, lam, n), exact.z, lam) for n in steps])
fig, ax = plots.panels(height=2.8)
ax.loglog(steps, plain, color=plots.ATOM, label="ISTA: D's own weights")
ax.loglog(depths, list(learned.values()), "o-", color=plots.LATENT, label="LISTA: learned weights")
ax.set(title="Learned layers are worth many steps", xlabel="layers, or steps of ISTA", ylabel="amortisation gap (objective)")
ax.legend()
plots.show(fig, alt="Amortisation gap over the number of layers on logarithmic axes. ISTA falls slowly over hundreds of steps; LISTA with 1, 3 and 10 layers lies far below it.")

# %% id="lista-claims"
worth = {depth: int(steps[np.argmax(plain < learned[depth])]) for depth in depths}
for depth in depths:
    print(f"{depth:2} layers: gap {learned[depth]:.4f}, closes {100 * (1 - learned[depth] / learned[1]):.0f} % of the one-layer gap; ISTA needs about {worth[depth]} steps for that")
claim("share of the one-layer gap that 3 layers close", 1 - learned[3] / learned[1], at_least=0.6)
claim("share of the one-layer gap that 10 layers close", 1 - learned[10] / learned[1], at_least=0.8)

# %% [markdown] id="lista-after"
# Two lessons. Training the *single* step already replaces several untrained ones: the freedom of an untied `W_enc` is put to use. And a second look at the residual, which one product cannot take, closes most of what is left. SAEs nevertheless use one layer. It is cheap, and a deep encoder could learn to
# compute things that the model itself does not. Keep the gap in mind when an SAE's latent is silent: perhaps the feature was absent; perhaps one step could not tell.
#
# ## 4.4 The true features come back
#
# Now both at once, encoder and dictionary, on data whose truth we know: lesson 3's toy model with 64 features in 20 dimensions, each active on 5 % of samples. We train it, freeze it, and hand its 20 hidden numbers to an SAE, which never sees the features.

# %% id="toy"
toy = superposition.ToyModel(64, 20, seed=0)
superposition.train_toy(toy, feature_probability=0.05, steps=budget(smoke=60, laptop=1000), batch=512)
W = toy.W.detach()[0]                                                         # (64 features, 20 dimensions)
features = superposition.sample_features((60_000, 64), 0.05, seed=7)
x = features @ W                                                              # what an SAE gets to see
represented = (W.norm(dim=1) > 0.5).numpy()
D_true = W.numpy()[represented]
print(f"{represented.sum()} of 64 features represented (length > 0.5), {float((features > 0).sum(1).float().mean()):.1f} active per sample")

# %% [markdown] id="objective"
# The objective is the reference page's, with **pre-centering**: `b_dec` is taken off before the encoder looks and added back after the decoder.
#
# `latents = ReLU((x − b_dec) W_enc + b_enc)`, `x_hat = latents W_dec + b_dec`; mean of ‖x − x_hat‖² + l1_coeff · Σ latents; rows of `W_dec` of length 1
#
# For TopK the price is replaced by a count: the k largest latents stay. Inputs are scaled to unit variance while we train (`saekit.train`). TopK first, with k at the true number of active features:

# %% id="fit"
def fit(x, arch, d_sae, seed=0, resample_at=(), **settings):
    """A trained SAE on the rows of x."""
    one = sae.new_sae(arch, x.shape[1], d_sae, seed=seed, **settings)
    tokens = 512 * budget(smoke=40, laptop=800)
    config = train.TrainConfig(tokens=tokens, lr=5e-3, dead_after_tokens=10_000, resample_at=resample_at)
    train.train_sae(one, train.ArrayStream(x, batch=512, seed=seed), config)
    return one

def cosines(D_true, one):
    """For every true direction the largest cosine to a row of W_dec."""
    return (geometry.unit_norm(D_true) @ one.W_dec.detach().numpy().T).max(axis=1)

def latents_of(one, x):
    with torch.inference_mode():
        return one.encode(x)
