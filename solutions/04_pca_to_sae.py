# %% [markdown] id="title"
# # Lesson 4 · From PCA to the SAE
#
# **You will be able to**: show that a linear autoencoder finds the PCA subspace, and no more · say what L1, overcompleteness, ReLU and bias each break and mend · derive the SAE's encoder from
# lesson 1 and measure what its single step costs · train SAEs where the truth is known, and count what they find, shrink, kill and miss.
#
# **60 minutes.** (With every exercise, 90.) You know the LASSO and ISTA (lesson 1), dictionary learning (lesson 2) and the toy model of superposition (lesson 3).

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, geometry, lasso, lista, metrics, pca, plots, sae, superposition, synthetic, train
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("04_pca_to_sae")

# %% [markdown] id="linear-intro"
# ## 4.1 The linear autoencoder is PCA
#
# The lecture writes the simplest autoencoder in matrices, encoder W and decoder U: minimise ‖Xᵀ − U W Xᵀ‖² + λ‖W Xᵀ‖₁, and says: with M < d latents and λ = 0 it "reduces to PCA". In our notation, samples in rows:
#
# `z = (x − mean) W_enc`  →  `x_hat = mean + z W_dec`,  the loss the mean of ‖x − x_hat‖²
#
# **Will it find the principal components (PCA's atoms, the directions of most variance one after another), one in each row of `W_dec`?** A thousand samples in ten dimensions, off centre:

# %% id="linear-data"
rng = np.random.default_rng(0)
spread = np.linspace(3, 0.5, 10)                                       # standard deviations along ten hidden axes
waves = synthetic.dct_dictionary(10)                                   # ten orthonormal axes
x_gauss = rng.normal(size=(1000, 10)) * spread @ waves + 6 * waves[9]  # the mean lies along the weakest axis
best = pca.pca(x_gauss, 10)
variance = best.variance * 999 / 1000                                  # divisor n, like the loss
auto = pca.LinearAutoencoder(d_in=10, n_latents=3, seed=0).fit(x_gauss)

# %% [markdown] id="ex-angle-task"
# To compare two sets of three directions as *spaces*, use **principal angles**: take an orthonormal basis of each space; the singular values of their dot products are the cosines of the angles. All are 0 if the spaces agree, so the largest is the verdict.
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

    >>> print(np.round(largest_angle(np.array([[2.0, 0.0]]), np.array([[0.0, 3.0]])), 3))
    1.571
    """
    ### BEGIN SOLUTION
    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]
    cosines = np.linalg.svd(Q_A.T @ Q_B, compute_uv=False)
    return np.arccos(np.clip(cosines.min(), -1, 1))
    ### END SOLUTION

# %% [markdown] id="tail-intro"
# A second witness is the loss. Any three directions lose at least the seven smaller variances (eigenvalues of the covariance): the **eigenvalue tail**.

# %% id="linear-claims" tags=["nbval-check-output"]
error = metrics.mse(x_gauss, auto.decode(auto.encode(x_gauss)))
claim("largest angle to the PCA subspace",
      largest_angle(auto.W_dec, best.components[:3]), at_most=1e-3, unit="rad")
claim("loss above the eigenvalue tail, relative", abs(error / variance[3:].sum() - 1), at_most=1e-6)
gram = auto.W_dec @ auto.W_dec.T
print("rows of W_dec at right angles:", np.allclose(gram, np.diag(np.diag(gram)), atol=0.01))
print("encoder is the decoder's transpose:", np.allclose(auto.W_enc, auto.W_dec.T, atol=0.01))

# %% [markdown] id="rotation"
# The space is right, the axes are not. Put any invertible matrix G between the halves, `W_enc G` and `G⁻¹ W_dec`: the product, and so the loss, stays. **A linear autoencoder knows a subspace and has no opinion about directions in
# it**, and we are after directions. Can one get stuck, and does the mean matter?

# %% id="starts" tags=["nbval-check-output"]
errors = []
for seed in range(budget(smoke=3, laptop=20)):
    one = pca.LinearAutoencoder(10, 3, seed).fit(x_gauss)
    errors.append(metrics.mse(x_gauss, one.decode(one.encode(x_gauss))))
claim("worst loss from random starts above the tail, relative", max(errors) / variance[3:].sum() - 1, at_most=1e-6)
raw = pca.LinearAutoencoder(10, 3).fit(x_gauss, centre=False)                 # the lecture's formula as it stands
print(f"without centring: {largest_angle(raw.W_dec, best.components[:3]):.2f} rad from PCA, "
      f"{largest_angle(raw.W_dec, np.linalg.svd(x_gauss)[2][:3]):.2f} rad "
      "from the singular directions of the raw data")

# %% [markdown] id="saddle-intro"
# No start gets stuck. Baldi and Hornik (1989) proved why: every other point with zero gradient, such as one with component 4 in place of 3, is a **saddle**, left at the least push. And "reduces to PCA" needs *centred* data; else one latent is spent on the mean.
#
# What changes with **weight decay**, a price on ‖W_enc‖² + ‖W_dec‖²? Let the two halves together multiply one principal direction by a **gain** s, each by √s. Their price is 2 · decay · s; with variance v the loss in that direction is v(1 − s)² + 2 · decay · s.
# **Which s is best for v = 4 and decay = 1?** Set the derivative to zero.

# %% id="predict-gain"
predict("decayed-gain", 0.75)

# %% id="decay" tags=["nbval-check-output"]
tied = pca.LinearAutoencoder(10, 3, seed=1).fit(x_gauss, weight_decay=1.0)
gains = np.linalg.svd(tied.W_enc @ tied.W_dec)[1][:3]
print("gains found ", gains.round(4), "\n1 − decay / v", (1 - 1.0 / variance[:3]).round(4))
print("encoder is the decoder's transpose:", np.allclose(tied.W_enc, tied.W_dec.T, atol=1e-4))
axes_found = np.linalg.svd(tied.W_dec)[2][:3]
print("its singular directions are the components:",
      np.allclose(abs(axes_found @ best.components[:3].T), np.eye(3), atol=1e-3))

# %% [markdown] id="decay-after"
# Decay does three things (Kunin et al. 2019; with tied weights, as in the figure below, the origin is a hill until decay fills it). It **ties** the weights. It **shrinks** gains to 1 − decay/v and drops directions whose variance is below the decay: lesson 1's soft threshold, for whole directions. And since gains differ, the components can be read from the SVD of `W_dec`; its rows may still be mixtures.
#
# The whole landscape in the smallest case: one latent with tied weights w in the plane, variances 2 and 0.6. Dots are minima, crosses saddles. **Where do they go as the decay grows?**

# %% id="landscape-draw"
def draw_landscape(ax, weight_decay):
    """Loss of one tied latent w over its two coordinates; dots: the minima, crosses: the saddles."""
    plots.tied_landscape(ax, np.array([2.0, 0.6]), weight_decay)
    gain = max(0.0, 1 - weight_decay / 2.0)
    ax.set_title(f"decay {weight_decay:g}: ‖w‖² {gain:.2f}")

# %% id="landscape"
explore(draw_landscape, stills=[{"weight_decay": 0.0}, {"weight_decay": 1.0}, {"weight_decay": 2.2}],
        weight_decay=(0.0, 3.0, 0.1),
        alt="Contours of the loss over the two weights. Without decay: two minima on the horizontal axis at plus and minus 1, two saddles on the vertical axis, a hill at the origin. With decay 1 the minima have moved inwards and the origin is a saddle; with 2.2 it is the only minimum.")

# %% [markdown] id="ladder-intro"
# Inwards. The saddles reach the hill in the middle when the decay is the smaller variance, and leave one saddle there; the minima reach it at the larger variance, and nothing is learned any more.
#
# ## 4.2 One change at a time
#
# An SAE differs from PCA by a few changes, and **each breaks something and mends something**. See which on lesson 3's pentagon: five features in the plane, one active at a time with a value between 0.5 and 2, all shifted away from the origin:

# %% id="pentagon"
turns = 2 * np.pi * np.arange(5) / 5
pentagon = np.column_stack([np.cos(turns), np.sin(turns)])                    # (5 features, 2 dimensions)
x_star = synthetic.sparse_codes(2000, 5, k=1, seed=1, positive=True) @ pentagon + [2.0, 1.0]
x_star = torch.tensor(x_star + 0.02 * rng.normal(size=x_star.shape), dtype=torch.float32)

# %% [markdown] id="rung-intro"
# One class serves every rung: `saekit.sae.SAE` holds `W_enc`, `b_enc`, `W_dec`, `b_dec`; we switch parts off. In `climb` PyTorch finds the gradients (`backward`) and Adam takes the steps; its last lines can keep every row of `W_dec` at length 1.

# %% id="rung"
class Rung(sae.SAE):
    """An autoencoder with or without ReLU, its encoder free or tied to W_dec's transpose."""

    relu = tied = False

    def pre_acts(self, x):
        return (x - self.b_dec) @ (self.W_dec.T if self.tied else self.W_enc) + self.b_enc

    def activate(self, pre_acts):
        return torch.relu(pre_acts) if self.relu else pre_acts

# %% id="climb"
def climb(rung, l1_coeff, trained, unit, steps=budget(smoke=60, laptop=600)):
    """Adam on the named parameters: mean ||x - x_hat||^2 + l1_coeff * mean sum |latents|,
    with unit rows or without.
    """
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
# Eight runs on the same 2,000 samples, one change from rung to rung (but the second also gets a second latent: with M = d nothing need be lost; the last two each change one thing of the SAE). Columns: explained variance EV = 1 − Σ‖x − x_hat‖² / Σ‖x − mean‖², lesson 2's score measured from the mean; l0, the latents per sample beyond ±0.01; the mean price Σ|latents|; lesson 2's mean max cosine between features and rows of `W_dec` (signed: an opposite row is no match, and one row alone scores 0, since the five cosines add up to 0). **On which rung do the five come back?**

# %% id="ladder"
linear, every = ("W_enc", "W_dec", "b_dec"), ("W_enc", "W_dec", "b_enc", "b_dec")
rungs = {  # name: (latents, ReLU, tied, l1_coeff, trained parameters, unit rows)
    "linear, M < d (PCA)": (1, False, False, 0.0, linear, False),
    "+ L1, rows of any length": (2, False, False, 0.3, linear, False),
    "+ rows of length 1": (2, False, False, 0.3, linear, True),
    "+ overcomplete, M = 5": (5, False, False, 0.3, linear, True),
    "+ ReLU": (5, True, False, 0.3, linear, True),
    "+ bias: an SAE": (5, True, False, 0.3, every, True),
    "SAE, tied weights": (5, True, True, 0.3, ("W_dec", "b_enc", "b_dec"), True),
    "SAE without b_dec": (5, True, False, 0.3, ("W_enc", "W_dec", "b_enc"), True)}

# %% id="ladder-run"
ladder = {}
for name, (n_latents, relu, tied_weights, l1_coeff, trained, unit) in rungs.items():
    rung = Rung(2, n_latents, seed=3)
    rung.relu, rung.tied = relu, tied_weights
    climb(rung, l1_coeff, trained, unit)
    z = rung.encode(x_star).detach()
    ladder[name] = (float(metrics.explained_variance(x_star, rung.decode(z).detach())),
                    float((z.abs() > 0.01).float().sum(1).mean()), float(z.abs().sum(1).mean()),
                    geometry.mean_max_cosine(pentagon, rung.W_dec.detach().numpy(), signed=True))
    print("{:26} EV {:.3f}   l0 {:.2f}   price {:.2f}   cosine {:.3f}".format(name, *ladder[name]))

# %% id="ladder-claims"
claim("price with rows of any length over that with rows of length 1",
      ladder["+ L1, rows of any length"][2] / ladder["+ rows of length 1"][2], at_most=0.5)
claim("l0 of five latents without ReLU", ladder["+ overcomplete, M = 5"][1], at_least=3.5)
claim("mean max cosine of the SAE", ladder["+ bias: an SAE"][3], at_least=0.95)
claim("l0 with a bias, less than without", ladder["+ ReLU"][1] - ladder["+ bias: an SAE"][1], at_least=0.1)

# %% [markdown] id="ladder-after"
# Once more, slowly:
#
# - **L1 with rows of any length** is no constraint: shrink the encoder, grow the decoder, and the price falls while x_hat stays. Hence **rows of length 1**, as in lesson 2.
# - **With unit rows** the price is real. Turning the axes now costs something, so L1 *chooses* directions, which PCA could not. Lost: the closed form, and the promise of no bad minima.
# - **Overcomplete** makes room for five directions. But a linear encoder sends a plane to a plane: five numbers that hang on two are almost never zero.
# - **ReLU** makes zeros. Without a bias, though, every latent answers on half of the plane, its neighbours' half included.
# - **The bias** is the threshold below which a latent stays silent. Now the five features come back (l0 stays near 2: one threshold cannot silence a neighbour's echo of a large value and keep a small value), if the start is good: with other seeds some rows stay between features, at a higher loss. Try one.
# - **Tied weights** cost little here; section 4.3 says what the freedom is for. **Without `b_dec`** the mean itself must be coded, and paid for.
#
# ## 4.3 The encoder is one step of lesson 1
#
# Where does `ReLU(x W_enc + b_enc)` come from? Lesson 1 solved the LASSO by ISTA: a gradient step of length 1/L, then a soft threshold of λ/L, and with codes that must not be negative the soft threshold is `max(… − λ/L, 0)`. **Write the first step from z = 0. What are its weights and its bias?**

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
    """(W_enc (d_in, n_atoms), b_enc (n_atoms,)) of the first step of non-negative ISTA
    for D (n_atoms, d_in) and lam.

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
# So an SAE's encoder is lesson 1's solver, stopped after one step, with weights that may beat D's. The next steps are layers too. z + (x − zD)Dᵀ/L is `x W_enc + z S` with S = I − D Dᵀ/L:
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
violation = lasso.kkt_violation(x_test, D, exact.z, lam, positive=True)
claim("largest KKT violation of the exact codes", violation.max(), at_most=1e-2)
first_step = lasso.ista(x_test, D, lam, positive=True, max_iter=1).z
print("one layer is one step:", np.allclose(unrolled_ista(x_test, D, lam, 1), first_step))

# %% [markdown] id="ex-gap-task"
# An encoder that is used for every sample, in place of a search for each, is called *amortised*. Its cost is the **amortisation gap**: how far its codes' objective lies above the minimum.
#
# ### Exercise 4.4 · The amortisation gap
#
# Difficulty 2 of 5 · 5 minutes · 3 points
#
# Return the mean over samples of ½‖x − zD‖² + λ Σz for the guessed codes, minus the same for the exact ones.
#
# <details><summary>Hint 1 of 3</summary>Write a function of a code that gives one number per sample, and use it twice.</details>
# <details><summary>Hint 2 of 3</summary><code>0.5 * ((x - z @ D) ** 2).sum(axis=1) + lam * z.sum(axis=1)</code></details>
# <details><summary>Hint 3 of 3</summary>Guess minus exact, then <code>.mean()</code>. With truly exact codes it cannot be below 0; do not clip it.</details>

# %% id="ex-gap" exercise="amortisation_gap" difficulty=2 minutes=5 points=3
@exercise
def amortisation_gap(x, D, z, z_exact, lam):
    """Mean over samples of 1/2 ||x - z D||^2 + lam sum z, less that of z_exact: one number.

    x (n, d_in), codes (n, n_atoms) >= 0.
    """
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
steps = np.append(np.arange(1, 101), np.geomspace(110, 300, 8).astype(int))
plain = np.array([amortisation_gap(x_test, D, unrolled_ista(x_test, D, lam, n), exact.z, lam) for n in steps])
fig, ax = plots.panels(height=2.8)
ax.loglog(steps, plain, color=plots.ATOM, label="ISTA: D's own weights")
ax.loglog(depths, list(learned.values()), "o-", color=plots.LATENT, label="LISTA: learned weights")
ax.set(title="Learned layers are worth many steps", xlabel="layers, or steps of ISTA",
       ylabel="amortisation gap (objective)")
ax.legend()
plots.show(fig, alt="Amortisation gap over the number of layers on logarithmic axes. ISTA falls slowly over hundreds of steps; LISTA with 1, 3 and 10 layers lies far below it.")

# %% id="lista-claims"
worth = {depth: int(steps[np.argmax(plain < learned[depth])]) for depth in depths}
for depth in depths:
    print(f"{depth:2} layers: gap {learned[depth]:.4f}, closes {100 * (1 - learned[depth] / learned[1]):.0f} % "
          f"of the one-layer gap; ISTA needs about {worth[depth]} steps for that")
claim("share of the one-layer gap that 3 layers close", 1 - learned[3] / learned[1], at_least=0.6)
claim("share of the one-layer gap that 10 layers close", 1 - learned[10] / learned[1], at_least=0.8)

# %% [markdown] id="lista-after"
# A trained *single* step, whose `W_enc` is free, replaces several untrained ones. Two further looks at the residual, which one product cannot take, close 81 % of the rest. SAEs nevertheless use one layer: it is cheap, and a deep encoder could learn to
# compute things that the model itself does not.
#
# ## 4.4 The true features come back
#
# Now encoder and dictionary at once, on data whose truth we know: lesson 3's toy model with 64 features in 20 dimensions, each active on 5 % of samples. Once trained, it hands its 20 hidden numbers to an SAE, which never sees the features.

# %% id="toy"
toy = superposition.ToyModel(64, 20, seed=0)
superposition.train_toy(toy, feature_probability=0.05, steps=budget(smoke=60, laptop=1000), batch=512)
W = toy.W.detach()[0]                                                         # (64 features, 20 dimensions)
features = superposition.sample_features((60_000, 64), 0.05, seed=7)
x = features @ W                                                              # what an SAE gets to see
represented = (W.norm(dim=1) > 0.5).numpy()
D_true = W.numpy()[represented]
print(f"{represented.sum()} of 64 features represented (length > 0.5), "
      f"{float((features > 0).sum(1).float().mean()):.1f} active per sample")

# %% [markdown] id="objective"
# The objective is the reference page's, with **pre-centering**: `b_dec` is taken off before the encoder looks and added back after the decoder.
#
# `latents = ReLU((x − b_dec) W_enc + b_enc)`, `x_hat = latents W_dec + b_dec`; mean of ‖x − x_hat‖² + l1_coeff · Σ latents; rows of `W_dec` of length 1
#
# Others write the loss with a ½ before the square (the article, lesson 1), or with a mean over the dimensions (Bricken et al.). If one is the other times a constant, their minimisers are equal. Which `l1_coeff` makes it so?

# %% id="reductions" tags=["nbval-check-output"]
some = x[:500].numpy()
codes = np.random.default_rng(0).uniform(size=(5, 500, 64))   # five sets of codes, as different as can be
squares = np.array([((some - z @ geometry.unit_norm(W.numpy())) ** 2).sum(axis=1).mean() for z in codes])
price = codes.sum(axis=2).mean(axis=1)
ours = squares + 0.2 * price
print("half the square, half the price: ", ((squares / 2 + 0.1 * price) / ours).round(6))
print("mean over 20 dimensions, price/20:", ((squares / 20 + 0.01 * price) / ours).round(6))

# %% [markdown] id="fit-intro"
# The share is the same on all five, so the same latents are best. A price means nothing without its reduction and the scale of x: `saekit.train` scales inputs so that the mean of ‖x − mean‖² is 1. TopK has no price but a count, the k largest latents stay. It goes first, with k = 3, near the mean number of active features (3.2), 72 latents (a few more than features), and dead latents replanted (section 4.6). The seed is not the toy's: equal seeds draw equal first directions, and the SAE would *start* at the features.

# %% id="fit"
def fit(x, arch, d_sae, steps=800, resample_at=(), seed=1, **settings):
    """A trained SAE on the rows of x, from another seed than the toy's."""
    one = sae.new_sae(arch, x.shape[1], d_sae, seed=seed, **settings)
    tokens = 512 * budget(smoke=40, laptop=steps)                             # saekit counts samples as tokens
    config = train.TrainConfig(tokens, lr=5e-3, decay_from=0.2, dead_after_tokens=10_000, resample_at=resample_at)
    train.train_sae(one, activations.ArrayStream(x, batch=512, seed=seed), config)
    return one

# %% [markdown] id="scores-intro"
# Three helpers: the largest cosine to each true direction, what the latents say, and how many never speak.

# %% id="scores"
def cosines(D_true, one):
    """For every true direction the largest cosine to a row of W_dec."""
    return (geometry.unit_norm(D_true) @ one.W_dec.detach().numpy().T).max(axis=1)

def latents_of(one, x):
    with torch.no_grad():
        return one.encode(x)

def silent(one):
    """How many latents are zero on all of 20,000 samples."""
    return int((latents_of(one, x[:20_000]) > 0).any(0).logical_not().sum())

# %% id="topk-toy"
often = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # when dead latents are replanted, in shares of the steps
top = fit(x, "topk", 72, steps=1500, k=3, resample_at=often)
claim("TopK: mean max cosine to the represented features", cosines(D_true, top).mean(), at_least=0.97)
claim("TopK: dead latents, of 72", silent(top), at_most=2)

# %% [markdown] id="lambda-intro"
# Without one label, the latents point along features. And ReLU with L1? There the price must be *found*. We try six, with resampling, and print the reference page's table in numbers. "Found" counts true features with a cosine above 0.9 to some latent.
# **At which end will features be missing, and at which will they be blends?**

# %% id="lambda-sweep"
prices = (0.02, 0.05, 0.1, 0.2, 0.5, 1.5)
sweep = {price: fit(x, "relu", 72, steps=1500, l1_coeff=price, resample_at=often) for price in prices}
x_held = superposition.sample_features((4_000, 64), 0.05, seed=8) @ W                       # fresh samples

# %% id="lambda-table"
print(f"{'l1_coeff':>8}{'l0':>7}{'EV':>7}{'found':>7}{'dead':>6}{'mean max cosine':>17}")
rows = {}
for price, one in sweep.items():
    z = latents_of(one, x_held)
    match = cosines(D_true, one)
    ev = float(metrics.explained_variance(x_held, one.decode(z).detach()))
    rows[price] = float(metrics.l0(z)), ev, int((match > 0.9).sum()), silent(one), match.mean()
    print("{:8}{:7.1f}{:7.2f}{:7}{:6}{:17.3f}".format(price, *rows[price]))

# %% id="lambda-claims"
good = max(prices, key=lambda price: rows[price][4] - 0.01 * rows[price][3])      # a dead latent costs a hundredth
claim("ReLU-L1 at its best l1_coeff: mean max cosine to the represented features", rows[good][4], at_least=0.97)
claim("ReLU-L1 at its best l1_coeff: dead latents after resampling, of 72", rows[good][3], at_most=2)

# %% [markdown] id="lambda-after"
# *Very low*: reconstruction near-perfect, far more latents per sample than active features, and nothing found: the latents are blends (random rows would score 0.51). *Moderate*: the features come back. *Very high* (1.5): "poor reconstruction" and "major concepts unrepresented", yes, 28 of 64.
# But occurrences go first: at 0.5 l0 is already below the 3.2 features that are active, while all 64 are found. And EV is best exactly where the dictionary is worst.

# %% [markdown] id="shrink-intro"
# ## 4.5 Too small, and mended
#
# Right directions need not mean right sizes. The true ones are known: feature i enters x with size value · ‖W_i‖. For one isolated feature of size a, the loss (a − z)² + l1_coeff · z is smallest at z = a − l1_coeff/2, so some **shrinkage** must be expected. Match each latent to its feature; `size` is the median, wherever both are active, of what the latent says divided by what is true:

# %% id="shrink-measure"
def size(one, z, features, W):
    """Median of latent over true size where a matched latent and its feature are both active:
    below 1 is shrunk.
    """
    match = geometry.match_atoms(W, one.W_dec.detach().numpy(), signed=True)
    truth = (features * np.linalg.norm(W, axis=1))[:, match.true_index]
    said = z[:, match.index]
    both = (said > 0) & (truth > 0)
    return np.median(said[both] / truth[both])

# %% [markdown] id="ex-refit-task"
# The cure is lesson 1's *debiasing*: trust the SAE about **which** latents are active, and find their sizes anew, by least squares for each sample.
#
# ### Exercise 4.5 · The same latents, other sizes
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# For each row, keep the set of non-zero latents and return those values that minimise ‖target − z W_dec‖², zero elsewhere. Here `target` is x − b_dec. A row without active latents stays zero.
#
# <details><summary>Hint 1 of 3</summary>Each sample is a small regression of its own, with the active rows of <code>W_dec</code> as inputs. A loop over the samples is fine.</details>
# <details><summary>Hint 2 of 3</summary><code>active = np.flatnonzero(latents[i])</code>, and <code>W_dec[active].T</code> has one column per active latent.</details>
# <details><summary>Hint 3 of 3</summary><code>refitted[i, active] = np.linalg.lstsq(W_dec[active].T, target[i])[0]</code>, into an array that starts as zeros.</details>

# %% id="ex-refit" exercise="refit" difficulty=3 minutes=8 points=3
@exercise
def refit(target, latents, W_dec):
    """Least-squares values on each row's own support: latents (n, d_sae) -> (n, d_sae);
    target (n, d_in), W_dec (d_sae, d_in).

    >>> print(refit(np.array([[2.0, 3.0]]), np.array([[1.5, 0.0]]), np.eye(2)))
    [[2. 0.]]
    """
    ### BEGIN SOLUTION
    refitted = np.zeros(latents.shape)
    for i, row in enumerate(latents):
        active = np.flatnonzero(row)
        if len(active):
            refitted[i, active] = np.linalg.lstsq(W_dec[active].T, target[i])[0]
    return refitted
    ### END SOLUTION

# %% [markdown] id="shrink-go"
# Four SAEs: three prices, and TopK without one. **Which of them will be too small?**

# %% id="shrink"
features_held = superposition.sample_features((4_000, 64), 0.05, seed=8)[:2000].numpy()
sizes = {}
four_saes = {"l1_coeff 0.1": sweep[0.1], "l1_coeff 0.2": sweep[0.2], "l1_coeff 0.5": sweep[0.5],
             "TopK, k = 3": top}
for name, one in four_saes.items():
    target = (x_held[:2000] - one.b_dec.detach()).numpy()
    z = latents_of(one, x_held[:2000]).numpy()
    z_refit = refit(target, z, one.W_dec.detach().numpy())
    sizes[name] = size(one, z, features_held, W.numpy()), size(one, z_refit, features_held, W.numpy())
    print(f"{name:13} size as trained {sizes[name][0]:.3f}, refitted {sizes[name][1]:.3f}")

# %% id="shrink-claims"
claim("size as trained, l1_coeff 0.2", sizes["l1_coeff 0.2"][0], at_most=0.85)
claim("size at l1_coeff 0.2, more than at 0.5", sizes["l1_coeff 0.2"][0] - sizes["l1_coeff 0.5"][0], at_least=0.05)
claim("error of the typical size after refitting, l1_coeff 0.2 and 0.5",
      max(abs(sizes[f"l1_coeff {price}"][1] - 1) for price in (0.2, 0.5)), at_most=0.02)

# %% [markdown] id="shrink-after"
# From 0.2 to 0.5 the dearer is the smaller, and refitting brings the typical size back to within 2 %. At 0.1 no refit helps: it trusts directions and supports, and these latents are blends (section 4.4). TopK has no price, and is hardly too small; what is missing is the amortisation gap: one step for all samples must hold back against what neighbours cause.
# Single values may still be off: where a small feature was missed, its neighbours take over that share.
#
# ## 4.6 Dead latents
#
# An SAE's latent lives on gradients, and a silent ReLU has none. So a latent that no sample wakes is **dead**, like lesson 2's unused atom, and stays dead. To see it, start half of `b_enc` at −2, too low for anything to wake those latents. Two rules revive them:
#
# - **the article's**: take the single worst reconstructed example; point *all* dead latents along its residual; reset encoder and bias; perturb at random to break ties.
# - **Bricken et al.'s**: draw an input for *each* dead latent, with probability proportional to its squared loss, and plant the input's direction.

# %% [markdown] id="ex-worst-task"
# ### Exercise 4.6 · Directions by the article's rule
#
# Difficulty 3 of 5 · 6 minutes · 3 points
#
# Find the sample with the largest ‖x − x_hat‖², take the direction of its residual at length 1, add one row of `noise` for each dead latent, and bring each row back to length 1.
#
# <details><summary>Hint 1 of 3</summary><code>np.argmax</code> of one number per sample; the residual is what is missing, <code>x - x_hat</code>.</details>
# <details><summary>Hint 2 of 3</summary>One direction plus a whole table: <code>direction + noise</code> adds it to every row.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>np.linalg.norm(rows, axis=1, keepdims=True)</code> at the end.</details>

# %% id="ex-worst" exercise="plant_worst" difficulty=3 minutes=6 points=3
@exercise
def plant_worst(x, x_hat, noise):
    """Unit rows (n_dead, d_in) near the direction of the worst sample's residual;
    x, x_hat (n, d_in), noise (n_dead, d_in).

    >>> x, x_hat = np.array([[1.0, 0.0], [0.0, 9.0]]), np.array([[1.0, 1.0], [0.0, 4.0]])
    >>> print(plant_worst(x, x_hat, np.zeros((1, 2))))
    [[0. 1.]]
    """
    ### BEGIN SOLUTION
    resid = x - x_hat
    worst = resid[np.argmax((resid ** 2).sum(axis=1))]
    rows = worst / np.linalg.norm(worst) + noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
    ### END SOLUTION

# %% [markdown] id="ex-odds-task"
# ### Exercise 4.7 · Who is drawn?
#
# Difficulty 2 of 5 · 4 minutes · 2 points
#
# Return for each sample the probability with which Bricken et al. draw it: proportional to the *square* of its loss ‖x − x_hat‖².
#
# <details><summary>Hint 1 of 3</summary>One loss per sample first: squares, summed over the dimensions.</details>
# <details><summary>Hint 2 of 3</summary>Then square these losses.</details>
# <details><summary>Hint 3 of 3</summary>Probabilities add up to 1: divide by the sum.</details>

# %% id="ex-odds" exercise="planting_odds" difficulty=2 minutes=4 points=2
@exercise
def planting_odds(x, x_hat):
    """Probabilities (n,) proportional to (||x - x_hat||^2)^2, for x and x_hat (n, d_in)."""
    ### BEGIN SOLUTION
    loss = ((x - x_hat) ** 2).sum(axis=1)
    return loss ** 2 / (loss ** 2).sum()
    ### END SOLUTION

# %% [markdown] id="revive-intro"
# Now `train.train_sae` in slow motion: 200 steps from the bad start, plant, 400 steps. `train.plant` puts the rows into `W_dec` and, at a fifth of the living ones' length, into `W_enc`, sets `b_enc` to 0 and clears Adam's memory.

# %% id="directions"
def directions(rule, run, n_dead):
    """Rows (n_dead, d_in) to plant, from the first 4,096 inputs; rule: the article's noise, or "loss²"."""
    draw = np.random.default_rng(0)
    u = (x[:4096] - run.mean) / run.scale
    with torch.no_grad():
        u_hat = run.sae(u).numpy()
    if rule != "loss²":
        return plant_worst(u.numpy(), u_hat, rule * draw.normal(size=(n_dead, 20)))
    chosen = draw.choice(4096, n_dead, p=planting_odds(u.numpy(), u_hat))
    return geometry.unit_norm(u.numpy()[chosen] - run.sae.b_dec.detach().numpy())

# %% id="revive"
def revive(rule):
    """An SAE from the bad start, its dead latents planted after a third of the steps;
    which they were; the rows planted.
    """
    steps = budget(smoke=60, laptop=600)
    config = train.TrainConfig(512 * steps, lr=5e-3, decay_from=0.2, dead_after_tokens=512 * (steps // 15))
    run = train.Run(sae.ReLUSAE(20, 64, l1_coeff=0.2, seed=1), activations.ArrayStream(x, batch=512), config)
    run.start()
    run.sae.b_enc.data[32:] = -2.0
    for run.step in range(steps):                                  # train_step reads run.step
        if run.step == steps // 3:
            dead = run.dead.clone()
            # with no rule nothing is planted: unit vectors stand in, none like another
            aimed = np.eye(64)[dead.numpy()] if rule is None else directions(rule, run, int(dead.sum()))
            if rule is not None:
                train.plant(run, torch.tensor(aimed, dtype=torch.float32))
        train.train_step(run, next(run.stream))
    return run.sae.fold(run.mean, run.scale), dead.numpy(), aimed  # fold: back to the raw x

# %% id="revive-run"
outcome = {}
rules = {"none": None, "worst example, noise 0.05": 0.05, "worst example, noise 0.2": 0.2,
         "Bricken et al.": "loss²"}
row = "{:26} dead {:3}, pairs planted alike {:4.0%}, alive at the end {:3}, features found {:3}"
for name, rule in rules.items():
    one, dead, aimed = revive(rule)
    alive = (latents_of(one, x_held) > 0).any(0).numpy()
    alike = np.mean((aimed @ aimed.T)[np.triu_indices(len(aimed), 1)] > 0.9)
    outcome[name] = int(dead.sum()), alike, int(alive[dead].sum()), int((cosines(D_true, one) > 0.9).sum())
    print(row.format(name, *outcome[name]))

# %% id="revive-claims"
none, worst, bricken = outcome["none"], outcome["worst example, noise 0.05"], outcome["Bricken et al."]
claim("true features found after Bricken et al.'s rule, more than after none", bricken[3] - none[3], at_least=5)
claim("share of pairs planted alike (cosine above 0.9), worst example minus Bricken et al.",
      worst[1] - bricken[1], at_least=0.5)
claim("alive again after Bricken et al.'s rule, share", bricken[2] / bricken[0], at_least=0.9)

# %% [markdown] id="revive-after"
# Without planting, 32 latents must serve 64 features, and point between them. The article's rule gives all dead latents nearly one direction. They wake together on the same inputs, jointly say far too much, and the price drives them back. With a perturbation nearly as long as the direction (0.2 in each of 20 dimensions)
# most come back, but all lean towards the same residual (cosine 1/√1.8 ≈ 0.75) and hardly share out the features. Sampling by loss² costs as little, and its directions differ.
#
# ## 4.7 What is missed, and what is mixed
#
# **Too few at a time.** Real features come in company. Let every second feature follow its neighbour: when feature 0 is active, feature 1 is too with probability 0.6. Each still has a direction of its own, and about three are active at a time. **What will TopK do with k = 1?** `"a"`: learn single features only, fewer of them, no blends. `"b"`: learn many blends of
# neighbours, and lose features by it. `"c"`: with 80 latents for 64 features there is room for all, so nothing changes.

# %% id="predict-k"
predict("k-too-low", "b")

# %% id="company"
draw = torch.Generator().manual_seed(0)
on = torch.rand(40_000, 64, generator=draw) < 0.04
on[:, 1::2] |= on[:, ::2] & (torch.rand(40_000, 32, generator=draw) < 0.6)
directions_true = geometry.unit_norm(W.numpy())
pairs = geometry.unit_norm(directions_true[::2] + directions_true[1::2])      # half way between two neighbours
x_company = (torch.rand(40_000, 64, generator=draw) * on) @ torch.tensor(directions_true, dtype=torch.float32)

# %% id="wrong-k"
by_k = {}
row = "k = {:2}   features found {:3}   blends of two neighbours {:3}   EV {:.2f}"
for k in (1, 2, 3, 8, 16):
    one = fit(x_company, "topk", 80, k=k, resample_at=(0.3, 0.5))
    rows_of = one.W_dec.detach().numpy()
    nearest = np.maximum((rows_of @ directions_true.T).max(axis=1), 0.9)   # a blend is nearer to a pair
    blends = ((rows_of @ pairs.T).max(axis=1) > nearest).sum()
    ev = float(metrics.explained_variance(x_company[:4000], one(x_company[:4000]).detach()))
    by_k[k] = int((cosines(directions_true, one) > 0.9).sum()), int(blends), ev
    print(row.format(k, *by_k[k]))

# %% id="wrong-k-claims"
claim("blends at k = 1, more than at k = 3", by_k[1][1] - by_k[3][1], at_least=10)
claim("features found at k = 3, more than at k = 16", by_k[3][0] - by_k[16][0], at_least=20)

# %% [markdown] id="wrong-k-after"
# At k = 1 a blend of two neighbours explains more per active latent than either alone, so the loss buys blends, and loses a good part of the features. Near the true number they come apart. At k = 16 the error is smallest, and nothing is found: with 16 latents for 20 dimensions almost any dictionary will do. **EV cannot tell you which k is right**: it rises throughout. Where the truth is unknown, lesson 8's tests must.
#
# **Too rare.** Word frequencies fall like 1/rank (Zipf's law), and features of text will not be fairer. Take 64 random directions in 20 dimensions, feature r active on 0.5/r of the samples, the last on 1 in 128. **Which will an SAE with 32 latents miss, and do 160 latents help?**

# %% id="zipf"
frequency = 0.5 / np.arange(1, 65)
rare = synthetic.random_dictionary(64, 20, seed=0)
draw = torch.Generator().manual_seed(5)
active = torch.rand(60_000, 64, generator=draw) < torch.tensor(frequency)
x_zipf = (torch.rand(60_000, 64, generator=draw) * active) @ torch.tensor(rare, dtype=torch.float32)
by_size = {d_sae: cosines(rare, fit(x_zipf, "topk", d_sae, k=3)) for d_sae in (32, 64, 160)}

# %% id="zipf-figure"
fig, ax = plots.panels(height=2.8)
for (d_sae, match), marker, color in zip(by_size.items(), "o^s", (plots.FAILURE, plots.BASELINE, plots.LATENT)):
    ax.semilogx(frequency, match, marker, color=color, markerfacecolor="none", markersize=5,
                label=f"{d_sae} latents: {(match > 0.9).sum()} found")
ax.axhline(0.9, color=plots.BASELINE, linewidth=0.8)
ax.set(title="Rare features are missed, small dictionaries miss more",
       xlabel="frequency of the feature (share of samples)", ylabel="largest cosine to a latent", ylim=(0, 1.03))
ax.legend(loc="lower right")
plots.show(fig, alt="Largest cosine to a latent over the frequency of the feature, for 32, 64 and 160 latents. Frequent features have a cosine near 1; with 32 latents most features active on less than 2 percent of the samples stay below 0.9; with 160 nearly all are found.")

# %% id="zipf-claims"
frequent, seldom = slice(0, 16), slice(48, 64)
claim("32 latents: mean cosine of the 16 most frequent minus the 16 rarest features",
      by_size[32][frequent].mean() - by_size[32][seldom].mean(), at_least=0.15)
claim("the 16 rarest features: found by 160 latents, more than by 32",
      (by_size[160][seldom] > 0.9).sum() - (by_size[32][seldom] > 0.9).sum(), at_least=8)

# %% [markdown] id="expansion-intro"
# 32 latents find 22 of the 64, nearly all of them frequent; 160 find 60.
#
# **Too few or too many latents.** The article recommends 4 to 16 times as many latents as dimensions. On the toy the truth is 64 / 20 = 3.2 times. From 1× to 16×, TopK with k = 3:

# %% id="expansion"
by_factor = {}
row = "{:2}×: EV {:.2f}, features found {:3}, latents alive {:3}, second ones for a feature {:3}"
for factor in (1, 2, 4, 8, 16):
    one = fit(x, "topk", 20 * factor, k=3)
    z = latents_of(one, x_held)
    alive = (z > 0).any(0).numpy()
    nearest = (geometry.unit_norm(D_true) @ one.W_dec.detach().numpy()[alive].T).argmax(axis=0)
    by_factor[factor] = (float(metrics.explained_variance(x_held, one.decode(z).detach())),
                         int((cosines(D_true, one) > 0.9).sum()), alive.sum(), alive.sum() - len(set(nearest)))
    print(row.format(factor, *by_factor[factor]))

# %% id="expansion-claims"
claim("features found at 4×", by_factor[4][1], at_least=50)
claim("features found at 1×", by_factor[1][1], at_most=10)
claim("latents alive at 16×, of 320", by_factor[16][2], at_most=120)

# %% [markdown] id="expansion-after"
# With too few latents, one that must serve three features points between them. From 4× on all 64 are found, EV stops rising, and surplus latents die. Where there are rarer things to say, as in the Zipf toy, larger dictionaries go on finding; on real activations
# they also split what they have (lesson 9). A recommended factor is a guess at features per dimension, and in a language model nobody knows that.

# %% [markdown] id="paper-intro"
# ## The papers say / we measured

# %% id="paper-rows"
angle = largest_angle(auto.W_dec, best.components[:3])
first_rows = [
    ("Baldi & Hornik 1989: no bad minima, PCA subspace",
     f"{len(errors)} starts at the tail; angle {angle:.0e} rad"),
    ("Kunin et al. 2019: decay ties weights, gains 1 − decay/v",
     f"largest difference {np.abs(gains - (1 - 1.0 / variance[:3])).max():.0e}"),
    ("Gregor & LeCun 2010: few learned layers replace many steps",
     f"3 layers ≈ {worth[3]} ISTA steps, 10 ≈ {worth[10]}"),
    ("Sharkey et al. 2022: an SAE recovers a toy's features",
     f"cosines: TopK {cosines(D_true, top).mean():.3f}, ReLU-L1 {rows[good][4]:.3f}")]

# %% id="paper-table"
table = first_rows + [
    ("Wright & Sharkey 2024: L1 suppresses sizes, refitting mends it",
     f"size {sizes['l1_coeff 0.2'][0]:.2f} → {sizes['l1_coeff 0.2'][1]:.2f}"),
    ("Bricken et al. 2023: resampling by loss² revives latents",
     f"{bricken[2]} of {bricken[0]} alive; worst example: {worst[2]}"),
    ("Chanin & Garriga-Alonso 2025: wrong L0, wrong features",
     f"k = 1: {by_k[1][1]} blends; 3: {by_k[3][0]} found; 16: {by_k[16][0]} found")]
print("\n".join(f"{says:63} {measured}" for says, measured in table))

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# - *Lecture: with M < d and λ = 0 the matrix autoencoder "reduces to PCA".* For centred X and M ≤ d; else to the SVD of the raw data. The *subspace*, not the components (4.1).
# - *Lecture: the encoder as "inverse", instead of solving the LASSO.* One step of solving it, with a gap (4.3).
# - *Article: why ReLU: non-negative, sparse, analysable, plausible.* ReLU makes the zeros, the bias turns its half-plane into a threshold (4.2); both come from the LASSO with z ≥ 0 (4.3).
# - *Article: unit norm "to prevent trivial solutions".* Yes (4.2).
# - *Article: untied weights "often perform better".* They can carry what one-step inference learns (4.3; a tied step was not tried); little on the pentagon (4.2).
# - *Article: ½‖x − W f‖² without b_dec, λ from 1e-4 to 1e-2.* Without b_dec the mean is paid for (4.2); our useful prices (0.2 to 0.5; half of that with the ½) lie 10 to 25 times above its range, for another scale of x (4.4).
# - *Article: resample along the worst example's residual, perturbed.* Plants near-copies with little noise; with noise nearly as long as the direction most latents live, and hardly share out the features (4.6).
# - *Article: expansion 4–16× is best, lower is more robust.* Best is what the number of features asks for (4.7); robustness: lesson 9.
# - *Reference page: λ very high, moderate, very low.* Very high silences weak occurrences before it loses directions (4.4).
# - *Reference page: rare features are missed.* Yes, see the Zipf figure (4.7).

# %% [markdown] id="q-one-step" question="one_step" minutes=5 points=3
# ### Question 4.1 · One step of what?
#
# In words · 5 minutes · 3 points
#
# In which sense is an SAE's encoder one step of a LASSO solver, what does it gain over running the solver, and what does it lose? Three to six sentences.
#
# ### BEGIN SOLUTION
# - One point: a linear map, a bias as threshold and a ReLU are one step of (non-negative) ISTA from zero, with learned weights.
# - One point: it costs one matrix product per sample, the same for every sample, instead of many iterations.
# - One point: its codes are not the minimisers: there is an amortisation gap, which more layers or the solver itself would close.
# ### END SOLUTION

# %% [markdown] id="common-confusions"
# ## Common confusions
#
# - *"PCA's components are what a linear autoencoder learns."* Their span. With weight decay the SVD of its decoder shows them, its rows still do not.
# - *"A silent latent means that the feature is absent."* Perhaps; or one step of inference could not tell.
# - *"The latent says 0.4, so the feature has size 0.4."* With L1 it says too little. Refit before sizes are compared.
#
# ## Summary
#
# A linear autoencoder finds the PCA subspace from any start, and no directions. L1 with unit rows picks directions, overcompleteness makes room, ReLU makes zeros, the bias a threshold. The encoder is one step of non-negative ISTA with learned weights. TopK and ReLU-L1 bring known features back; sizes need a refit, dead latents can be replanted,
# a wrong sparsity blends, and a small dictionary misses the rare.
#
# **Limits.** The truth here is kind: features are directions of equal size, mostly independent, with little or no noise; one seed each. In a language model none of this is known, and nobody can count what is "found".
#
# **References.** Baldi and Hornik, "Neural networks and principal component analysis" (1989) · Kunin et al., "Loss landscapes of regularized linear autoencoders" (2019) · Gregor and LeCun, "Learning fast approximations of sparse coding" (2010) · Sharkey, Braun and Millidge, "Taking features out of superposition with sparse autoencoders" (2022) · Bricken et al., "Towards Monosemanticity" (2023) · Wright and Sharkey, "Addressing feature suppression in SAEs" (2024) · Gao et al., "Scaling and evaluating sparse autoencoders" (2024) · Chanin and Garriga-Alonso, "Sparse but
# wrong: incorrect L0 leads to incorrect features in sparse autoencoders" (2025).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 5 · Inside a small transformer](05_transformer.ipynb).
