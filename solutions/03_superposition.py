# %% [markdown] id="title"
# # Lesson 3 · More features than dimensions
#
# **You will be able to**: predict with a formula when a layer gains by storing more features than it has dimensions · recognise the shapes it stores them in · measure interference, and say why rare features can afford it ·
# tell what *can* fit into d dimensions from what cannot · read a compressed signal back with lesson 1's LASSO.
#
# **60 minutes.** (With every exercise, 90.) From lesson 1 you know the LASSO, coherence and the Welch bound. PyTorch trains tiny models as you watch; you need none of it (`.detach().numpy()` turns its numbers into NumPy's).

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import files, geometry, lasso, plots, superposition, synthetic, transformer
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("03_superposition")

# %% [markdown] id="one-number-intro"
# ## 3.1 Two features, one number
#
# In lessons 1 and 2 there were more atoms than dimensions because *we* wanted it. Why would a network want it? The smallest case: two **features** (properties of the data: "this is code", "this is a citation"), numbers that are mostly zero,
# and a layer with **one** dimension for both. It keeps `hidden = x @ W`, and must say afterwards what both features were:
#
# `x_hat = relu(hidden @ W.T + b)`
#
# This is the toy model of Elhage et al. (2022). Row i of `W` is the direction of feature i; it is written with `W` and read with `W.T`.
#
# ### Exercise 3.1 · Store and read
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# Return `x_hat` for every sample (row of `x`).
#
# <details><summary>Hint 1 of 3</summary>Two matrix products: the first takes features to hidden units, the second goes back.</details>
# <details><summary>Hint 2 of 3</summary><code>x @ W</code> is (batch, d_hidden); multiplied by <code>W.T</code> it has one column per feature again.</details>
# <details><summary>Hint 3 of 3</summary>Add <code>b</code>, then <code>np.maximum(…, 0)</code> is the ReLU.</details>

# %% id="ex-reconstruct" exercise="reconstruct" difficulty=1 minutes=5 points=2
@exercise
def reconstruct(x, W, b):
    """x_hat = relu(x W W^T + b).

    x (batch, n_features), W (n_features, d_hidden), b (n_features,) -> (batch, n_features).

    >>> print(reconstruct(np.array([[0.0, 0.5]]), np.array([[1.0], [-1.0]]), np.zeros(2)))
    [[0.  0.5]]
    """
    ### BEGIN SOLUTION
    return np.maximum(x @ W @ W.T + b, 0)
    ### END SOLUTION

# %% [markdown] id="opposite-intro"
# Let one feature point up and the other down: `W = [[1], [-1]]`. **Before you run: which of the three samples come back right?** Only the first feature is on; only the second; both.

# %% id="opposite" tags=["nbval-check-output"]
opposite = np.array([[1.0], [-1.0]])
x = np.array([[0.8, 0.0], [0.0, 0.6], [0.8, 0.6]])
print(reconstruct(x, opposite, np.zeros(2)))

# %% [markdown] id="opposite-after"
# Two features in one dimension, and no error as long as they are not on together: the ReLU throws away the other one's negative echo. When both are on they cancel. This is **superposition**, and the echo is **interference**.
#
# ## 3.2 When does it pay?
#
# Each feature is on with probability p, independently of the other (the paper's *sparsity* is 1 − p), and then uniform in [0, 1]. The loss is the *sum* of the two squared errors, weighted by **importance**: 1 for feature 1, I for feature 2. Three solutions:
#
# 1. **not represented**: feature 1 has the dimension to itself and is exact; for feature 2 the model always says its mean (b can do that), which costs its variance;
# 2. **orthogonal**, as the paper calls it: now feature 2 has the dimension, and feature 1 is guessed;
# 3. **superposed**: opposite directions, b = 0; both exact unless both are on.
#
# And then? The hidden number is x₁ − x₂. If x₁ is the larger, feature 1 reads x₁ − x₂, too small by x₂, and feature 2 reads 0, too small by x₂ as well: *each* errs by the smaller of the two.
#
# ### Exercise 3.2 · The price of three solutions
#
# Difficulty 4 of 5 · 12 minutes · 5 points
#
# Return the expected losses of the three, in this order, as an array. For U, V uniform in [0, 1]: the mean of U² is 1/3, the mean of min(U, V)² is 1/6.
#
# <details><summary>Hint 1 of 3</summary>The variance of a feature that is on with probability p: mean of its square minus square of its mean. Its mean is p/2.</details>
# <details><summary>Hint 2 of 3</summary>The mean of the square is p/3, so guessing costs p/3 − p²/4, times the importance of the feature that is guessed.</details>
# <details><summary>Hint 3 of 3</summary>Both are on with probability p². Then either squared error is 1/6 on average; the weights are 1 and I.</details>

# %% id="ex-three-losses" exercise="three_losses" difficulty=4 minutes=12 points=5
@exercise
def three_losses(p, importance):
    """Expected losses (not represented, orthogonal, superposed) of two features in one dimension,
    as an array (3,).

    Importances are 1 and `importance`; each feature is on with probability p and then uniform in [0, 1].
    """
    ### BEGIN SOLUTION
    variance = p / 3 - p**2 / 4
    return np.array([importance * variance, variance, (1 + importance) * p**2 / 6])
    ### END SOLUTION

# %% [markdown] id="boundary-intro"
# Solutions 1 and 2 cost about p, the third about p²: **rare features make superposition cheap**. Let both be equally important, I = 1. **Below which p does superposition win?** Set p/3 − p²/4 equal to p²/3 and solve for p (two decimals).

# %% id="predict-boundary"
predict("boundary", 0.57)

# %% id="boundary" tags=["nbval-check-output"]
for p in (0.5, 0.57, 0.6, 1.0):
    print(f"p = {p:.2f}: not represented, orthogonal, superposed cost", three_losses(p, 1.0).round(4))

# %% [markdown] id="phase-intro"
# *We* thought of these three. Does gradient descent choose among them, and where we say? We train the two-feature model for 15 values of p times 15 of I, eight random starts each, and keep the start with the lowest loss. With so few features
# the *expected* loss can be computed, so training has no noise:

# %% id="phase"
p_grid, i_grid = np.geomspace(0.02, 1, 15), np.geomspace(0.1, 10, 15)
measured = superposition.phase_diagram(p_grid, i_grid, restarts=8, steps=budget(smoke=40, laptop=600))
losses = np.array([[three_losses(p, i) for p in p_grid] for i in i_grid])  # (importances, probabilities, 3)

# %% id="phase-figure"
fig, axes = plots.panels(2, height=3)
plots.solution_map(axes[0], p_grid, i_grid, losses.argmin(axis=2))
plots.solution_map(axes[1], p_grid, i_grid, measured.kind)
axes[0].set_title("Formula: superpose what is rare")
axes[1].set_title("Training: nearly the same map")
for ax in axes:
    ax.text(0.05, 1, "superposed", ha="left", color="white")
    ax.text(0.95, 6, "orthogonal", ha="right", color="white")
    ax.text(0.95, 0.15, "not represented", ha="right", fontsize=9)
plots.show(fig, alt="Two maps of importance against probability. In both, superposition fills the left side, farthest where both are equally important (its last cell is p = 0.43 by formula, 0.57 in training); to its right feature 2 has the dimension to itself if it is important and is not represented if not.")

# %% id="phase-claims"
cheapest, second = np.sort(losses, axis=2)[..., 0], np.sort(losses, axis=2)[..., 1]
clear = second > 1.05 * cheapest                              # the two best differ by more than 5 %
same = measured.kind == losses.argmin(axis=2)
claim("share of clear cells where training agrees with the formula", same[clear].mean(), at_least=0.95)
claim("largest gain of a trained model over the formula, where they disagree",
      (1 - measured.loss / cheapest)[~same].max(initial=0), at_most=0.25)
ratio = np.abs(measured.W).min(axis=2) / np.abs(measured.W).max(axis=2)
claim("share of cells whose weaker weight is 0.1 to 0.7 of the stronger one",
      ((ratio > 0.1) & (ratio < 0.7)).mean(), at_most=0.06)

# %% [markdown] id="phase-after"
# A **phase diagram**: the change is not gradual, hardly a cell stores its weaker feature by half. Most cells that disagree lie along the border, where training is *better* than our formula: it may choose other lengths and a bias, and three guesses only bound the best loss from above. In two stray cells inside the left region all eight starts got stuck.
#
# ## 3.3 Five features in the plane
#
# Now two dimensions and five features, with importances 1, 0.8, 0.64 and so on. `superposition.ToyModel` is your `reconstruct` with `W` and `b` to be trained, many copies side by side. **If all features are always on (p = 1), how many of the five will the model keep?**

# %% id="predict-dense"
predict("dense-features", 2)

# %% id="five"
log10_p = np.arange(-2, 0.01, 0.25)                           # nine probabilities from 0.01 to 1
importance = 0.8 ** np.arange(5)
every_p = np.tile(10**log10_p, 4)                             # four random starts of each
model = superposition.ToyModel(5, 2, n_instances=len(every_p), seed=0)
superposition.train_toy(model, every_p, importance, steps=budget(smoke=40, laptop=800), batch=256)
W_five = superposition.best_restart(model, every_p, restarts=4, importance=importance)

# %% [markdown] id="explore-intro"
# Move the slider from dense to sparse:

# %% id="explore"
def draw_five(ax, log10_p):
    plots.feature_arrows(ax, W_five[round((log10_p + 2) / 0.25)])
    ax.set_title(f"on with p = {10**log10_p:.2g}", loc="left", fontsize=10, fontweight="normal")

explore(draw_five, log10_p=(-2.0, 0.0, 0.25), stills=[{"log10_p": 0.0}, {"log10_p": -0.5}, {"log10_p": -1.25}],
        alt="Arrows of five features in the plane. At p = 1 two arrows at right angles; at p = 0.32 two pairs of opposite arrows; at p = 0.056 five arrows like a regular pentagon.")

# %% [markdown] id="explore-after"
# Dense: the two most important features at right angles, and the rest dropped, as PCA would do. Rarer: two pairs of opposites, the trick of section 3.1 once per axis. Rarer still: all five, in a **pentagon**. Features push each other away.
# The ReLU makes it pay: with a linear output the best possible is PCA (lesson 4), which drops all but two, however rare the features.
#
# ## 3.4 How much of a dimension does a feature have?
#
# In a pair of opposites two features share one dimension, half each. In general, others lean on a feature's direction too; its **dimensionality** is its own share of that direction,
#
# `D_i = ‖W_i‖⁴ / Σ_j ⟨W_i, W_j⟩²`, summed over all j, i included.
#
# ### Exercise 3.3 · Shares of a dimension
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Return the dimensionality of every feature. A feature with a row of zeros has 0.
#
# <details><summary>Hint 1 of 3</summary>All inner products ⟨W_i, W_j⟩ stand in one table. Which product of matrices is it?</details>
# <details><summary>Hint 2 of 3</summary><code>gram = W @ W.T</code>. Its diagonal holds ‖W_i‖², so the numerator is the diagonal squared.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>(gram ** 2).sum(axis=1)</code>, but where that is zero return 0: start from <code>np.zeros(len(W))</code> and fill the other rows.</details>

# %% id="ex-dimensionality" exercise="dimensionality" difficulty=3 minutes=8 points=4
@exercise
def dimensionality(W):
    """D_i = ||W_i||^4 / sum_j <W_i, W_j>^2 for every row of W (n_features, d_hidden), as (n_features,);
    0 for a zero row.

    >>> print(dimensionality(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])))
    [0.5 0.5 1. ]
    """
    ### BEGIN SOLUTION
    gram = W @ W.T
    total = (gram**2).sum(axis=1)
    shares = np.zeros(len(W))
    shares[total > 0] = np.diag(gram)[total > 0] ** 2 / total[total > 0]
    return shares
    ### END SOLUTION

# %% [markdown] id="shapes-intro"
# What are the shares in a triangle, a tetrahedron and a pentagon? **Divide dimensions by corners before you run.**

# %% id="shapes" tags=["nbval-check-output"]
def regular(n):
    """n directions in the plane at equal angles."""
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])

tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
shapes = {"pair": regular(2), "triangle": regular(3), "tetrahedron": tetrahedron, "pentagon": regular(5)}
for name, W in shapes.items():
    print(f"{name:12} {len(W)} features in {np.linalg.matrix_rank(W)} dimensions: "
          f"each has {dimensionality(W)[0]:.3f}")

# %% [markdown] id="plateau-intro"
# Do trained models have just these shares (**plateaus**, for they stay the same over a range of p)? First five equally important features in two dimensions, then three: a pair and one alone, or a triangle? Price them as in section 3.2, for two features that are on together. Opposite, each errs by min(x₁, x₂); at 120° only by min(x₁, x₂/2), but a triangle has three such couples, a pair is one. With sizes uniform in [0, 1]
# this makes p²/3 for the pair and 3p²/8 for the triangle; with sizes of exactly 1, 2p² and 3p²/2. So the triangle should win where sizes are nearly equal, say uniform in [0.7, 1]:

# %% id="plateaus"
def best_shares(n_features, d_hidden, low):
    """Shares in the best of twelve runs trained on the expected loss; values uniform in [low, 1], p = 0.1."""
    model = superposition.ToyModel(n_features, d_hidden, n_instances=12, seed=0)
    log = superposition.train_toy_exactly(model, 0.1, steps=budget(smoke=20, laptop=600), low=low)
    return dimensionality(model.W.detach().numpy()[log[-1].argmin()])

# %% [markdown] id="plateaus-run-intro"
# Five features are too many for the expected loss, so these train on samples:

# %% id="plateaus-run"
pentagon = superposition.ToyModel(5, 2, seed=1)
superposition.train_toy(pentagon, 0.05, steps=budget(smoke=40, laptop=1000), batch=512)
shares = {"five, values 0 to 1": dimensionality(pentagon.W[0].detach().numpy()),
          "three, values 0 to 1": best_shares(3, 2, low=0.0), "three, values 0.7 to 1": best_shares(3, 2, low=0.7)}
for name, values in shares.items():
    print(f"{name:24}", np.sort(values).round(3))

# %% id="plateaus-claims"
for name, share in zip(shares, (2 / 5, np.array([1 / 2, 1 / 2, 1]), 2 / 3)):
    claim(f"largest distance of a share from its plateau, {name}",
          np.abs(np.sort(shares[name]) - share).max(), at_most=0.02)

# %% [markdown] id="hundred-intro"
# So the paper's triangles at 2/3 do not follow from the number of features: which shape wins depends on how *sizes* are distributed, and on how rare features are. Now a crowd, equally important: **100 features in 10 dimensions**, at twelve probabilities.

# %% id="hundred"
p_hundred = np.geomspace(0.02, 0.7, 12)
model = superposition.ToyModel(100, 10, n_instances=12, seed=0)
superposition.train_toy(model, p_hundred, steps=budget(smoke=10, laptop=900), batch=256)
W_hundred = model.W.detach().numpy()
kept = np.linalg.norm(W_hundred, axis=2) > 0.5                # (12 models, 100 features): represented or not
n_kept = kept.sum(axis=1)

# %% id="hundred-figure"
shares_hundred = [dimensionality(W)[k] for W, k in zip(W_hundred, kept)]
fig, ax = plots.panels(height=3)
plots.dimension_shares(ax, p_hundred, shares_hundred)
ax.set_title("Features first pair up, then share dimensions more and more thinly")
plots.show(fig, alt="Share of a dimension per feature against 1/p. The most frequent features have mixed shares; near 1/p = 2 to 3 nearly all of those represented lie on the line 1/2; rarer ones fall through 2/5 and go on falling.")

# %% id="hundred-claims"
on_half = [np.mean(np.abs(values - 1 / 2) < 0.02) for values in shares_hundred]
claim("share of the represented features on the plateau 1/2, at the best p", max(on_half), at_least=0.8)
# groups: features at right angles to all outside their group
groups = superposition.feature_groups(W_hundred[int(np.argmax(on_half))])
paired = [len(g.features) == 2 and g.n_dims == 1 for g in groups]
claim("at that p, share of groups that are two features in one dimension", np.mean(paired), at_least=0.6)
claim("sum of all shares over the number of dimensions",
      max(dimensionality(W).sum() / 10 for W in W_hundred), at_most=1.001)

# %% [markdown] id="large-intro"
# At the best p most groups are a pair in one dimension, at right angles to all others. The last claim is a budget: **the shares add up to at most the number of dimensions**. Scherlis et al. (2022) call the share a feature's *capacity* and read training as spending it where the next bit lowers the loss most.
#
# The paper's model is larger, 400 features in 30 dimensions. `benchmarks/toy_plateaus.py` trained it beforehand, for 20 probabilities. Where does at least a fifth of the represented features (‖W_i‖ > ½) stand within 0.02 of a plateau?

# %% id="large" tags=["nbval-check-output"]
large, run = files.load_arrays(transformer.data_folder() / "toy-plateaus.safetensors")
print(f"{run['n_features']} features in {run['d_hidden']} dimensions, "
      f"{run['steps']} steps of {run['batch']} samples")
corners = {"2/3": 2 / 3, "1/2": 1 / 2, "2/5": 2 / 5, "3/8": 3 / 8}
for p, share, length in zip(large["feature_probability"][::-1], large["shares"][::-1], large["lengths"][::-1]):
    on = share[length > 0.5].astype(float)
    near = {name: (np.abs(on - value) < 0.02).sum() for name, value in corners.items()}
    if max(near.values()) > 0.2 * len(on):
        print(f"p = {p:.3f}: {len(on):3} represented ({run['d_hidden'] / len(on):.3f} dimensions each); at",
              ", ".join(f"{name} {count:2}" for name, count in near.items()))

# %% [markdown] id="capacity"
# From frequent to rare: some shares near 2/3 (the paper's triangles), then 1/2 and hardly anything else (p from 0.49 to 0.27), at the lower end two features for each dimension, then crowds near 2/5 and 3/8 (its pentagons and square antiprisms, eight features in three dimensions; a share between the two counts for both). But beware: if all shares are alike and fill the space, each is the number in brackets, whatever the
# arrangement. **A share near a plateau does not prove a shape**; look at the groups too, as we did for the pairs.

# %% [markdown] id="count-intro"
# **Is F ∼ d/p?** The reference page (one of the three sources of this course, beside the lecture and an article) says that the number of features F that fit grows like d/p, and adds that this is informal. Count them (‖W_i‖ > ½), here and in a second crowd in 5 dimensions. If the law held, `F p / d` would be the same everywhere:

# %% id="count"
model = superposition.ToyModel(100, 5, n_instances=12, seed=1)
superposition.train_toy(model, p_hundred, steps=budget(smoke=10, laptop=900), batch=256)
n_kept_5 = (model.W.detach().norm(dim=2) > 0.5).sum(dim=1).numpy()
for p, ten, five in list(zip(p_hundred, n_kept, n_kept_5))[::2]:
    print(f"p = {p:.3f}: F = {ten:3} of 100 in 10 dimensions, F p / d = {ten * p / 10:.2f};  "
          f"F = {five:3} in 5, F p / d = {five * p / 5:.2f}")

# %% id="count-claims"
fitted = (p_hundred > 0.04) & (p_hundred < 0.4)  # before the 100 run out, and after superposition sets in
slope = -np.polyfit(np.log(p_hundred[fitted]), np.log(n_kept[fitted]), 1)[0]
claim("exponent a of F ~ (1/p)^a in 10 dimensions (the law says 1)", slope, at_least=0.4, at_most=0.85)
claim("features in 10 dimensions over features in 5, same p",
      np.median(n_kept[fitted] / np.maximum(n_kept_5[fitted], 1)), at_least=1.5, at_most=3)

# %% [markdown] id="count-after"
# Half of it stands: twice the dimensions hold about twice the features, rather more. But F grows more slowly than 1/p: interference comes from all features that are on at once, and the reader, `W.T` and ReLU, is simple. (At the smallest p the count runs into the 100 features there are; the fit leaves that out.)
#
# ## 3.5 Friends and enemies
#
# So far features came and went independently. Real ones do not: "Python" and "indentation" come together, "French" and "Chinese" hardly ever. Take two pairs, A with a and B with b, in two dimensions. **Which pair would you rather put on one line, in opposite directions: two features that always come together, or two that never do?** `"together"` or `"never"`.

# %% id="predict-pairs"
predict("opposite-pairs", "never")

# %% id="pairs"
found = {}
for name, sample in {"together": superposition.sample_together, "never": superposition.sample_apart}.items():
    model = superposition.ToyModel(4, 2, n_instances=12, seed=0)
    superposition.train_toy(model, 0.15, steps=budget(smoke=40, laptop=700), batch=256, sample=sample)
    found[name] = superposition.best_restart(model, 0.15, restarts=12, sample=sample)[0]

# %% id="pairs-figure"
titles = {"together": "A with a: at right angles", "never": "never A with a: opposite"}
fig, axes = plots.panels(2, height=3)
for ax, (name, title) in zip(axes, titles.items()):
    plots.feature_arrows(ax, found[name], names="AaBb")
    ax.set_title(title)
plots.show(fig, alt="Four arrows each. Left: A and a, which come together, are at right angles, and so are B and b. Right: A and a, which never come together, are opposite, and so are B and b.")

# %% id="pairs-claims"
cosines = {name: [geometry.unit_norm(W)[i] @ geometry.unit_norm(W)[i + 1] for i in (0, 2)]
           for name, W in found.items()}
claim("cosine within pairs that come together", min(cosines["together"]), at_least=-0.3)
claim("cosine within pairs that never do", max(cosines["never"]), at_most=-0.7)

# %% [markdown] id="pairs-after"
# On one line, interference costs only when both are on, so enemies may share it at no price, and friends keep out of each other's echo: near right angles, or side by side, where the echo has the right sign. Geometry mirrors *co-occurrence*; it need not mean that features are alike.

# %% [markdown] id="eight-intro"
# ## 3.6 What interference costs
#
# The reference page draws eight features in the plane: legal, color, math, food, music, sport, code, weather. "Nearly orthogonal packing", it says. **What is the cosine between neighbours?**

# %% id="eight" tags=["nbval-check-output"]
eight = regular(8)
print("cosines with 'legal':", (eight @ eight[0]).round(2))
print("coherence", round(geometry.coherence(eight), 3),
      " Welch's lower bound", round(geometry.welch_bound(8, 2), 3))

# %% [markdown] id="eight-after"
# 0.71: nowhere near orthogonal. (The coherence takes |cosine|, and is 1 for opposites.) No eight directions in the plane do better: some two lie within 360°/8 = 45° of each other. (Welch's 0.65 bounds the largest |cosine|.) So the other half of the argument must carry the picture: *sparsity makes collisions rare*. How rare?
#
# ### Exercise 3.4 · Collisions
#
# Difficulty 2 of 5 · 5 minutes · 3 points
#
# n features are on independently with probability p each. How probable is it that **two or more** are on in one sample?
#
# <details><summary>Hint 1 of 3</summary>Count what is *not* a collision: no feature on, or exactly one.</details>
# <details><summary>Hint 2 of 3</summary>None is on with probability <code>(1 - p) ** n</code>. A particular one alone: <code>p * (1 - p) ** (n - 1)</code>.</details>
# <details><summary>Hint 3 of 3</summary>There are n features that could be the one. Take both probabilities from 1.</details>

# %% id="ex-collision" exercise="collision_probability" difficulty=2 minutes=5 points=3
@exercise
def collision_probability(n, p):
    """Probability that at least two of n independent features are on, each with probability p.

    >>> print(round(collision_probability(2, 0.5), 4))
    0.25
    """
    ### BEGIN SOLUTION
    return 1 - (1 - p) ** n - n * p * (1 - p) ** (n - 1)
    ### END SOLUTION

# %% [markdown] id="ex-interference-task"
# A rare collision may still be a bad one. Read feature i with its own direction, without ReLU: you get x_i‖W_i‖² plus what the others add, Σ_{j≠i} ⟨W_i, W_j⟩ x_j. That sum is the interference.
#
# ### Exercise 3.5 · Expected interference
#
# Difficulty 4 of 5 · 10 minutes · 5 points
#
# Return, for every feature, the mean of the *square* of that sum. The x_j are independent, on with probability p, and then uniform in [0, 1].
#
# <details><summary>Hint 1 of 3</summary>The mean of a square is the variance plus the square of the mean. Variances of independent terms add up; so do means.</details>
# <details><summary>Hint 2 of 3</summary>Each x_j has mean p/2 and variance p/3 − p²/4. A factor c multiplies the mean by c and the variance by c².</details>
# <details><summary>Hint 3 of 3</summary>With <code>c = W @ W.T</code> and a zero diagonal: <code>(c**2).sum(axis=1)</code> times the variance, plus the square of <code>c.sum(axis=1)</code> times the mean.</details>

# %% id="ex-interference" exercise="interference" difficulty=4 minutes=10 points=5
@exercise
def interference(W, p):
    """Mean over samples of (sum_{j != i} <W_i, W_j> x_j)^2 for every row i of W (n_features, d_hidden),
    as (n_features,).

    Features x_j are independent, non-zero with probability p, then uniform in [0, 1].
    """
    ### BEGIN SOLUTION
    c = W @ W.T
    np.fill_diagonal(c, 0)
    return (c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2
    ### END SOLUTION

# %% [markdown] id="cheap-intro"
# Compare with the signal, the mean square p/3 of a feature itself. **As p falls to 0.001, what becomes of interference divided by signal?** `"falls"`, or `"stays"`.

# %% id="predict-linear"
predict("linear-interference", "stays")

# %% id="cheap" tags=["nbval-check-output"]
for p in (0.5, 0.1, 0.01, 0.001):
    print(f"p = {p}: two or more of 8 on in {100 * collision_probability(8, p):8.4f} % of samples, "
          f"interference / signal {interference(eight, p)[0] / (p / 3):.2f}")

# %% [markdown] id="cheap-after"
# It does not fall: it rises to three times the signal, and stays there! Collisions become rare, but *without a nonlinearity* a feature that is off hears every neighbour that is on. "Interference only when both are active" holds for a reader that can stay silent. Measure two: one with ReLU, one also with a bias that swallows neighbours' echoes while a feature of size 1 still reads 1:

# %% id="relu"
def error_over_signal(W, b, p):
    """Mean squared error of reconstruct over the mean square of x, on a million features."""
    x = superposition.sample_features((1_000_000 // len(W), len(W)), p, seed=3).numpy()
    return ((reconstruct(x, W, b) - x) ** 2).mean() / (x**2).mean()

echo = np.sqrt(0.5)                                           # the cosine between neighbours
longer, bias = eight / np.sqrt(1 - echo), np.full(8, -echo / (1 - echo))
for p in (0.5, 0.1, 0.01):
    print(f"p = {p}: error / signal with ReLU {error_over_signal(eight, np.zeros(8), p):.2f}; "
          f"with a bias as well {error_over_signal(longer, bias, p):.2f}; "
          f"longer yet, less bias {error_over_signal(eight * np.sqrt(2.45), np.full(8, -1.32), p):.2f}")

# %% [markdown] id="relu-after"
# The ReLU removes the negative echoes; the bias removes the positive ones too, but also weakens features of less than full size. Two opposite pairs, four of the eight dropped, err by about half the signal. With a bias that swallows the whole echo eight in the plane do not beat that; with one found by search for rare features they do at p = 0.01, and still miss two fifths. What does one pair cost? By section 3.2, p²/3 against a signal of 2p/3:

# %% id="pentagon-cost"
for p in (0.5, 0.1, 0.01):
    ratio = error_over_signal(opposite, np.zeros(2), p)
    print(f"p = {p}: an opposite pair has error / signal {ratio:.4f} (p/2 = {p / 2})")
claim("error over signal of a pair at p = 0.01", ratio, at_most=0.01)

# %% [markdown] id="fit-intro"
# So sparsity makes interference cheap where echoes are *negative* (the ReLU hears nothing) or *small* (a bias swallows them). Of the seven echoes in the plane the two neighbours' are neither: they cost a good part of the signal, however rare the features. In many dimensions?
#
# ## 3.7 How many directions fit?
#
# Exactly orthogonal: d, and not one more. Now allow |cosine| ≤ ε. Draw random directions and compare the worst pair with lesson 1's Welch bound:

# %% id="random" tags=["nbval-check-output"]
for d in (2, 10, 100, 400):
    D = synthetic.random_dictionary(4 * d, d, seed=0)
    print(f"{4 * d:4} random directions in {d:3} dimensions: worst |cosine| {geometry.coherence(D):.2f}, "
          f"Welch bound {geometry.welch_bound(4 * d, d):.2f}")

# %% [markdown] id="bounds-intro"
# Dimension does it: with four times too many directions, the worst pair is almost parallel in the plane and far from it in 400 dimensions. (Random is not optimal.) Three statements about the largest possible number n are often mixed up:
#
# - **what exists** (Johnson–Lindenstrauss type, by throwing dice): the chance that two random directions have |cosine| > ε is at most 2 exp(−dε²/2), and there are fewer than n²/2 pairs, so n = exp(dε²/4) directions surely exist;
# - **what cannot exist** in given d: Welch's bounds, lesson 1's and its kin for higher powers of the cosines;
# - **what cannot exist, in the long run**: Kabatiansky and Levenshtein (1978), an *upper* bound on the rate (1/d) ln n for large d.

# %% id="bounds" tags=["nbval-check-output"]
for d, eps in ((512, 0.1), (512, 0.3), (4096, 0.1)):
    exists, most = geometry.directions_that_fit(d, eps), geometry.directions_at_most(d, eps)
    rate = geometry.kabatiansky_levenshtein_rate(eps)
    print(f"d = {d}, |cosine| <= {eps}: at least {max(d, exists):.3g}, at most {most:.3g};  "
          f"rates at least {eps**2 / 4:.4f}, at most {rate:.4f}")

# %% [markdown] id="bounds-after"
# Both are exponential in dε², the upper one with an extra ln(1/ε). The true number lies between, nobody knows where. (The count *at most* holds at exactly this d, and is weak. The rate is far sharper but speaks of d → ∞ only: exp(rate · d) is no bound at d = 512.) At ε = 0.1 the exponential promise is worth nothing in 512 dimensions (an orthogonal basis is better), and several times d in 4,096. And *fitting* is about directions alone: whether features can be **read** depends on how many are on at once (section 3.9).
#
# > **The sources say / what is true.**
# >
# > *Reference page: exp(Ω(dε²)) nearly orthogonal directions, "the Kabatyanskii–Levenshtein bound".* exp(Ω(dε²)) is what **exists**, by random choice. Kabatiansky–Levenshtein is an **upper** bound: no arrangement does better than its rate.
# >
# > *Reference page, figure: eight nearly orthogonal directions in 2-D.* Neighbours have cosine 0.71, and no eight directions in the plane do better: some two lie within 45°. Near-orthogonality needs many dimensions.
# >
# > *Reference page: F ∼ d/p.* Informal, as it says. In our toy F grows like d, but, over the range we can see, more slowly than 1/p (section 3.4).
# >
# > *Reference page: interference is rare because collisions are rare.* Only with a nonlinearity that can be silent; a linear reader hears every feature that is on (section 3.6).
# >
# > *Lecture: near-orthogonality is possible when M ≥ d.* Possible for large d; for M > d the Welch bound is a limit that the worst pair cannot beat, and mostly does not reach.
# >
# > *Article: networks represent more features than dimensions by features that interfere.* Shown here for toys; for language models lessons 5 to 9 probe it.

# %% [markdown] id="basis-intro"
# ## 3.8 Neurons: why some axes are special
#
# Why speak of directions and not of neurons? In the model so far the axes mean nothing. Turn all hidden directions by any rotation Q:

# %% id="rotate" tags=["nbval-check-output"]
Q = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))[0]
x = superposition.sample_features((1000, 5), 0.1, seed=1).numpy()
before = reconstruct(x, regular(5), np.zeros(5))
after = reconstruct(x, regular(5) @ Q, np.zeros(5))
print("largest change of any output after a rotation:", np.abs(after - before).max().round(9) + 0)

# %% [markdown] id="privileged-intro"
# Nothing changes, so nothing can prefer an axis. A ReLU on the *hidden* units changes that, since it works axis by axis: the basis becomes **privileged**. Ten features, five hidden units, without and with ReLU on them (positive weights red, negative blue):

# %% id="privileged"
p_neurons = np.tile([0.5, 0.05], 6)
importance = 0.75 ** np.arange(10)
W_by_kind = {}
for name, kind in {"linear": superposition.ToyModel, "neurons": superposition.NeuronModel}.items():
    model = kind(10, 5, n_instances=12, seed=0)
    superposition.train_toy(model, p_neurons, importance, steps=budget(smoke=40, laptop=1000), batch=256)
    W_by_kind[name] = superposition.best_restart(model, p_neurons, restarts=6, importance=importance)

# %% id="privileged-figure"
fig, axes = plots.panels(3, height=2.9)
titles = ("Linear, p = 0.5:\nspread over units", "Neurons, p = 0.5:\na unit per feature",
          "Neurons, p = 0.05:\nunits are shared")
for ax, W, title in zip(axes, (W_by_kind["linear"][0], *W_by_kind["neurons"]), titles):
    plots.signed_weights(ax, W)
    ax.set_title(title)
plots.show(fig, alt="Weights of ten features onto five hidden units. Linear hidden units: features spread over several units. Neurons at p = 0.5: one unit each for five features. Neurons at p = 0.05: every unit takes part in several features.")

# %% id="privileged-claims"
def axis_share(W):
    """How much of a represented feature's squared length lies on its largest hidden unit, on average."""
    W = W[np.linalg.norm(W, axis=1) > 0.5]
    return ((W**2).max(axis=1) / (W**2).sum(axis=1)).mean()

on_axes = {name: [axis_share(W) for W in pair] for name, pair in W_by_kind.items()}
features_per_neuron = (np.abs(W_by_kind["neurons"]) > 0.4).sum(axis=1).mean(axis=1)
claim("axis share, neurons minus linear, at p = 0.5", on_axes["neurons"][0] - on_axes["linear"][0], at_least=0.15)
claim("features per neuron at p = 0.5", features_per_neuron[0], at_most=2)
claim("features per neuron at p = 0.05", features_per_neuron[1], at_least=3)

# %% [markdown] id="privileged-after"
# Frequent features: one neuron each, **monosemantic**. Rare features: every neuron takes part in several, **polysemantic**, and reading neuron by neuron reads the wrong units.
#
# Can neurons even *compute* on features in superposition? The paper's test: the absolute value |x| of features between −1 and 1.
#
# ### Exercise 3.6 · The absolute value with two neurons
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Without superposition, |x| = relu(x) + relu(−x). Return weights `W_in` (n, 2n) and `W_out` (2n, n) with `np.maximum(x @ W_in, 0) @ W_out` equal to |x| for n features at once.
#
# <details><summary>Hint 1 of 3</summary>For n = 1: which two numbers in <code>W_in</code>, which two in <code>W_out</code>?</details>
# <details><summary>Hint 2 of 3</summary>Give the first n neurons x itself, and the last n neurons −x: two blocks beside each other.</details>
# <details><summary>Hint 3 of 3</summary><code>np.hstack([np.eye(n), -np.eye(n)])</code> on the way in; on the way out two identities on top of each other.</details>

# %% id="ex-abs" exercise="abs_weights" difficulty=2 minutes=8 points=3
@exercise
def abs_weights(n):
    """(W_in (n, 2n), W_out (2n, n)) such that relu(x W_in) W_out = |x| for every x (batch, n)."""
    ### BEGIN SOLUTION
    eye = np.eye(n)
    return np.hstack([eye, -eye]), np.vstack([eye, eye])
    ### END SOLUTION

# %% [markdown] id="abs-intro"
# So six neurons can compute three absolute values. Now ten features, six neurons, everything trained, at p = 1 and at p = 0.03. We add up, over features, the explained share of the variance of |x|; without superposition the sum can reach about 3:

# %% id="abs"
W_in, W_out = abs_weights(3)
x = superposition.sample_signed((5, 3), 0.5, seed=0).numpy()
p_abs = np.tile([1.0, 0.03], 4)
model = superposition.AbsModel(10, 6, n_instances=8, seed=0)
superposition.train_toy(model, p_abs, 0.8 ** np.arange(10), steps=budget(smoke=40, laptop=1200), batch=256,
                        sample=superposition.sample_signed)
print("by hand, largest error:", np.abs(np.maximum(x @ W_in, 0) @ W_out - np.abs(x)).max())

# %% id="abs-claims"
p_column = torch.tensor(p_abs, dtype=torch.float32)[:, None, None]
with torch.no_grad():
    x = superposition.sample_signed((8, 20_000, 10), p_column, seed=9)
    explained = 1 - (model(x) - x.abs()).square().mean(dim=1) / x.abs().var(dim=1)
# the best of the four starts, for each of the two probabilities
computed = explained.clamp(min=0).sum(dim=1).reshape(4, 2).max(dim=0).values.numpy()
claim("absolute values computed by 6 neurons, features always on", computed[0], at_most=3.6)
claim("absolute values computed by 6 neurons, features rarely on", computed[1], at_least=3.9)

# %% [markdown] id="abs-after"
# Rare features share neurons even while something is being *computed* with them.
#
# ## 3.9 Reading it back: superposition is compressed sensing
#
# You are given hidden vectors and the directions `W`, and want the features: `hidden = x @ W` with x sparse and non-negative. This is **lesson 1's problem**, with `W` as dictionary and x as code. The model's own reader is one product and a ReLU. Yours may search.
#
# ### Exercise 3.7 · Read back
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Rows of `W` have different lengths, and the LASSO should not favour long ones. So: make atoms of length 1, find their **non-negative** LASSO codes with penalty `lam` (`lasso.fista` or another solver of lesson 1; the codes are its result's `.z`), and convert these back to features of the rows of `W`.
#
# <details><summary>Hint 1 of 3</summary>If <code>hidden = z @ unit_rows</code>, what is x with <code>hidden = x @ W</code>?</details>
# <details><summary>Hint 2 of 3</summary><code>length = np.linalg.norm(W, axis=1)</code>; the atoms are <code>W / length[:, None]</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>lasso.fista(hidden, atoms, lam, positive=True).z</code> are the codes; divide them by <code>length</code>.</details>

# %% id="ex-read" exercise="read_back" difficulty=3 minutes=8 points=4
@exercise
def read_back(hidden, W, lam):
    """Features x >= 0 with hidden ~ x W: non-negative LASSO codes z of the unit rows of W,
    then x_i = z_i / ||W_i||.

    hidden (n, d_hidden), W (n_features, d_hidden) -> (n, n_features);
    z minimises 1/2 ||hidden - z U||^2 + lam sum z.
    """
    ### BEGIN SOLUTION
    length = np.linalg.norm(W, axis=1)
    return lasso.fista(hidden, W / length[:, None], lam, positive=True).z / length
    ### END SOLUTION

# %% [markdown] id="read-intro"
# 64 features, each with a random direction in 20 dimensions, k of them on with values from 0.5 to 2. Two readers name the k features that were on: the k loudest entries of `hidden @ W.T`, or the k largest that your LASSO finds. (A product with *learned* weights reads better: lesson 4.)

# %% id="read"
W = synthetic.random_dictionary(64, 20, seed=0)
def all_named(score, x):
    """Share of samples whose k largest scores are exactly the features that are on."""
    k = (x > 0).sum(axis=1)[0]
    return np.mean([set(np.argsort(-s)[:k]) == set(np.flatnonzero(row)) for s, row in zip(score, x)])

ks, readers = (1, 2, 3, 4, 5, 6, 8, 10, 12), {"one product": [], "LASSO": []}
for k in ks:
    x = synthetic.sparse_codes(budget(smoke=20, laptop=100), 64, k, seed=k, positive=True)
    readers["one product"].append(all_named(x @ W @ W.T, x))
    readers["LASSO"].append(all_named(read_back(x @ W, W, lam=0.02), x))
limit = 20 * geometry.donoho_tanner(20 / 64, positive=True)

# %% id="read-figure"
fig, ax = plots.panels(height=2.6)
ax.plot(ks, readers["LASSO"], "o-", color=plots.ATOM)
ax.plot(ks, readers["one product"], "o-", color=plots.BASELINE)
ax.axvline(limit, color=plots.TRUTH, linewidth=0.8, linestyle="--")
ax.text(2.9, 0.86, "LASSO, which searches")
ax.text(2.6, 0.55, "product with Wᵀ, the k loudest")
ax.text(limit + 0.1, 0.9, "Donoho–Tanner, large sizes")
ax.set(title="The same 20 numbers hold more than the product with Wᵀ reads",
       xlabel="features on at once, of 64", ylabel="share read exactly", ylim=(0, 1.05))
plots.show(fig, alt="Share of samples in which all features are named, against the number of features on. One product falls quickly after one feature; the LASSO stays near 1 for five or six and falls near the Donoho–Tanner limit of about eight.")

# %% id="read-claims"
claim("share read exactly with 3 features on, LASSO", readers["LASSO"][2], at_least=0.8)
claim("share read exactly with 3 features on, one product", readers["one product"][2], at_most=0.6)

# %% [markdown] id="read-after"
# **Superposition is compressed sensing**: the network compresses sparse features into few dimensions, and sparse recovery decompresses. The limit is lesson 1's: how many are on, against dimensions and features. Does it help with a *trained* toy, whose own reader learned along with its directions?

# %% id="own"
toy = superposition.ToyModel(64, 20, seed=0)
superposition.train_toy(toy, 0.05, steps=budget(smoke=40, laptop=2500), batch=256)
x = superposition.sample_features((1, 300, 64), 0.05, seed=8)
with torch.no_grad():
    own_error = (toy(x) - x).square().sum().item()

# %% [markdown] id="own-go"
# The same hidden numbers, for the LASSO:

# %% id="own-lasso"
W_toy, x, hidden = toy.W[0].detach().numpy(), x[0].numpy(), toy.hidden(x)[0].detach().numpy()
lasso_error = ((read_back(hidden, W_toy, lam=0.01) - x) ** 2).sum()
print(f"features represented: {(np.linalg.norm(W_toy, axis=1) > 0.5).sum()} of 64; "
      f"error of the LASSO reader over the model's own: {lasso_error / own_error:.2f}")
claim("error of the LASSO reader over that of the model's own", lasso_error / own_error, at_most=0.9)

# %% [markdown] id="own-after"
# There was more in the hidden vector than the model's own reader gets out. But you were *given* `W`. A real model gives only hidden vectors: first find the dictionary (lesson 2), with an encoder fast enough for billions of samples. That is a sparse autoencoder, and this very toy will be its first test (lesson 4).
#
# ## 3.10 The paper says / we measured

# %% id="paper-shapes"
five_shares, three_shares, alike_shares = [np.sort(values) for values in shares.values()]
best = int(np.argmax(on_half))
shape_rows = [("phases: not represented, orthogonal, superposed",
               f"{100 * same[clear].mean():.0f} % of clear cells as the formula says"),
              ("5 in 2 dimensions, sparse: a pentagon, D = 2/5",
               f"D = {five_shares.min():.3f} to {five_shares.max():.3f}"),
              ("plateaus at 1/2 (pairs)", f"{100 * max(on_half):.0f} % of {n_kept[best]} represented within 0.02 "
                                         f"(p = {p_hundred[best]:.2f})"),
              ("3 in 2 dimensions: triangles, D = 2/3",
               f"{three_shares.round(2)}; sizes above 0.7: {alike_shares.round(2)}")]

# %% id="paper"
table = shape_rows + [
    ("correlated: not opposite; anti-correlated: opposite",
     f"cosines {np.round(cosines['together'], 2)}; {np.round(cosines['never'], 2)}"),
    ("ReLU on hidden units makes neurons meaningful",
     f"axis share {on_axes['neurons'][0]:.2f} against {on_axes['linear'][0]:.2f} without"),
    ("absolute value is computed in superposition",
     f"{computed[1]:.1f} of 10 by 6 neurons if rare, {computed[0]:.1f} if dense")]
print("\n".join(f"{says:52} | {found_here}" for says, found_here in table))

# %% [markdown] id="confusions"
# The triangles are the one exception: three independent, rare features uniform in [0, 1] form a pair and a loner in two dimensions. At the paper's size we too find shares near 2/3, where features are on more often than off.

# %% [markdown] id="q-why-share" question="why_share" minutes=5 points=3
# ### Question 3.1 · Why share a neuron?
#
# In words · 5 minutes · 3 points
#
# One neuron answers to cats and to parking tickets. How can that be good for the model, under which condition on the two features does it cost little, and who pays when the condition fails? Three to six sentences.
#
# ### BEGIN SOLUTION
# - One point: there are more useful features than dimensions, and sharing lets the model keep more of them.
# - One point: it costs little when the features are sparse, so that both are rarely present at once.
# - One point: when they do come together they interfere: each is read with an error caused by the other (in 3.2, the smaller of the two sizes).
# ### END SOLUTION

# %% [markdown] id="common-confusions"
# ## Common confusions
#
# - *"Superposition means that neurons are polysemantic."* Superposition is more features than dimensions; polysemantic is what a neuron then looks like, *if* axes are privileged. Where they are not, a mere rotation makes units look polysemantic, without superposition.
# - *"Nearly orthogonal directions, so no interference."* Many small echoes add up over the features that are on.
# - *"Sparse features, so interference vanishes."* For a reader with a threshold. Not for a linear one.
# - *"Regular polygons in a language model?"* They come from independent features that are on equally often and equally strongly. Correlations bend them.
#
# ## Summary
#
# A layer gains by superposition when features are rare: cost p² against p. Few features settle in regular shapes with simple fractions of a dimension; crowds first pair up, then share more and more thinly; the shares add up to at most d. Exponentially many directions fit nearly orthogonally in high dimensions, two in the plane; what can be *read* depends on how many features are on, and on the reader, and reading is sparse recovery.
#
# **Limits.** Everything here is a toy: features are independent or paired, alike in distribution, and *known*. Random starts end in local minima, and we mostly report the best of several. That a language model's features are directions at all is an assumption.
#
# **References.** Elhage et al., "Toy Models of Superposition" (2022) · Scherlis et al., "Polysemanticity and Capacity in Neural Networks" (2022) · Welch, "Lower bounds on the maximum cross correlation of signals" (1974) · Johnson and Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space" (1984) · Kabatiansky and Levenshtein, "Bounds for packings on a
# sphere and in space" (1978) · Donoho and Tanner, "Observed universality of phase transitions in high-dimensional geometry" (2009).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 4 · From PCA to the SAE](04_pca_to_sae.ipynb).
