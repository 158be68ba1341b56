# %% [markdown] id="title"
# # Lesson 1 · Too many atoms
#
# **You will be able to**: choose a basis for a signal, and say why one is not enough · measure how alike the atoms of a dictionary are and what that promises · write
# the LASSO's solvers and *prove* that an answer is optimal · say where L1 finds the truth, where it only finds something cheaper, and what it does to sizes.
#
# **60 minutes.** (With every exercise, 90.) You know NumPy and the matrix product, and have met codes and atoms in [lesson 0](00_start_here.ipynb). Samples and atoms are rows: `x = z @ D`.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
from saekit import geometry, lasso, pca, plots, synthetic
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("01_lasso")

# %% [markdown] id="sound-intro"
# ## 1.1 Four bases for one sound
#
# Chords, and a record player that crackles. Listen:

# %% id="sound"
from IPython.display import Audio
sound = synthetic.clicks_and_tones(n_frames=64, d=256, n_clicks=3, n_tones=3)
Audio(sound.x.ravel(), rate=sound.rate)

# %% [markdown] id="bases-intro"
# We cut the sound into frames, the rows of `sound.x`. To describe a frame one chooses a **basis**: 256 orthonormal atoms. Each basis asks its own question. The **canonical** basis (one
# click per atom): *when?* The cosines of the **DCT**, the real-valued cousin of Fourier's: *which frequency?* **Wavelets**: *roughly when, and roughly how fast?* **PCA**
# takes its atoms from data: *how do other frames of this kind vary most?*

# %% id="bases" tags=["nbval-check-output"]
import pywt
others = synthetic.clicks_and_tones(n_frames=800, d=256, n_clicks=3, n_tones=3, seed=1).x
bases = {"canonical": np.eye(256), "DCT": synthetic.dct_dictionary(256),
         "wavelets": np.hstack(pywt.wavedec(np.eye(256), "sym8", mode="periodization", axis=1)).T,
         "PCA": pca.pca(others, 256).components}
for name, basis in bases.items():
    print(f"{name:10} {len(basis)} atoms, orthonormal: {np.allclose(basis @ basis.T, np.eye(256))}")

# %% [markdown] id="atoms-intro"
# One atom of each:

# %% id="atoms-figure"
fig, axes = plots.panels(4, height=1.9, sharey=True)
ms = 1000 * np.arange(256) / sound.rate
for ax, (name, which) in zip(axes, {"canonical": 80, "DCT": 12, "wavelets": 20, "PCA": 0}.items()):
    ax.plot(ms, bases[name][which], color=plots.ATOM, linewidth=1)
    ax.set(title=name, xlabel="time (ms)", ylim=(-0.4, 1.05))
axes[0].set_ylabel("value")
plots.show(fig, alt="Four atoms over 32 milliseconds: a single spike, an even cosine, a short wiggle, and an irregular wave.")

# %% [markdown] id="needed-intro"
# A basis suits a signal when few coefficients carry it. Count, per frame, the largest coefficients that together hold 99 % of the energy (the sum of squares).
# **In the DCT, of 256, how many will the crackling chord need?** `"a"`: 6. `"b"`: about 40. `"c"`: more than 150.

# %% id="predict-needed"
predict("dct-needs", "c")

# %% id="needed" tags=["nbval-check-output"]
def needed(z, share=0.99):
    """Mean number of largest entries per row of z that hold this share of the row's energy."""
    energy = np.sort(z ** 2, axis=1)[:, ::-1].cumsum(axis=1)
    return ((energy < share * energy[:, -1:]).sum(axis=1) + 1).mean()

print(f"{'':10}{'clicks':>8}{'tones':>8}{'both':>8}")
for name, basis in bases.items():
    counts = [needed(part @ basis.T) for part in (sound.clicks, sound.tones, sound.x)]
    print(f"{name:10}" + "".join(f"{count:8.0f}" for count in counts))

# %% [markdown] id="needed-after"
# Three clicks are three spikes; three tones are three cosines; and each is a mess in the other's basis. Wavelets are a compromise. On the whole sound PCA does no better than no basis at all: clicks come at any time and
# chords at any pitch, so no few directions hold the variance. The click basis and the DCT are good at one thing each, no basis at both. **So why not use everything?**

# %% id="union" tags=["nbval-check-output"]
D = synthetic.spikes_dct(256)                                       # 256 spikes, then 256 cosines
z_true = np.hstack([sound.clicks, sound.tones @ bases["DCT"].T])    # the code the sound was made from
n_used = (np.abs(z_true) > 1e-9).sum(axis=1).max()
print("atoms", D.shape, " exact:", np.allclose(z_true @ D, sound.x), " atoms used per frame:", n_used)

# %% [markdown] id="three-intro"
# Six atoms instead of 256 numbers. But we knew them. With 512 atoms in 256 dimensions there are infinitely many codes for the same frame. How does one find the code with six?
#
# ## 1.2 Which of infinitely many?
#
# Shrink the problem until we can see it: two dimensions, three atoms. East, north, and one between them. The signal *is* the one between. First we measure it:

# %% id="three-measure" tags=["nbval-check-output"]
D3 = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])     # (3 atoms, 2 dimensions), unit rows
x3 = D3[2]
print(x3 @ D3.T)

# %% [markdown] id="three-after"
# All three answer, although one is enough: measuring is not decomposing. We need a `z` with `z @ D3 = x3`, and of all those a small one. Small in which sense? Squares (**L2**) lead to the
# pseudo-inverse. Absolute values (**L1**) lead to a linear programme (a linear cost under linear constraints), called **basis pursuit** (SciPy solves it):

# %% id="three-codes" tags=["nbval-check-output"]
print("smallest L2:", (x3 @ np.linalg.pinv(D3)).round(3) + 0.0)
print("smallest L1:", lasso.smallest_l1(x3, D3).round(3) + 0.0)

# %% [markdown] id="explore-intro"
# L2 gives everyone a share of the work: halving a large entry saves more than a new small one costs. L1 charges by the total, so one good atom beats three fair ones. You can see it with
# two coefficients. All codes that explain the signal form a line (the slider turns the arrow a that stands at right angles to it); each ball grows until it touches that line.
# **Before you look: for which direction of a will the diamond not know what to choose?**

# %% id="explore-draw"
def draw(ax, angle):
    """The codes z with a · z = 1, where the vector a has this angle, and the smallest balls that reach them."""
    plots.touching_balls(ax, np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]))
    ax.set_title(f"a at {angle}°")

# %% id="explore"
alt = ("A circle and a diamond touch a slanted line. The circle touches at a point where both coordinates "
       "differ from zero, the diamond at one of its corners; "
       "at 45 degrees a whole edge of the diamond lies on the line.")
explore(draw, stills=[{"angle": 25}, {"angle": 45}, {"angle": 70}], angle=(5, 85), alt=alt)

# %% [markdown] id="explore-after"
# The circle (orange) touches anywhere; the diamond (green) at a corner, where a coordinate is zero. Only with a at 45° (and its mirror images) does a whole edge touch, and any code on it is as cheap. With three coefficients the circle is a sphere and the diamond an
# octahedron; for `D3` the line runs through three dimensions and meets the octahedron at the corner (0, 0, 1).
#
# So L1 finds sparse codes. Does it find the *true* one? Let the signal be east **plus** north. That code costs 1 + 1 = 2. **What is the price of the code that L1 finds?** (One decimal.)

# %% id="predict-two"
predict("two-atoms", 1.5)

# %% id="two-atoms" tags=["nbval-check-output"]
found = lasso.smallest_l1(D3[0] + D3[1], D3)
print(found.round(3) + 0.0, " price", np.abs(found).sum().round(3))

# %% [markdown] id="two-after"
# It used the atom between, for a quarter less. No amount of data could object: both codes give exactly this signal. **L1 finds the cheapest story that the dictionary can tell, not the one that happened.** So when are the two the same?
#
# ## 1.3 How alike may atoms be?
#
# The trouble came from atoms that look alike. The worst pair of a dictionary is its **coherence** μ.

# %% [markdown] id="ex-coherence-task"
# ### Exercise 1.1 · The worst pair
#
# Difficulty 2 of 5 · 5 minutes · 3 points
#
# Return the largest |cosine| between two *different* rows of `D`. The rows may have any length.
#
# <details><summary>Hint 1 of 3</summary>If all rows have length 1, what does <code>D @ D.T</code> hold?</details>
# <details><summary>Hint 2 of 3</summary>Divide by <code>np.linalg.norm(D, axis=1, keepdims=True)</code> first. Opposite atoms are alike too: absolute values.</details>
# <details><summary>Hint 3 of 3</summary>The diagonal compares each atom with itself: <code>np.fill_diagonal(table, 0)</code>, then take the maximum.</details>

# %% id="ex-coherence" exercise="coherence" difficulty=2 minutes=5 points=3
@exercise
def coherence(D):
    """Largest |cosine| between two different rows of D (n_atoms, d_in), as one number.

    >>> print(coherence(np.array([[1.0, 0.0], [0.6, 0.8]])))
    0.6
    """
    ### BEGIN SOLUTION
    unit = D / np.linalg.norm(D, axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T)
    np.fill_diagonal(cosines, 0)
    return cosines.max()
    ### END SOLUTION

# %% [markdown] id="bounds-intro"
# A theorem (Donoho and Elad 2003) turns μ into a promise: **a code with fewer than (1 + 1/μ)/2 non-zeros is the sparsest there is for its signal, and basis pursuit finds it.** How small can μ
# be? Never below the **Welch bound** √((n − d)/(d(n − 1))) for n atoms in d dimensions: too many atoms must crowd.

# %% id="bounds" tags=["nbval-check-output"]
dictionaries = {"three atoms": D3, "spikes and cosines": D,
                "random, 256 in 64": synthetic.random_dictionary(256, 64)}
for name, atoms in dictionaries.items():
    mu, welch = coherence(atoms), geometry.welch_bound(*atoms.shape)
    bound = (1 + 1 / mu) / 2
    print(f"{name:20} μ {mu:.3f} (Welch: at least {welch:.3f}), "
          f"so non-zeros < {bound:.2f}: up to {np.ceil(bound) - 1:.0f} atoms are safe")

# %% [markdown] id="promise-intro"
# Our frames use six atoms, so they are safe: *every* code with six is found, however nasty its signs and places. Try nasty ones, made to look like a seventh atom:

# %% id="promise" tags=["nbval-check-output"]
def all_found(z, atoms):
    """How many rows of z come back from their signals as the code with the smallest L1 norm."""
    return int(np.isclose(lasso.smallest_l1(z @ atoms, atoms), z, atol=1e-6).all(axis=1).sum())

print("nasty, 6 atoms:", all_found(synthetic.adversarial_codes(D, 4, k=6), D), "of 4")
print("the sound:     ", all_found(z_true[:4], D), "of 4")

# %% [markdown] id="pessimistic-intro"
# The promise holds. Is it also the limit? Take **five times as many atoms as it allows**, 30, at random places. **How many of 4 codes are found?**

# %% id="predict-thirty"
predict("thirty-atoms", 4)

# %% id="pessimistic" tags=["nbval-check-output"]
print("random, 30 atoms:", all_found(synthetic.sparse_codes(4, 512, k=30), D), "of 4")
print("nasty,  30 atoms:", all_found(synthetic.adversarial_codes(D, 4, k=30), D), "of 4")

# %% [markdown] id="stronger-intro"
# All of the random ones and none of the nasty ones. Coherence looks at the worst *pair* and must promise for the worst *code*; it is right, and far too careful.
#
# ## 1.4 "Stronger conditions"
#
# The lecture says that near-orthogonality "often needs stronger conditions". They have names:
#
# - **Null-space property**: for every `h` ≠ 0 with `h @ D = 0` and every set S of k atoms, Σ|h| inside S is less than Σ|h| outside. *Exactly* when it holds, every k-sparse code is found.
# - **Restricted isometry (RIP)**: (1 − ε)‖z‖² ≤ ‖zD‖² ≤ (1 + ε)‖z‖² for every z with at most 2k non-zeros: they nearly keep lengths. With ε < 0.41 every k-sparse code (at most k non-zeros) is found. Random dictionaries have it for k far above the coherence bound.
# - **Exact recovery condition** (Tropp 2004): for *one given* **support** S (the places where z is not 0), the least-squares fit of every atom outside by those inside must have an L1 norm below 1. Then every code on S is found.
#
# The first two speak of all sets of k atoms; to check them is NP-hard in general (no fast method is known). With three atoms in the plane we can, for all `h` lie on one line: (0.6, 0.8, −1) times a number.

# %% id="null-space" tags=["nbval-check-output"]
h = np.array([0.6, 0.8, -1.0])
print("h @ D3 =", (h @ D3).round(9) + 0.0)
for S in ([0], [1], [2], [0, 1]):
    inside = np.abs(h[S]).sum()
    outside = np.abs(h).sum() - inside
    coefficient = geometry.exact_recovery_coefficient(D3, S)
    print(f"S = {S!s:7} inside {inside:.1f}, outside {outside:.1f}, recovery coefficient {coefficient:.1f}")

# %% [markdown] id="erc-intro"
# Any single atom is safe; east with north is not, and that is how we were fooled. The third number, the exact recovery condition's, must be below 1, and it can be computed for large dictionaries too: one pseudo-inverse per
# support. For the random dictionary, where coherence promises one atom (the last row of `lasso_path` is basis pursuit by a faster route; 1.8 says why):

# %% id="erc" tags=["nbval-check-output"]
R = dictionaries["random, 256 in 64"]
for k in (1, 2, 4, 6, 12):
    codes = synthetic.sparse_codes(20, 256, k, seed=k)
    coefficients = [geometry.exact_recovery_coefficient(R, np.flatnonzero(z)) for z in codes]
    found = [np.allclose(lasso.lasso_path(x, R).z[-1], z, atol=1e-6) for x, z in zip(codes @ R, codes)]
    holds = np.mean(np.array(coefficients) < 1)
    print(f"k = {k:2}: condition holds on {holds:4.0%} of supports, found {np.mean(found):4.0%}")

# %% [markdown] id="erc-after"
# Better than coherence, still careful. What really happens to typical codes waits in 1.9.
#
# ## 1.5 Noise: the LASSO
#
# Real signals are not *exactly* a few atoms. So we let the code miss a little and trade the miss against the price:
#
# **LASSO**: minimise over z  ½‖x − zD‖² + λ‖z‖₁, sums over the entries of one sample.
#
# If there is one atom, of length 1, the problem is one number: minimise ½(z − x)² + λ|z|. For z > 0 the slope is z − x + λ, so z = x − λ, if that is positive; for z < 0 it is z = x + λ; and where |x| ≤ λ, zero wins.

# %% [markdown] id="ex-soft-threshold-task"
# ### Exercise 1.2 · Shrink
#
# Difficulty 2 of 5 · 4 minutes · 3 points
#
# Move every entry of `x` towards zero by `lam`; what is within `lam` of zero becomes 0. With `positive=True` the code must not be negative: z ≥ 0 is part of the problem.
#
# <details><summary>Hint 1 of 3</summary>How much is left of the <em>size</em> of an entry? It cannot go below 0: <code>np.maximum</code>.</details>
# <details><summary>Hint 2 of 3</summary>Give the shrunken size its sign back with <code>np.sign(x)</code>.</details>
# <details><summary>Hint 3 of 3</summary>With <code>positive=True</code> there are no absolute values at all: what remains of <code>x - lam</code> above 0.</details>

# %% id="ex-soft-threshold" exercise="soft_threshold" difficulty=2 minutes=4 points=3
@exercise
def soft_threshold(x, lam, positive=False):
    """Minimiser of 1/2 (z - x)^2 + lam |z| for every entry of x, over z >= 0 if positive.

    >>> print(soft_threshold(np.array([3.0, 0.5, -2.0]), 1.0))
    [ 2.  0. -1.]
    """
    ### BEGIN SOLUTION
    if positive:
        return np.maximum(x - lam, 0)
    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)
    ### END SOLUTION

# %% [markdown] id="soft-figure-intro"
# Both, over a range of inputs. The second, max(0, x − λ), is what neural networks call a **ReLU** (max(0, ·)), here with a bias of −λ.

# %% id="soft-figure"
fig, axes = plots.panels(2, height=2.2, sharey=True)
inputs = np.linspace(-3, 3, 121)
titles = "Soft threshold (grey: z = x)", "Non-negative: a ReLU with bias −λ"
for ax, positive, title in zip(axes, (False, True), titles):
    ax.plot(inputs, inputs, color=plots.BASELINE, linewidth=1)
    ax.plot(inputs, soft_threshold(inputs, 1.0, positive), color=plots.ATOM)
    ax.set(title=title, xlabel="input x (λ = 1)", ylabel="code z")
plots.show(fig, alt="Left: zero between -1 and 1, then lines parallel to the diagonal. Right: zero up to 1, then a line parallel to the diagonal.")

# %% [markdown] id="kkt-intro"
# What survives is too small by λ, always: the L1 penalty's **shrinkage**. And the non-negative version is the ReLU of a sparse autoencoder, which is why we carry `positive` along.
#
# With many atoms there is no formula, but there is a test. Let c = (x − zD)Dᵀ: how strongly each atom still correlates with the **residual**. Change `z[i]` by a small t, and the objective changes, but for terms in t², by −t·c[i]
# for the error and by λ|z[i] + t| − λ|z[i]| for the price. At the minimum, no t may help:
#
# - where z[i] ≠ 0: **c[i] = λ · sign(z[i])**; the gain equals the price
# - where z[i] = 0: **|c[i]| ≤ λ**; no gain is worth the price
#
# These are the **KKT conditions**. The problem is convex, so they are sufficient: a code that meets them is a global minimum.

# %% [markdown] id="ex-lam-max-task"
# ### Exercise 1.3 · When silence is best
#
# Difficulty 1 of 5 · 3 minutes · 2 points
#
# For each row of `x`, return the smallest `lam` for which z = 0 is the solution. With `positive=True` an atom can only be added, and the answer is never below 0.
#
# <details><summary>Hint 1 of 3</summary>Put z = 0 into the conditions. What is c then?</details>
# <details><summary>Hint 2 of 3</summary><code>x @ D.T</code> holds c, one row per sample. Every |c| must be at most λ.</details>
# <details><summary>Hint 3 of 3</summary><code>np.abs(...).max(axis=1)</code>. With positive, a negative c is no temptation: <code>np.maximum(..., 0)</code> in place of the absolute value.</details>

# %% id="ex-lam-max" exercise="lam_max" difficulty=1 minutes=3 points=2
@exercise
def lam_max(x, D, positive=False):
    """Smallest lam at which z = 0 solves the LASSO, for each row of x (n, d_in): shape (n,)."""
    ### BEGIN SOLUTION
    c = x @ D.T
    return (np.maximum(c, 0) if positive else np.abs(c)).max(axis=1)
    ### END SOLUTION

# %% [markdown] id="ex-kkt-task"
# ### Exercise 1.4 · Proof of optimality
#
# Difficulty 3 of 5 · 7 minutes · 4 points
#
# For each sample, return the largest breach of the two conditions: |c − λ sign(z)| where z ≠ 0, and the excess of |c| over λ where z = 0 (none is 0).
#
# <details><summary>Hint 1 of 3</summary>Residual first: <code>x - z @ D</code>. Then measure it with every atom, as in lesson 0.</details>
# <details><summary>Hint 2 of 3</summary><code>np.where(z != 0, first, second)</code> chooses entry by entry. The second is <code>np.maximum(np.abs(c) - lam, 0)</code>.</details>
# <details><summary>Hint 3 of 3</summary>The first is <code>np.abs(c - lam * np.sign(z))</code>. At the end, the maximum along each row.</details>

# %% id="ex-kkt" exercise="kkt_violation" difficulty=3 minutes=7 points=4
@exercise
def kkt_violation(x, D, z, lam):
    """Largest breach of the LASSO's optimality conditions per sample: x (n, d_in), z (n, n_atoms) -> (n,)."""
    ### BEGIN SOLUTION
    c = (x - z @ D) @ D.T
    used = np.abs(c - lam * np.sign(z))
    unused = np.maximum(np.abs(c) - lam, 0)
    return np.where(z != 0, used, unused).max(axis=1)
    ### END SOLUTION

# %% [markdown] id="kkt-try-intro"
# Try it on the three atoms, where we can guess: the signal is atom 2, so the code should be (0, 0, 1 − λ). The code that measuring gives has no chance:

# %% id="kkt-try" tags=["nbval-check-output"]
print("lam_max        ", lam_max(x3[None], D3))     # x3[None]: one sample, as a row
for z in ([0, 0, 0.9], [0, 0, 1], [0.6, 0.8, 1]):
    print("code", z, " KKT violation", kkt_violation(x3[None], D3, np.array([z]), lam=0.1).round(3))

# %% [markdown] id="noisy-intro"
# A problem whose code and atoms we made ourselves (*planted*), for the rest of the lesson: 256 random atoms in 64 dimensions, six of them in the sample, noise 5 % of its length. The slider below lowers λ. Bars are the correlations c, in the order of the atoms, and the grey band is ±λ;
# atoms in use are green. **How do correlations behave that reach the edge of the band?**

# %% id="noisy"
planted = synthetic.planted(1, d_in=64, n_atoms=256, k=6, noise=0.05, seed=45)
x, A, z_planted = planted.x, planted.D, planted.z

def draw_kkt(ax, share):
    """Correlations of the residual with the atoms at lam = share * lam_max."""
    lam = share * lam_max(x, A)[0]
    z = lasso.lasso_path(x[0], A, lam_min=lam).z[-1]
    plots.correlations(ax, A @ (x[0] - z @ A), z != 0, lam)
    ax.set(title=f"{share:.2f} λ_max: {np.count_nonzero(z)} atoms", ylim=(-2, 2))

# %% id="explore-kkt"
alt = ("Correlations of 256 atoms with the residual. The more the band narrows, the more atoms sit exactly on its "
       "edge; none is outside.")
explore(draw_kkt, stills=[{"share": 0.8}, {"share": 0.4}, {"share": 0.15}], share=(0.05, 1.0, 0.05), alt=alt)

# %% [markdown] id="ista-intro"
# They stay on the edge: an atom in use is held at exactly ±λ, and the rest wait inside.
#
# ## 1.6 Three ways down
#
# The error alone would be minimised by gradient steps: z + (x − zD)Dᵀ/L, where L, the largest eigenvalue of DDᵀ, keeps the step from overshooting. The price is paid after each step, by your soft threshold. That is **ISTA**.

# %% [markdown] id="ex-ista-task"
# ### Exercise 1.5 · One step of ISTA
#
# Difficulty 2 of 5 · 4 minutes · 3 points
#
# From `z`, take a gradient step of length 1/L, then shrink by `lam / L`. Hand `positive` on.
#
# <details><summary>Hint 1 of 3</summary><code>L = np.linalg.norm(D, 2) ** 2</code>: the norm is the largest singular value.</details>
# <details><summary>Hint 2 of 3</summary>The step adds: residual times <code>D.T</code>, divided by L. The residual is taken at <code>z</code>.</details>
# <details><summary>Hint 3 of 3</summary>Everything goes through <code>soft_threshold(..., lam / L, positive)</code>, once.</details>

# %% id="ex-ista" exercise="ista_step" difficulty=2 minutes=4 points=3
@exercise
def ista_step(z, x, D, lam, positive=False):
    """One step of iterative shrinkage for the LASSO: z (n, n_atoms), x (n, d_in) -> new z (n, n_atoms)."""
    ### BEGIN SOLUTION
    L = np.linalg.norm(D, 2) ** 2
    return soft_threshold(z + (x - z @ D) @ D.T / L, lam / L, positive)
    ### END SOLUTION

# %% [markdown] id="relu-intro"
# Look at its first step, from z = 0, without negative codes. **Which network layer is this?**

# %% id="relu-layer" tags=["nbval-check-output"]
L = np.linalg.norm(A, 2) ** 2
W_enc, b_enc = A.T / L, -0.1 / L
layer = np.maximum(x @ W_enc + b_enc, 0)
print("a ReLU layer:", np.allclose(ista_step(np.zeros((1, 256)), x, A, 0.1, positive=True), layer))

# %% [markdown] id="relu-after"
# A linear map, a bias, a ReLU: the encoder of a sparse autoencoder is *one step* of an algorithm that takes hundreds. [Lesson 4](04_pca_to_sae.ipynb) asks what the missing ones cost.
#
# **FISTA** (Beck and Teboulle 2009) adds momentum: the step starts not from z but from a point y beyond it, further along the way z just came.
#
# 1. z_new = step(y)
# 2. t_new = (1 + √(1 + 4t²))/2
# 3. y = z_new + (t − 1)/t_new · (z_new − z)

# %% [markdown] id="ex-fista-task"
# ### Exercise 1.6 · Momentum
#
# Difficulty 3 of 5 · 6 minutes · 4 points
#
# Take `n_iter` steps of FISTA from z = y = 0 with t = 1, and return z.
#
# <details><summary>Hint 1 of 3</summary>Start with <code>z = y = np.zeros((len(x), len(D)))</code>; the step is <code>ista_step(y, x, D, lam)</code>.</details>
# <details><summary>Hint 2 of 3</summary>You need the old and the new z at the same time: <code>z_old, z = z, ista_step(y, ...)</code>. The same for t.</details>
# <details><summary>Hint 3 of 3</summary>In the loop, in this order: new z, new t, then <code>y = z + (t_old - 1) / t * (z - z_old)</code>.</details>

# %% id="ex-fista" exercise="fista" difficulty=3 minutes=6 points=4
@exercise
def fista(x, D, lam, n_iter):
    """Codes after n_iter steps of FISTA from zero: x (n, d_in) -> z (n, n_atoms)."""
    ### BEGIN SOLUTION
    z = y = np.zeros((len(x), len(D)))
    t = 1.0
    for _ in range(n_iter):
        z_old, z = z, ista_step(y, x, D, lam)
        t_old, t = t, (1 + np.sqrt(1 + 4 * t ** 2)) / 2
        y = z + (t_old - 1) / t * (z - z_old)
    return z
    ### END SOLUTION

# %% [markdown] id="ex-cd-task"
# The third way goes atom by atom: with all other entries fixed, the problem has one number, and you have solved that.
#
# ### Exercise 1.7 · One atom at a time
#
# Difficulty 4 of 5 · 7 minutes · 4 points
#
# Go once through all atoms, in order. Set `z[:, i]` to its exact minimiser given all the *current* others: the soft threshold of what atom i measures on the residual *without its own contribution*. Atoms have length 1. Do not change the input.
#
# <details><summary>Hint 1 of 3</summary>Keep a residual <code>r = x - z @ D</code> up to date. Without atom i's contribution, its correlation is <code>r @ D[i] + z[:, i]</code>.</details>
# <details><summary>Hint 2 of 3</summary>When <code>z[:, i]</code> grows by some amount (one number per sample), r loses that amount times the atom: <code>np.outer(amount, D[i])</code>.</details>
# <details><summary>Hint 3 of 3</summary>Begin with <code>z = z.copy()</code>. In the loop: new value, update r with <code>new - z[:, i]</code>, then store it.</details>

# %% id="ex-cd" exercise="coordinate_pass" difficulty=4 minutes=7 points=4
@exercise
def coordinate_pass(z, x, D, lam):
    """z (n, n_atoms) after one pass of coordinate descent over the unit atoms of D, in order; x (n, d_in)."""
    ### BEGIN SOLUTION
    z = z.copy()
    r = x - z @ D
    for i in range(len(D)):
        new = soft_threshold(r @ D[i] + z[:, i], lam)
        r = r - np.outer(new - z[:, i], D[i])
        z[:, i] = new
    return z
    ### END SOLUTION

# %% [markdown] id="race-intro"
# A race. One pass over all atoms costs about as many multiplications as one step of the others. The theory guarantees, after k steps, an objective above the minimum by at most L‖z*‖²/2k for ISTA and 2L‖z*‖²/(k + 1)² for FISTA (z* is the minimiser).
# **If you can wait ten times longer, by which factor does FISTA's guarantee improve?**

# %% id="predict-rate"
predict("fista-rate", 100)

# %% id="race"
lam, steps = 0.1, np.arange(1, 101)
best = lasso.coordinate_descent(x, A, lam, tol=1e-12).z             # our solver, to many digits
ways = {"ISTA": [np.zeros((1, 256))], "coordinate descent": [np.zeros((1, 256))]}
for _ in steps:
    ways["ISTA"].append(ista_step(ways["ISTA"][-1], x, A, lam))
    ways["coordinate descent"].append(coordinate_pass(ways["coordinate descent"][-1], x, A, lam))
ways["FISTA"] = [fista(x, A, lam, n) for n in range(101)]

# %% id="race-errors"
minimum = lasso.lasso_objective(x, A, best, lam)[0]
errors = {name: [float(lasso.lasso_objective(x, A, z, lam)[0] - minimum) for z in codes[1:]]
          for name, codes in ways.items()}
size = L * (best ** 2).sum()
guarantees = {"ISTA": size / (2 * steps), "FISTA": 2 * size / (steps + 1) ** 2}

# %% id="race-figure"
fig, ax = plots.panels(height=3.2)
for (name, bound), color in zip(guarantees.items(), (plots.BASELINE, plots.LATENT)):
    ax.loglog(steps, errors[name], color=color, label=name)
    ax.loglog(steps, bound, color=color, linestyle="--", label=f"guarantee for {name}")
ax.loglog(steps, errors["coordinate descent"], color=plots.ATOM, label="coordinate descent")
ax.set(title="Momentum pays, one atom at a time pays more",
       xlabel="steps or passes", ylabel="objective − minimum", ylim=(1e-9, None))
ax.legend(frameon=False)
plots.show(fig, alt="Errors over steps on logarithmic axes. ISTA falls slowly, FISTA faster and in waves, both below their dashed guarantees; coordinate descent is at the minimum within about twenty passes.")

# %% id="race-claims" tags=["nbval-check-output"]
print("below its guarantee:", {name: bool((errors[name] <= bound).all()) for name, bound in guarantees.items()})
ratio = max(errors["coordinate descent"][29], 0) / errors["FISTA"][29]
claim("error of coordinate descent after 30 passes, as a share of FISTA's after 30 steps", ratio, at_most=0.01)

# %% [markdown] id="race-after"
# FISTA's waves are the momentum overshooting. Coordinate descent reuses each change at once, so few passes do; but it goes one atom at a time, where ISTA is a single product that a GPU likes. `saekit.lasso` has all three.
# How do you know that yours are done? Not by watching them stand still: ask the KKT conditions, and a second implementation.

# %% [markdown] id="sklearn-intro"
# ## 1.7 A second route, and its scale
#
# scikit-learn has the same solver twice, on different scales. `Lasso(alpha=…)` minimises the *mean* squared error, ‖x − zD‖²/(2 d_in) + α‖z‖₁, where its "samples" are our dimensions. `sparse_encode(alpha=…)` uses the sum, as we do. To
# get our solution for `lam`, **which `alpha` does `Lasso` need?** `"a"`: `lam`. `"b"`: `lam / d_in`. `"c"`: `lam / n_atoms`.

# %% id="predict-alpha"
predict("alpha", "b")

# %% id="sklearn" tags=["nbval-check-output"]
from sklearn.decomposition import sparse_encode
from sklearn.linear_model import Lasso
def sk_lasso(alpha):
    """scikit-learn's code of our sample; its features are our atoms, so the dictionary is turned."""
    return Lasso(alpha=alpha, fit_intercept=False, tol=1e-10, max_iter=20_000).fit(A.T, x[0]).coef_[None]

routes = {"yours": ways["coordinate descent"][-1],
          "Lasso(lam / d_in)": sk_lasso(lam / 64), "Lasso(lam)": sk_lasso(lam),
          "sparse_encode(lam)": sparse_encode(x, A, algorithm="lasso_cd", alpha=lam, max_iter=20_000)}
for name, z in routes.items():
    optimal = bool(kkt_violation(x, A, z, lam)[0] < 1e-3)
    print(f"{name:20} atoms {np.count_nonzero(z):2}, optimal for lam: {optimal}")

# %% [markdown] id="scale-intro"
# The wrong scale asked a price 64 times too high, and everything was silent. The lecture has yet another scale: no ½. Its objective at 2λ is twice ours at λ, for every z, so the minimisers are the same:

# %% id="scale" tags=["nbval-check-output"]
for z in (best, z_planted, ways["ISTA"][3]):
    lecture = ((x - z @ A) ** 2).sum() + 2 * lam * np.abs(z).sum()
    print(f"lecture's at 2λ over ours at λ: {lecture / lasso.lasso_objective(x, A, z, lam)[0]:.3f}")

# %% [markdown] id="path-intro"
# **Never compare two λ before you know both objectives.** Sum or mean, with ½ or without: every paper chooses again.
#
# ## 1.8 The path, and what L1 does to sizes
#
# Which λ? Look at all of them. Between two **knots**, where an atom enters or leaves, the solution is linear in λ (Efron et al. 2004), so the whole path can be computed exactly. At its end, λ → 0, it *is* basis pursuit; we used that above.

# %% id="path"
path = lasso.lasso_path(x[0], A, lam_min=0.02)
true = z_planted[0] != 0
fig, ax = plots.panels(height=2.8)
ax.plot(path.lams, path.z[:, ~true], color=plots.FAILURE, linewidth=0.8)
ax.plot(path.lams, path.z[:, true], color=plots.ATOM)
ax.plot(np.zeros(6), z_planted[0, true], "o", color=plots.TRUTH, clip_on=False)
ax.set(title="Here the true atoms enter first; large λ keeps them small",
       xlabel="λ (falling to the left)", ylabel="coefficient", xlim=(0, None))
plots.show(fig, alt="Coefficients against lambda. Six green lines start at zero on the right and grow towards the black dots of the true sizes on the left; thin vermilion lines of false atoms appear near the left edge.")

# %% [markdown] id="shrink-intro"
# Green lines are the true atoms, dots their true sizes at the left edge, vermilion lines false atoms. (In other samples a false atom may enter before the last true one.) Large λ: clean, but shrunk. Small λ: right sizes, but false atoms. **Debiasing** takes the best of both: let the LASSO choose the atoms, then fit
# their sizes by least squares, without a price. On 50 samples, with codes that are positive in truth (*error* is ‖z − truth‖/‖truth‖, *debiased* the same after the new fit):

# %% id="shrink" tags=["nbval-check-output"]
z50 = synthetic.sparse_codes(50, 256, 6, seed=1, positive=True)
noise = np.random.default_rng(0).standard_normal((50, 64))
x50 = z50 @ R + 0.05 * np.sqrt(((z50 @ R) ** 2).mean()) * noise
print(f"{'λ':>4} {'positive':9}{'false atoms':>12}{'too small by':>14}{'error':>8}{'debiased':>10}")
for lam50, positive in ((0.05, False), (0.05, True), (0.2, False), (0.2, True)):
    z = lasso.fista(x50, R, lam50, positive=positive, tol=1e-8).z
    scores = [np.linalg.norm(code - z50) / np.linalg.norm(z50) for code in (z, lasso.debias(x50, R, z))]
    n_false, short = ((z != 0) & (z50 == 0)).sum() / 50, (z50 - z)[z50 != 0].mean()
    print(f"{lam50:4} {positive!s:9}{n_false:12.1f}{short:14.2f}{scores[0]:8.2f}{scores[1]:10.2f}")

# %% [markdown] id="shrink-after"
# Coefficients come out too small by a little more than λ, as the soft threshold said. Debiasing mends it, and best where the choice was cleanest. And to know that codes are **non-negative** is worth something: there are
# fewer false atoms, since none may be subtracted.
#
# A greedy way needs no λ at all. **Orthogonal matching pursuit** (OMP): take the atom most correlated with the residual, refit *all* chosen atoms by least squares, repeat k times.

# %% [markdown] id="ex-omp-task"
# ### Exercise 1.8 · Greedy
#
# Difficulty 3 of 5 · 7 minutes · 4 points
#
# Write OMP for one sample `x` (d_in,). Atoms have length 1. Return the whole code (n_atoms,), zero outside the k chosen.
#
# <details><summary>Hint 1 of 3</summary>Keep a list <code>support</code> of chosen atoms and the current <code>z</code>. The residual is <code>x - z @ D</code>.</details>
# <details><summary>Hint 2 of 3</summary>The next atom: <code>np.abs(D @ residual).argmax()</code>. Large and negative counts as well.</details>
# <details><summary>Hint 3 of 3</summary>Refit: <code>np.linalg.lstsq(D[support].T, x, rcond=None)[0]</code>, stored into <code>z[support]</code>.</details>

# %% id="ex-omp" exercise="omp" difficulty=3 minutes=7 points=4
@exercise
def omp(x, D, k):
    """Code (n_atoms,) of x (d_in,) with k non-zeros by orthogonal matching pursuit;
    D (n_atoms, d_in) has unit rows.
    """
    ### BEGIN SOLUTION
    z, support = np.zeros(len(D)), []
    for _ in range(k):
        residual = x - z @ D
        support.append(int(np.abs(D @ residual).argmax()))
        z[support] = np.linalg.lstsq(D[support].T, x, rcond=None)[0]
    return z
    ### END SOLUTION

# %% [markdown] id="separate-intro"
# Back to the record. Six atoms per frame, below the bound of 1.3, and that bound promises OMP's success as well (Tropp 2004). Code every frame, and **play only the spikes**:

# %% id="separate"
z_sound = np.array([omp(frame, D, 6) for frame in sound.x])
clicks, tones = z_sound[:, :256] @ D[:256], z_sound[:, 256:] @ D[256:]
Audio(clicks.ravel(), rate=sound.rate)

# %% [markdown] id="tones-intro"
# And only the cosines:

# %% id="tones"
Audio(tones.ravel(), rate=sound.rate)

# %% id="separate-claim" tags=["nbval-check-output"]
print("the code is the one it was made from:", np.allclose(z_sound, z_true, atol=1e-8))
print("frames:", len(z_sound), " atoms per frame:", np.count_nonzero(z_sound, axis=1).max(), "of", len(D))

# %% [markdown] id="phase-intro"
# The crackle is gone, exactly. No filter could do that: clicks contain all frequencies, and tones all times.
#
# ## 1.9 Where it really breaks
#
# How many non-zeros can L1 find in *typical* codes? Fix the number of atoms and vary two things: δ = d/n (measurements per atom) and ρ = k/d (non-zeros per measurement). Each cell of the figure counts how often a random code comes back
# from a random dictionary. This is **compressed sensing**: d numbers stand in for n, if the code is sparse enough.

# %% id="phase"
def recovered(d_in, k, positive=False):
    """Share of random codes with k non-zeros of 100 that basis pursuit gives back."""
    hits = []
    for seed in range(budget(smoke=1, laptop=12)):
        B = synthetic.random_dictionary(100, d_in, seed)
        z = synthetic.sparse_codes(1, 100, k, seed + 99, positive)[0]
        hits.append(np.allclose(lasso.smallest_l1(z @ B, B, positive), z, atol=1e-6))
    return np.mean(hits)

deltas, rhos = np.arange(1, 10) / 10, np.arange(0.05, 0.9, 0.08)
share = np.array([[recovered(round(100 * delta), max(1, round(100 * delta * rho))) for delta in deltas]
                  for rho in rhos])

# %% [markdown] id="phase-figure-intro"
# The lines are theory for random dictionaries of infinite size (Donoho and Tanner 2009), computed by `geometry.donoho_tanner` and not fitted to anything:

# %% id="phase-figure"
fig, ax = plots.panels(height=3.4)
fine = np.linspace(0.03, 0.97, 80)
plots.phase_diagram(ax, deltas, rhos, share)
ax.plot(fine, geometry.donoho_tanner(fine), color=plots.FAILURE, label="theory: codes of either sign")
ax.plot(fine, geometry.donoho_tanner(fine, positive=True), color=plots.FAILURE, linestyle="--",
        label="theory: non-negative codes")
ax.set(title="Recovery breaks where the theory says", xlabel="δ = dimensions / atoms",
       ylabel="ρ = non-zeros / dimensions", xlim=(0, 1), ylim=(0, 0.9))
ax.legend(loc="upper left")
plots.show(fig, alt="A grid of recovery rates: bright (always) at the bottom, dark (never) at the top. The border follows the solid curve rising from left to right; the dashed curve for non-negative codes lies above it.")

# %% id="phase-claims" tags=["nbval-check-output"]
border = geometry.donoho_tanner(deltas)
claim("recovered where ρ is below 0.6 of the border", share[rhos[:, None] < 0.6 * border].mean(), at_least=0.95)
claim("recovered where ρ is above 1.5 of the border", share[rhos[:, None] > 1.5 * border].mean(), at_most=0.05)
between = round(50 * float(geometry.donoho_tanner(0.5) + geometry.donoho_tanner(0.5, positive=True)) / 2)
gain = recovered(50, between, positive=True) - recovered(50, between)
claim(f"gain of non-negativity at d = 50, k = {between}", gain, at_least=0.4)

# %% [markdown] id="phase-after"
# Almost always below the border, almost never above it: a **phase transition**. At 100 atoms it is still a band, about 0.2 wide; in theory it is the narrower the larger the problem. Between the two curves it helps to know that codes are not negative.
#
# ## The sources say / what is true
#
# | the lecture says | what is true | shown in |
# |---|---|---|
# | LASSO, with ‖x − …‖² + λ‖β‖₁ | same minimisers as ours at half its λ: the ½ is a convention | 1.7 |
# | the optimisation is "basis pursuit: minimising reconstruction error subject to a sparsity constraint" | basis pursuit asks for *zero* error at the smallest L1 norm. Error against L1 is the LASSO (basis pursuit *denoising*); error under a limit on the *number* of atoms is what OMP attempts | 1.2, 1.5, 1.8 |
# | near-orthogonality "often needs stronger conditions" | null-space property, RIP, exact recovery condition. Coherence itself is sufficient, and far from necessary | 1.3, 1.4 |
# | representation is unique under sparsity and near-orthogonality | yes, *among codes that sparse*, below the coherence bound, and there it is the cheapest too; beyond it another code, as sparse (1.2) or denser, may give the same signal for less | 1.2, 1.3 |

# %% [markdown] id="q-why-l1" question="why_l1" minutes=5 points=3
# ### Question 1.1 · Why the L1 norm
#
# In words · 5 minutes · 3 points
#
# Why does a price on `|z|` make coefficients exactly zero, while a price on `z²` never does? And what do both do to a coefficient that is large and right? Three to six sentences.
#
# ### BEGIN SOLUTION
# - One point: the slope of |z| is the same all the way to zero, so a coefficient whose benefit is smaller than the price is pushed to zero and stays there.
# - One point: the slope of z² fades as z does, so every coefficient with any benefit stays a little above zero.
# - One point: L1 takes the same amount off a large coefficient (shrinkage, a bias); z² takes a share of it.
# ### END SOLUTION

# %% [markdown] id="common-confusions"
# ## Common confusions
#
# - *"A large correlation means the atom is present."* Atoms answer for each other. Presence is decided jointly.
# - *"The LASSO finds the sparsest code."* It finds the cheapest in L1. For typical codes, random dictionaries and no noise both agree below the border, and mostly not above it; a nasty code can fail far below (1.3).
# - *"λ is a number of atoms."* It is a price per unit of coefficient; how many atoms it buys depends on the data. OMP's k is a number.
# - *"It converged, so it found the truth."* KKT proves the minimum. Whether the minimum is the truth is the dictionary's business.
#
# ## Summary
#
# One basis is good at one thing; a union is good at more, but its codes are no longer unique. L1 picks sparse ones, for the diamond touches at corners. Coherence promises safely and little, conditions on supports promise more, and typical codes break at the Donoho–Tanner
# border. The LASSO tolerates noise, shrinks what it keeps by about λ, and its answer can be *checked*. **Limits**: the dictionary was given and right. Random dictionaries are kinder than real ones, whose atoms come in families. And nothing here says which
# dictionary a hidden state, or a photograph, wants: that must be learned.
#
# **References.** Chen, Donoho and Saunders, "Atomic decomposition by basis pursuit" (1998) · Tibshirani, "Regression shrinkage and selection via the lasso" (1996) · Donoho and Elad, "Optimally sparse representation" (2003) · Welch (1974) · Tropp, "Greed is good" (2004) · Candès and Tao, "Decoding by linear
# programming" (2005), for the RIP · Cohen, Dahmen and DeVore (2009), for the null-space property · Tillmann and Pfetsch (2014), for the hardness of checking them · Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm" (2009) · Efron et al., "Least angle regression" (2004) · Donoho and Tanner (2009).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 2 · Let the data choose](02_dictionary_learning.ipynb).
