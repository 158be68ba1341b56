# %% [markdown] id="title"
# # Lesson 2 · Let the data choose
#
# **You will be able to**: learn a dictionary from data by alternating two easy steps · say why the joint problem has many equally good answers, and bad ones · score a learned dictionary against the truth ·
# read MOD, K-SVD and online learning as one loop · find Gabor-like atoms in photographs and say what that does and does not show.
#
# **60 minutes.** (With every exercise, 90.) From lesson 1 you know `z`, `D`, the LASSO and OMP. The photographs come with scikit-learn; nothing is downloaded.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
from saekit import dictlearn, geometry, images, lasso, plots, synthetic
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("02_dictionary_learning")

# %% [markdown] id="star-intro"
# ## 2.1 Two unknowns
#
# In lesson 1 somebody handed us the dictionary. Nobody hands us one for photographs, or for the inside of a language model. **Could you read it off the data?** Here are 300 samples in the plane; each is one
# of three atoms, times some number, plus a little noise. Cover the right half of the figure and try:

# %% id="star"
rng = np.random.default_rng(0)
angles = np.deg2rad([10, 40, 120])
D_true = np.column_stack([np.cos(angles), np.sin(angles)])       # (3 atoms, 2 dimensions)
x = synthetic.sparse_codes(300, 3, k=1, seed=1) @ D_true + 0.03 * rng.normal(size=(300, 2))
fig, axes = plots.panels(2, height=3.2)
plots.atoms_in_plane(axes[0], x, D_true[:0])
plots.atoms_in_plane(axes[1], x, D_true)
axes[0].set_title("The data …")
axes[1].set_title("… and the atoms that made them")
plots.show(fig, alt="Left: points in the plane form a star of three lines through the origin. Right: the same with an arrow along each line, at 10, 40 and 120 degrees, drawn at twice the atoms' length.")

# %% [markdown] id="joint"
# Your eye did it: sparse data lie *along* the atoms. Written down, we look for both factors at once,
#
# `minimise over D and z:  Σ over samples of  ½‖x − z D‖² + λ‖z‖₁,   every row of D of length 1`
#
# or, as in this lesson's examples, with "at most k non-zeros" in place of the λ. The length is fixed because otherwise a tenfold longer atom with tenfold smaller codes would be cheaper for free.
# First a score: which share of the data does a pair (z, D) account for?
#
# ### Exercise 2.1 · How much is explained?
#
# Difficulty 1 of 5 · 4 minutes · 2 points
#
# Return 1 − Σ‖x − z D‖² / Σ‖x‖², both sums over all samples.
#
# <details><summary>Hint 1 of 3</summary>What do the codes reconstruct? You wrote that product in lesson 0.</details>
# <details><summary>Hint 2 of 3</summary><code>((x - z @ D) ** 2).sum()</code> adds the squared errors of all samples and dimensions.</details>
# <details><summary>Hint 3 of 3</summary>Divide it by <code>(x ** 2).sum()</code>, one division of two numbers, and take the result from 1.</details>

# %% id="ex-explained" exercise="explained_energy" difficulty=1 minutes=4 points=2
@exercise
def explained_energy(x, z, D):
    """1 - sum ||x - z D||^2 / sum ||x||^2 as one number; x (n, d_in), z (n, n_atoms), D (n_atoms, d_in).

    >>> print(explained_energy(np.array([[3.0, 4.0]]), np.array([[3.0]]), np.array([[1.0, 0.0]])))
    0.36
    """
    ### BEGIN SOLUTION
    return 1 - ((x - z @ D) ** 2).sum() / (x ** 2).sum()
    ### END SOLUTION

# %% [markdown] id="equal-intro"
# Fix D, and finding z under a price λ is the convex problem of lesson 1 (with "at most k non-zeros" it is not convex, and OMP goes at it greedily). Fix z, and finding D, its lengths left free, is least squares, convex again. **Together they are not convex, either way**, and you can count why. Take the true dictionary and turn an atom into its opposite, or swap two rows: the codes
# follow, and nothing else changes. **How many dictionaries of three unit atoms (order and sign counted) explain the star exactly as well as the true one, itself included?**

# %% id="predict-equal"
predict("equal-dictionaries", 48)

# %% [markdown] id="hill-intro"
# In a convex problem, every point between two best answers is a best answer too. So walk from `D_true` to the same dictionary with two rows swapped, and look at the error on the way. It is zero (but for the noise) at both ends. **And in the middle?**

# %% id="hill" tags=["nbval-check-output"]
twin = D_true[[1, 0, 2]]
for t in (0, 0.25, 0.5, 0.75, 1):
    D = (1 - t) * D_true + t * twin
    z = lasso.omp(x, D, k=1)                                  # the best code with one atom
    print(f"{t:.2f} of the way: unexplained {1 - explained_energy(x, z, D):.3f}")

# %% [markdown] id="hill-after"
# A hill. Halfway, two atoms are the same one and point between two lines. Any method that goes downhill must choose a valley early, and which one depends on the start. Among the 48 the choice does no harm, but no method can tell you
# the sign or the number of an atom, and a score must not ask for them.
#
# ### Exercise 2.2 · Has it been found?
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# For every true atom take the largest |cosine| to any learned atom; return the mean of these over the true atoms. Rows may have any length.
#
# <details><summary>Hint 1 of 3</summary>A cosine is a dot product of two rows of length 1. Make them so first.</details>
# <details><summary>Hint 2 of 3</summary><code>abs(A @ B.T)</code> with unit rows is a table: one row per true atom, one column per learned atom.</details>
# <details><summary>Hint 3 of 3</summary>Each true atom looks for its best partner: the maximum along axis 1. Then the mean.</details>

# %% id="ex-mmc" exercise="mean_max_cosine" difficulty=2 minutes=6 points=3
@exercise
def mean_max_cosine(D_true, D):
    """Mean over the rows of D_true (m, d_in) of the largest |cosine| to any row of D (n_atoms, d_in),
    as one number.

    >>> print(mean_max_cosine(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[-2.0, 0.0]])))
    0.5
    """
    ### BEGIN SOLUTION
    true_rows = D_true / np.linalg.norm(D_true, axis=1, keepdims=True)
    rows = D / np.linalg.norm(D, axis=1, keepdims=True)
    return np.abs(true_rows @ rows.T).max(axis=1).mean()
    ### END SOLUTION

# %% [markdown] id="match-intro"
# This score is kind: two true atoms may claim the same partner. The strict version pairs them one to one so that the sum of cosines is largest (the Hungarian algorithm). Here are three dictionaries: the twin with all its signs turned, one in which an atom is missing, one drawn at random:

# %% id="match" tags=["nbval-check-output"]
candidates = {"signs turned": -twin, "one atom missing": D_true[[0, 0, 2]],
              "random": synthetic.random_dictionary(3, 2, seed=4)}
for name, D in candidates.items():
    worst_pair = np.abs(geometry.match_atoms(D_true, D).cosine).min()
    print(f"{name:17} mean max cosine {mean_max_cosine(D_true, D):.3f}, "
          f"worst of the one-to-one pairs {worst_pair:.3f}")

# %% [markdown] id="alternate-intro"
# In the plane even chance scores high, so ask what chance gives. The missing atom shows in the worst pair.
#
# ## 2.2 Two easy steps, again and again
#
# **Alternate**: code with the dictionary you have; then improve the dictionary for the codes you have. The second step is a least-squares problem: the D with the smallest Σ‖x − z D‖². Setting its gradient to zero,
# `zᵀ(x − z D) = 0`, gives the *method of optimal directions*, MOD.
#
# ### Exercise 2.3 · The best dictionary for these codes
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Return the `D` that minimises Σ‖x − z D‖² for fixed `z`; no scaling to length 1 yet. An atom that no sample uses (its column of `z` is all zero) cannot be improved: it keeps its old row. The columns of `z` of the used atoms are linearly independent here.
#
# <details><summary>Hint 1 of 3</summary>This is linear regression with <code>z</code> as the inputs, <code>x</code> as the outputs, and the rows of D as coefficients. Treat the used atoms and the unused ones apart.</details>
# <details><summary>Hint 2 of 3</summary><code>used = z.any(axis=0)</code> says which atoms are used. Start from <code>D.copy()</code> and overwrite the rows <code>used</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>np.linalg.lstsq(z[:, used], x)[0]</code> has one row per used atom.</details>

# %% id="ex-mod" exercise="mod_update" difficulty=3 minutes=8 points=4
@exercise
def mod_update(x, z, D):
    """argmin over the used rows of D (n_atoms, d_in) of sum ||x - z D||^2;
    rows whose column of z is zero stay as they are.

    x (n, d_in), z (n, n_atoms).

    >>> print(mod_update(np.array([[2.0, 4.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]]), np.eye(2)))
    [[1. 2.]
     [0. 1.]]
    """
    ### BEGIN SOLUTION
    used = z.any(axis=0)
    D = D.copy()
    D[used] = np.linalg.lstsq(z[:, used], x)[0]
    return D
    ### END SOLUTION

# %% [markdown] id="ex-renormalise-task"
# Least squares returns rows of any length. Dividing each by its length would change the reconstruction, unless the codes make up for it.
#
# ### Exercise 2.4 · Length 1, nothing changed
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# Return `(z, D)` with rows of `D` of length 1 and the same product `z @ D` as before.
#
# <details><summary>Hint 1 of 3</summary>The reconstruction is a sum of <code>z[:, i] * D[i]</code>. If D[i] is divided by 3, what must happen to z[:, i]?</details>
# <details><summary>Hint 2 of 3</summary><code>lengths = np.linalg.norm(D, axis=1)</code> has one entry per atom, that is per row of D and per column of z.</details>
# <details><summary>Hint 3 of 3</summary><code>z * lengths</code> scales columns; <code>D / lengths[:, None]</code> scales rows. Return both.</details>

# %% id="ex-renormalise" exercise="renormalise" difficulty=2 minutes=6 points=3
@exercise
def renormalise(z, D):
    """(z, D) rescaled so that every row of D (n_atoms, d_in) has length 1 and z @ D is what it was;
    z (n, n_atoms).

    >>> z, D = renormalise(np.array([[1.0]]), np.array([[3.0, 4.0]]))
    >>> print(z, D)
    [[5.]] [[0.6 0.8]]
    """
    ### BEGIN SOLUTION
    lengths = np.linalg.norm(D, axis=1)
    return z * lengths, D / lengths[:, None]
    ### END SOLUTION

# %% [markdown] id="alternate-code"
# That is all there is to it. Your two functions and one line of lesson 1 make a dictionary learner:

# %% id="alternate"
def alternate(x, D, k, n_rounds):
    """Code, update, rescale, again and again: the last D, and the unexplained share after every half step."""
    unexplained = []
    for _ in range(n_rounds):
        z = lasso.omp(x, D, k)
        unexplained.append(1 - explained_energy(x, z, D))
        z, D = renormalise(z, mod_update(x, z, D))
        unexplained.append(1 - explained_energy(x, z, D))
    return D, np.array(unexplained)

# %% [markdown] id="alternate-run-intro"
# Start it from three random directions:

# %% id="alternate-run" tags=["nbval-check-output"]
start = synthetic.random_dictionary(3, 2, seed=10)
D, unexplained = alternate(x, start, k=1, n_rounds=15)
print("unexplained after each of the first half steps:", unexplained[:8].round(3))
print(f"worst of the one-to-one pairs: {np.abs(geometry.match_atoms(D_true, D).cosine).min():.4f}")
claim("largest rise in any half step", np.diff(unexplained).max(), at_most=1e-9)

# %% [markdown] id="alternate-after"
# The error can only fall: with one atom per sample OMP is exact, so each half step solves its own problem exactly. (With k above 1 OMP is greedy, and small rises happen.) But "never rises"
# is not "reaches the bottom". We start again from many random dictionaries. **From how many starts will all three atoms be found?** `"a"`: all of them. `"b"`: more than a third, but not all. `"c"`: hardly any.

# %% id="predict-starts"
predict("good-starts", "b")

# %% id="starts"
def all_found(D):
    return np.abs(geometry.match_atoms(D_true, D).cosine).min() > 0.99

starts = [synthetic.random_dictionary(3, 2, seed) for seed in range(budget(smoke=20, laptop=60))]
ends = [alternate(x, start, k=1, n_rounds=15)[0] for start in starts]
plain = np.mean([all_found(D) for D in ends])
print(f"all three atoms found from {100 * plain:.0f} % of the starts")

# %% [markdown] id="stuck-intro"
# The others are stuck. How do such dead ends look?

# %% id="stuck"
stuck = [D for D in ends if not all_found(D)]
fig, axes = plots.panels(3, height=2.5)
for ax, D in zip(axes, stuck):
    plots.atoms_in_plane(ax, x, D, color=plots.FAILURE)
for ax, title in zip(axes, ("Stuck run 1", "Stuck run 2", "Stuck run 3")):
    ax.set_title(title)
plots.show(fig, alt="Three failed runs: one arrow points between two lines of points, one lies along the third line, and the last arrow points where no samples are.")

# %% [markdown] id="stuck-after"
# One atom serves two lines and points between them (**merged**); one has a line to itself; and the last points where nobody is nearest to it. Both half steps are content: every sample takes the atom that serves it best, every atom in use is the best for its samples. How many of the stuck runs are like that?

# %% id="stuck-count"
has_dead = np.array([(~lasso.omp(x, D, k=1).any(axis=0)).any() for D in ends])
stuck_runs = np.array([not all_found(D) for D in ends])
print(f"runs with an atom that no sample uses: {has_dead[stuck_runs].mean():.2f} of the stuck ones, "
      f"{has_dead[~stuck_runs].mean():.2f} of those that found all three")

# %% [markdown] id="ex-dead-task"
# ## 2.3 Dead and duplicated atoms
#
# An atom that no sample uses is **dead**: MOD leaves it as it is, in the next round usually nobody uses it either, and once the others have settled, nobody ever will. The classic cure: give it something to explain, namely the sample that is explained worst.
#
# ### Exercise 2.5 · Wake the dead
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Return a new dictionary in which every atom that no sample uses is replaced by a sample scaled to length 1: the first dead atom by the sample with the largest error ‖x − z D‖, the second by the sample with the second largest, and so on. All other rows stay.
#
# <details><summary>Hint 1 of 3</summary>Three things to find: the dead columns of z, the error of each sample, and the order of the samples by error.</details>
# <details><summary>Hint 2 of 3</summary><code>dead = np.flatnonzero(~z.any(axis=0))</code>; <code>np.argsort(-error)</code> lists samples from worst to best.</details>
# <details><summary>Hint 3 of 3</summary>Take the first <code>len(dead)</code> of that list; <code>D[dead] = x[worst] / lengths of x[worst]</code>, in a copy of D.</details>

# %% id="ex-dead" exercise="replace_dead" difficulty=3 minutes=8 points=4
@exercise
def replace_dead(x, z, D):
    """D (n_atoms, d_in) with unused rows replaced by the worst explained samples, worst first, scaled to length 1.

    x (n, d_in), z (n, n_atoms); an atom is unused when its column of z is zero.

    >>> print(replace_dead(np.array([[1.0, 0.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 0.0]]),
    ...                    np.array([[1.0, 0.0], [1.0, 0.0]])))
    [[1. 0.]
     [0. 1.]]
    """
    ### BEGIN SOLUTION
    dead = np.flatnonzero(~z.any(axis=0))
    error = ((x - z @ D) ** 2).sum(axis=1)
    worst = x[np.argsort(-error)[:len(dead)]]
    D = D.copy()
    D[dead] = worst / np.linalg.norm(worst, axis=1, keepdims=True)
    return D
    ### END SOLUTION

# %% [markdown] id="flat-intro"
# Data seldom fill the space they live in. Here 16 planted atoms, 2 active per sample, fill only 8 of 16 dimensions, and half of the 16 starting atoms point where nothing ever happens:

# %% id="dead-run" tags=["nbval-check-output"]
flat = synthetic.planted(n=800, d_in=8, n_atoms=16, k=2, noise=0.01, seed=0)
x_flat, D_flat = (np.pad(rows, ((0, 0), (0, 8))) for rows in (flat.x, flat.D))    # 8 dimensions without any data
unlucky = np.vstack([np.pad(synthetic.random_dictionary(8, 8, seed=9), ((0, 0), (0, 8))), np.eye(16)[8:]])
D, _ = alternate(x_flat, unlucky, k=2, n_rounds=20)
z = lasso.omp(x_flat, D, 2)
print("dead after 20 rounds:", int((~z.any(axis=0)).sum()), "of 16 atoms")

# %% [markdown] id="dead-cure-intro"
# No sample touches them, so no update moves them, and they would be dead after a thousand rounds too. One call of your function, and 20 rounds more:

# %% id="dead-cure"
revived, _ = alternate(x_flat, replace_dead(x_flat, z, D), k=2, n_rounds=20)
longer, _ = alternate(x_flat, D, k=2, n_rounds=20)                             # as many rounds, nothing replaced
before, without, after = (mean_max_cosine(D_flat, one) for one in (D, longer, revived))
print(f"mean max cosine {before:.3f}; after 20 more rounds {without:.3f}, with dead atoms replaced {after:.3f}")
claim("gain in mean max cosine by replacing dead atoms", after - without, at_least=0.03)

# %% [markdown] id="cure-library-intro"
# Why the *second worst* sample for the second dead atom? Two atoms planted on one sample would be **duplicates**: they split its followers between them, and one is wasted. `dictlearn.learn_dictionary` replaces the dead after every round, and treats near-copies (|cosine| above 0.99) and hardly used
# atoms like dead ones. Does that free the stuck runs in the plane?

# %% id="cure-library"
def one_atom(x, D):
    return lasso.omp(x, D, 1)

cured = [dictlearn.learn_dictionary(x, start, one_atom, n_epochs=20).D for start in starts]
with_replacement = np.mean([all_found(D) for D in cured])
print(f"found from {100 * plain:.0f} % of the starts without replacement, {100 * with_replacement:.0f} % with it")
claim("share of starts that find all three atoms with replacement", with_replacement, at_least=0.9)

# %% [markdown] id="dead-after"
# Remember both words. An SAE's latents die for the same reason (no activation, so no gradient), are revived by the same idea (show them what is explained worst), and a careless revival plants near-duplicates. Lesson 6 measures all three.
#
# ## 2.4 Three ways to move the atoms, one loop
#
# "Code, then improve D" leaves the second half open. Three classics differ in nothing else:
#
# | update | solves exactly | sees at a time |
# |---|---|---|
# | **MOD** (Engan et al. 1999) | all atoms together, codes fixed | all samples |
# | **K-SVD** (Aharon et al. 2006) | one atom *and its own codes* together, the other atoms fixed | the samples that use the atom |
# | **online** (Mairal et al. 2009, 2010) | one atom after another, codes fixed | one batch, plus two small matrices of memory |
#
# K-SVD's step: take away what all other atoms explain, `E = x − Σ_{j≠i} z_j d_j`, on the samples that use atom i. What remains should be *one* atom times one number per sample, a matrix of rank one. The best rank-one
# matrix is the first term of E's singular value decomposition.
#
# ### Exercise 2.6 · One atom and its codes
#
# Difficulty 4 of 5 · 10 minutes · 5 points
#
# Return `(atom, codes)`: the unit row and the whole new column of `z` for atom `i` (zero where it was zero) whose product is closest to `E` on the atom's users. Of the two possible signs either will do.
#
# <details><summary>Hint 1 of 3</summary>Restrict to <code>users = z[:, i] != 0</code> first. Without that, samples that never used the atom would begin to, and the codes would no longer be sparse.</details>
# <details><summary>Hint 2 of 3</summary><code>x[users] - z[users] @ D</code> has taken atom i away as well: add <code>np.outer(z[users, i], D[i])</code> back.</details>
# <details><summary>Hint 3 of 3</summary><code>U, s, Vt = np.linalg.svd(E, full_matrices=False)</code>: the atom is <code>Vt[0]</code>, the users' codes are <code>s[0] * U[:, 0]</code>, everybody else's are 0.</details>

# %% id="ex-ksvd" exercise="ksvd_atom" difficulty=4 minutes=10 points=5
@exercise
def ksvd_atom(x, z, D, i):
    """(atom (d_in,), codes (n,)): best rank-one fit to the residual without atom i,
    on the samples that use atom i.

    x (n, d_in), z (n, n_atoms), D (n_atoms, d_in). The atom has length 1; codes are zero where z[:, i] is zero.
    """
    ### BEGIN SOLUTION
    users = z[:, i] != 0
    E = x[users] - z[users] @ D + np.outer(z[users, i], D[i])
    U, s, Vt = np.linalg.svd(E, full_matrices=False)
    codes = np.zeros(len(x))
    codes[users] = s[0] * U[:, 0]
    return Vt[0], codes
    ### END SOLUTION

# %% [markdown] id="ksvd-sweep-intro"
# K-SVD is a sweep of that over all atoms. MOD is your two functions of section 2.2:

# %% id="ksvd-sweep"
def ksvd_sweep(x, z, D):
    """Every used atom in turn, each on the residual that the earlier ones left."""
    D, z = D.copy(), z.copy()
    for i in np.flatnonzero(z.any(axis=0)):
        D[i], z[:, i] = ksvd_atom(x, z, D, i)
    return D

def mod_step(x, z, D):
    return renormalise(z, mod_update(x, z, D))[1]

# %% [markdown] id="online-intro"
# **How can the online method forget the samples and still solve a least-squares problem over all of them?** Look at MOD's equation: `zᵀz D = zᵀx`. The samples enter only through two sums,
# `A = Σ zᵀz` and `B = Σ zᵀx`, which can be added up batch by batch and have a fixed size. Try it on planted data, 32 atoms in 16 dimensions, with 2 active per sample and 1 % noise:

# %% id="online-sums" tags=["nbval-check-output"]
planted = synthetic.planted(n=1500, d_in=16, n_atoms=32, k=2, noise=0.01, seed=0)
z = lasso.omp(planted.x, planted.D, 2)
batches = np.array_split(np.arange(1500), 10)
A = sum(z[rows].T @ z[rows] for rows in batches)                    # (n_atoms, n_atoms)
B = sum(z[rows].T @ planted.x[rows] for rows in batches)            # (n_atoms, d_in)
from_sums = np.linalg.solve(A, B)
print("same dictionary from the two sums:", np.allclose(from_sums, mod_update(planted.x, z, planted.D)))

# %% [markdown] id="race-intro"
# The online learner keeps A and B, lets old batches fade, and moves each atom once per batch: memory does not grow with the data, which is how one learns from eight billion samples (lesson 10). Now all three from the same random
# start. (64 dimensions, 128 atoms and 20,000 samples take minutes: `benchmarks/classical.py planted` in the repository runs that.)

# %% id="race"
def learn(update, **setting):
    """Mean max cosine after every update, from the common start."""
    log = []
    def step(x, z, D):
        D = update(x, z, D)
        log.append(mean_max_cosine(planted.D, D))
        return D
    dictlearn.learn_dictionary(planted.x, start, lambda x, D: lasso.omp(x, D, 2), step, n_epochs=30, **setting)
    return np.array(log)

start = synthetic.random_dictionary(32, 16, seed=9)
found = {"MOD": learn(mod_step), "K-SVD": learn(ksvd_sweep),
         "online": learn(dictlearn.Online(memory=20), batch_size=150)}

# %% id="race-figure"
fig, ax = plots.panels(height=2.8)
for (name, log), style in zip(found.items(), ("-", "--", ":")):
    ax.plot(np.linspace(30 / len(log), 30, len(log)), log, style, color=plots.ATOM, label=name)
ax.axhline(mean_max_cosine(planted.D, start), color=plots.BASELINE, label="random start")
ax.set(title="Three updates, one answer: the planted atoms",
       xlabel="passes over the data", ylabel="mean max cosine", ylim=(0.5, 1.02))
ax.legend()
plots.show(fig, alt="Mean max cosine against passes over the data for MOD, K-SVD and online: all three stand above the random start after one update and rise to almost 1.")

# %% id="race-claims"
for name, log in found.items():
    claim(f"mean max cosine of {name}", log[-1], at_least=0.97)

# %% [markdown] id="grid-intro"
# So it works, if there is enough data and the codes are sparse enough. **Which helps more: three times as many samples, or one atom fewer per sample?** We run MOD on a small grid of both:

# %% id="grid"
def recovered(n, k):
    """Mean max cosine of MOD with replacement, 25 rounds, on n samples with k active atoms."""
    truth = synthetic.planted(n, 16, 32, k, noise=0.01, seed=0)
    learned = dictlearn.learn_dictionary(truth.x, start, lambda x, D: lasso.omp(x, D, k), mod_step, n_epochs=25)
    return mean_max_cosine(truth.D, learned.D)

samples, active = (60, 200, 600, budget(smoke=600, laptop=2000)), (2, 3, 4, 6)
grid = np.array([[recovered(n, k) for n in samples] for k in active])

# %% id="grid-figure"
fig, ax = plots.panels(height=2.8)
plots.number_table(ax, grid, [f"{k} active" for k in active], [f"{n} samples" for n in samples])
ax.set_title("Recovery needs few active atoms and enough samples")
plots.show(fig, alt="A table of mean max cosines. With 2 active atoms 200 samples are enough for almost 1; with 3 it takes 600; with 6 active atoms even the most samples reach only 0.67, where a random start has 0.56.")

# %% [markdown] id="grid-after"
# With 2 active atoms, 200 samples do; with 6, ten times as many do not help. At 60 samples three times as many help about as much as one atom fewer (0.65 → 0.74 or 0.71); at 600 samples and 4 active, one atom fewer does far more (0.73 → 0.98 against 0.78). Is that the fault of the learner, or of the coder? Give OMP the *true* dictionary:

# %% id="grid-why" tags=["nbval-check-output"]
for k in active:
    truth = synthetic.planted(500, 16, 32, k, noise=0.01, seed=0)
    right = ((lasso.omp(truth.x, truth.D, k) != 0) == (truth.z != 0)).all(axis=1)
    print(f"{k} active: the right atoms for {100 * right.mean():3.0f} % of the samples")

# %% [markdown] id="grid-why-after"
# The more atoms are active, the more often the coder fails even with the truth in its hands: OMP is greedy, and at 6 active even basis pursuit comes near lesson 1's phase transition. With a wrong dictionary it fails oftener still; its codes then mislead the atoms, and more samples only confirm the error. The lowest values, 0.62 to 0.67, are not far above what the random start scored, 0.56.
#
# ## 2.5 What are photographs made of?
#
# Nobody planted anything here. Two photographs come with scikit-learn; we cut out thousands of small patches and take off each patch's mean brightness:

# %% id="patches"
size = 12
photos = images.photographs()
raw = images.random_patches(photos, size, n=budget(smoke=1500, laptop=20_000), seed=0)     # (patches, 144)
raw = raw - raw.mean(axis=1, keepdims=True)
variance = np.sort(np.linalg.eigvalsh(np.cov(raw, rowvar=False)))[::-1]

# %% id="variance" tags=["nbval-check-output"]
share = variance[:10].sum() / variance.sum()
print(f"share of all variance in the 10 largest of 144 directions: {share:.2f}")

# %% [markdown] id="whiten-intro"
# Neighbouring pixels are nearly equal, so most of the variance lies in a few slow, blurry directions. A learner that counts squared error would spend its atoms there. The cure is **whitening**: rescale so that
# every direction varies equally. The flattest directions are mostly camera noise, which whitening would blow up; we drop them.
#
# ### Exercise 2.7 · Whiten
#
# Difficulty 4 of 5 · 10 minutes · 5 points
#
# The covariance of `x` is `V diag(variance) Vᵀ`. Return the symmetric matrix `V diag(1/√variance) Vᵀ`, formed from only the `n_kept` directions of largest variance. Then `(x − mean) @ matrix` has variance 1 along each of these and 0 along all others.
#
# <details><summary>Hint 1 of 3</summary><code>np.cov(x, rowvar=False)</code> is the covariance of columns, and <code>np.linalg.eigh</code> takes it apart. In which order do eigenvalues come out?</details>
# <details><summary>Hint 2 of 3</summary>They come smallest first, and eigenvectors are columns: keep <code>V[:, -n_kept:]</code> and <code>variance[-n_kept:]</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>(V / np.sqrt(variance)) @ V.T</code>: the division scales the columns, the last product turns the axes back.</details>

# %% id="ex-whiten" exercise="whitening_matrix" difficulty=4 minutes=10 points=5
@exercise
def whitening_matrix(x, n_kept):
    """V diag(1 / sqrt(variance)) V^T over the n_kept leading eigenvectors
    of the covariance of x (n, d_in): (d_in, d_in).

    >>> print(whitening_matrix(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) * 1.5**0.5, 1)
    ...       .round(3) + 0.0)
    [[0.5 0. ]
     [0.  0. ]]
    """
    ### BEGIN SOLUTION
    variance, V = np.linalg.eigh(np.cov(x, rowvar=False))
    V, variance = V[:, -n_kept:], variance[-n_kept:]
    return (V / np.sqrt(variance)) @ V.T
    ### END SOLUTION

# %% [markdown] id="whiten-run-intro"
# We keep 100 of the 144 directions, and turn down patches that are louder than the median one, so that a few high-contrast edges do not decide everything:

# %% id="whiten-run" tags=["nbval-check-output"]
white = (raw - raw.mean(axis=0)) @ whitening_matrix(raw, n_kept=100)
variances = np.linalg.eigvalsh(np.cov(white, rowvar=False))[[-1, -10, -100, -101]]
print("variance along the 1st, 10th, 100th and 101st direction:", variances.round(3) + 0.0)
length = np.linalg.norm(white, axis=1, keepdims=True)
patches = white / np.maximum(length, np.median(length))
train, held_out = patches[:-500], patches[-500:]

# %% [markdown] id="atoms-intro"
# Now learn 128 atoms, five per patch. **What do you expect the atoms to look like?** `"a"`: like little photographs of things. `"b"`: like the blurry waves of PCA, all over the patch. `"c"`: like short strokes, each at its own place and angle.

# %% id="predict-atoms"
predict("image-atoms", "c")

# %% id="learn-atoms"
def five_atoms(x, D):
    return lasso.omp(x, D, 5)

n_epochs = budget(smoke=2, laptop=12)
learned = dictlearn.learn_dictionary(train, train[:128], five_atoms, dictlearn.Online(), n_epochs,
                                     batch_size=500).D

# %% [markdown] id="rivals-intro"
# And the rivals: PCA of the patches before whitening, the two-dimensional cosines (DCT) that JPEG uses, and random directions, all with the same 128 atoms or as many as there are:

# %% id="rivals"
from saekit.pca import pca
project = whitening_matrix(white, 100)      # onto the 100 kept directions
waves = np.kron(synthetic.dct_dictionary(size), synthetic.dct_dictionary(size))[1:]
share = np.linalg.norm(waves @ project, axis=1)
dictionaries = {"learned": learned, "PCA": pca(raw, 100).components,
                "DCT": waves[np.argsort(-share)[:128]],
                "random": geometry.unit_norm(synthetic.random_dictionary(128, size * size, seed=5) @ project)}

# %% id="atoms-figure"
fig, axes = plots.panels(3, height=2.6)
for ax, name, look in zip(axes, ("learned", "PCA", "DCT"), ("strokes", "blurs and waves", "waves")):
    plots.patch_grid(ax, dictionaries[name][:64], 8)
    ax.set_title(f"{name}: {look}")
plots.show(fig, alt="Three grids of 64 atoms of 12 by 12 pixels. Learned atoms are short oriented strokes at various places; PCA and DCT atoms are waves that fill the whole patch.")

# %% [markdown] id="gabor-intro"
# ## 2.6 Gabor atoms
#
# Strokes like these have a formula. A **Gabor** function is a wave under a bell: `exp(−u²/2s_u² − v²/2s_v²) · cos(2π f u + phase)`, with (u, v) the pixel coordinates about a centre, turned to an angle. To say *how* Gabor-like an atom is, fit the best Gabor by least squares and
# report which share of the atom's variance it explains, R². First by hand. In the running notebook, set the sliders so that the picture at the top right (the Gabor) matches the one at the top left (the atom); how high an R² do you get?

# %% id="explore-draw"
n_some = budget(smoke=4, laptop=32)
some = {name: D[np.linspace(0, len(D) - 1, n_some).astype(int)] for name, D in dictionaries.items()}
best = images.gabor_fit(some["learned"])
inside = np.hypot(best.x - size / 2, best.y - size / 2) < size / 4
# the best fit that lies well inside and holds a whole wave
which = int(np.argmax(best.r2 * inside * (best.frequency > 1 / size)))
atom, fit = some["learned"][which], {name: float(getattr(best, name)[which]) for name in best._fields}

def draw(ax, angle, wavelength, width):
    """Top: the atom, the Gabor with these settings (degrees, pixels).
    Bottom: their difference, the Gabor's wave alone.
    """
    setting, center = (np.deg2rad(angle), 1 / wavelength), (fit["x"], fit["y"])
    pair = np.array([images.gabor(size, *setting, phase, width, fit["length"], center)
                     for phase in (0, -np.pi / 2)])
    guess = np.linalg.lstsq(pair.T, atom)[0] @ pair
    wave = images.gabor(size, *setting, 0, 1e6, 1e6, center) * np.abs(atom).max()
    plots.patch_grid(ax, np.array([atom, guess, atom - guess, wave]), 2, peak=np.abs(atom).max())
    r2 = 1 - ((atom - guess) ** 2).sum() / ((atom - atom.mean()) ** 2).sum()
    ax.set_title(f"{angle}°, {wavelength:g} px, R² {r2:.2f}")

# %% id="explore"
angle, wavelength = round(np.rad2deg(fit["orientation"])), round(1 / fit["frequency"], 1)
fitted = dict(angle=angle, wavelength=wavelength, width=round(fit["width"], 1))
stills = [fitted, fitted | dict(angle=(angle + 45) % 180), fitted | dict(wavelength=2 * wavelength)]
alt = ("Four small pictures per setting: atom and Gabor above, difference and wave below. "
       "With the fitted settings little is left over; turned by 45 degrees or at twice the wavelength "
       "the difference looks like the atom.")
explore(draw, stills=stills, angle=(0, 179), wavelength=(2.0, 24.0, 0.1), width=(0.5, 8.0, 0.1), alt=alt)

# %% [markdown] id="fit-intro"
# Above: atom and Gabor; below: what is left over, and the wave without its bell. Place, length and phase are already fitted for you. Now the computer fits everything, for 32 atoms of each dictionary. A plain wave is a Gabor too, one whose bell is wider than the patch; so we also count who is *local*, with a bell (geometric mean of s_u and s_v) of at most a
# third of the patch. **Which rival will have Gabors, and which will have local ones?**

# %% id="fit"
fits = {name: best if name == "learned" else images.gabor_fit(atoms) for name, atoms in some.items()}
for name, one in fits.items():
    good, local = one.r2 >= 0.75, np.sqrt(one.width * one.length) <= size / 3
    print(f"{name:8} Gabor R² ≥ 0.75: {100 * good.mean():3.0f} %, "
          f"and local: {100 * (good & local).mean():3.0f} %; median R² {np.median(one.r2):.2f}")

# %% [markdown] id="fit-figure-intro"
# The whole distribution, and for the good fits (R² ≥ 0.75) where they point and how fast they wave (colours as on the left, learned atoms as large dots):

# %% id="good-fits"
styles = {"learned": dict(color=plots.ATOM, linestyle="-"), "PCA": dict(color=plots.NEURON, linestyle="--"),
          "DCT": dict(color=plots.LATENT, linestyle="-."), "random": dict(color=plots.BASELINE, linestyle=":")}

def good_fits(one):
    """Orientation in degrees and frequency of the atoms with R² ≥ 0.75."""
    good = one.r2 >= 0.75
    return np.rad2deg(one.orientation[good]), one.frequency[good]

# %% id="fit-figure"
fig, axes = plots.panels(2, height=3.0)
for name, one in fits.items():
    axes[0].plot(np.sort(one.r2), np.linspace(0, 1, len(one.r2)), label=name, **styles[name])
    axes[1].plot(*good_fits(one), "o", color=styles[name]["color"], markersize=6 if name == "learned" else 3)
axes[0].set(title="How Gabor-like?", xlabel="R² of the best Gabor", ylabel="share of atoms below",
            xlim=(0, 1.03), ylim=(0, 1.6), yticks=(0, 0.5, 1))
axes[1].set(title="Learned strokes: many angles", xlabel="orientation of the wave (degrees)",
            ylabel="frequency (cycles per pixel)", xticks=(0, 45, 90, 135, 180))
axes[0].legend(loc="upper left", ncols=2)
plots.show(fig, alt="Left: distribution of Gabor R² for learned, PCA, DCT and random atoms; random atoms lie far left, learned ones far right. Right: orientation against frequency of the well fitted atoms; learned ones have many orientations; those near 90 degrees mostly have a frequency near 0.")

# %% id="fit-claims"
ahead = np.median(fits["learned"].r2) - np.median(fits["random"].r2)
claim("median Gabor R² of learned atoms minus that of random directions", ahead, at_least=0.2)
claim("share of learned atoms with Gabor R² ≥ 0.75", (best.r2 >= 0.75).mean(), at_least=0.5)
both = (best.r2 >= 0.75) & (np.sqrt(best.width * best.length) <= size / 3)
claim("share of learned atoms that are Gabors and local", both.mean(), at_least=0.25)

# %% [markdown] id="equal-sparsity-intro"
# Read the table row against row. A good part of the learned atoms are Gabors *and* local; of PCA and DCT none is both; of random directions none is even one. A frequency near 0 is a bell with hardly a wave, so its angle means little: most *green* dots near 90° are such. Among real waves
# strokes of many angles occur. The formula is flexible, and R² alone does not say "stroke".
#
# A pretty atom need not be a useful one. The fair contest is at **equal sparsity**: the same number of atoms per patch, patches that were not used for learning, and the explained energy of the *whitened* patches as score. (Whitening takes away what PCA is best at, a few directions with most of the variance; in plain pixels this would be another contest.)

# %% id="equal-sparsity"
budgets = (1, 2, 4, 8, 16)
scores = {name: [explained_energy(held_out, lasso.omp(held_out, D, k), D) for k in budgets]
          for name, D in dictionaries.items()}

# %% id="equal-sparsity-figure"
fig, ax = plots.panels(height=2.8)
for name, score in scores.items():
    label = f"{name} ({len(dictionaries[name])} atoms)"
    ax.plot(budgets, score, marker="o", markersize=4, label=label, **styles[name])
ax.set(title="Learned atoms say more with the same number of words",
       xlabel="atoms per patch", ylabel="explained energy, held-out patches",
       xscale="log", xticks=budgets, xticklabels=budgets, ylim=(0, 1))
ax.minorticks_off()
ax.legend()
plots.show(fig, alt="Explained energy of held-out patches against atoms per patch from 1 to 16: the learned dictionary lies above DCT, PCA and random atoms throughout.")

# %% id="equal-sparsity-claims"
for rival in ("PCA", "DCT", "random"):
    ahead = scores["learned"][2] - scores[rival][2]
    claim(f"explained energy at 4 atoms, learned minus {rival}", ahead, at_least=0.02)

# %% [markdown] id="cortex"
# **And the brain?** In 1959 Hubel and Wiesel found cells in a cat's primary visual cortex (V1) that fire for an edge at one place and one angle. Jones and Palmer (1987) fitted Gabor functions to such cells, as you did to atoms. Olshausen and Field (1996) then showed that *sparse coding of natural
# photographs alone* gives atoms of that kind: localised, oriented, band-pass (of a limited range of frequencies). That is a resemblance, not a proof that the cortex minimises this loss: other objectives, such as that of independent component analysis (ICA), give such atoms too.
#
# > **The sources say / what is true.**
# >
# > *The lecture: dictionary learning is "joint minimization over U", written for one sample i* (its U is our D, its β our z, its M the number of atoms). The minimum is over *all* samples at once, one β per sample and one U for all; and the lengths of the atoms must be held, or the penalty can be cheated (section 2.1). Without a ½ before the square, the same λ means half as much shrinkage.
# >
# > *The lecture: "Gabor basis".* 128 learned atoms are no basis of the 100 dimensions that whitening kept: they are too many. And not every atom is a Gabor: the share that section 2.6 prints is neither 0 nor 100 %. Nor does a high R² make an atom local: a wave that fills the patch is a Gabor with a very wide bell, which is how rows of the DCT come to be perfect "Gabors" that no one would call strokes.
# >
# > *The lecture: "near-orthogonality is possible when M ≥ d".* Exactly orthogonal it cannot be once M > d; how near it can come is lesson 3.
#
# ## 2.7 Denoise a photograph
#
# What is a dictionary good for, if one does not care about the brain? Noise is not sparse in any dictionary. So: learn atoms **from the noisy picture itself**, code each of its overlapping patches with as few atoms as bring the error down to the noise level, and average
# the patches back (Elad and Aharon 2006). We add noise of known strength to a part of the temple; the score is the peak signal-to-noise ratio, PSNR, in decibels:

# %% id="noisy"
side, sigma = budget(smoke=48, laptop=96), 0.1
clean = photos[0][200:200 + side, 100:100 + side]
noisy = clean + sigma * np.random.default_rng(0).normal(size=clean.shape)
patches_8 = images.all_patches(noisy, 8)
brightness = patches_8.mean(axis=1, keepdims=True)
busy = np.linalg.norm(patches_8 - brightness, axis=1) > 1.1 * sigma * 8          # more than noise alone

# %% id="denoise"
def until_noise(x, D):
    """At most 12 atoms, and no more than it takes to leave only noise: ||x - z D|| <= 1.1 sigma sqrt(64)."""
    return lasso.omp(x, D, 12, max_error=1.1 * sigma * 8)

def denoised(D):
    return images.average_patches(until_noise(patches_8 - brightness, D) @ D + brightness, clean.shape)

cosines = np.kron(synthetic.dct_dictionary(8), synthetic.dct_dictionary(8))[1:]          # 63 waves
noisy_patches = (patches_8 - brightness)[busy][::4]
first = np.vstack([cosines, noisy_patches[:65]])                                         # 128 atoms to start from
adapted = dictlearn.learn_dictionary(noisy_patches, first, until_noise, ksvd_sweep,
                                     n_epochs=budget(smoke=1, laptop=6)).D

# %% id="denoise-figure"
def psnr(image):
    return 10 * np.log10(1 / ((image - clean) ** 2).mean())

results = {"noisy": noisy, "random": denoised(synthetic.random_dictionary(128, 64, seed=3)),
           "DCT": denoised(cosines), "learned": denoised(adapted)}
fig, axes = plots.panels(4, height=2.1)
for ax, (name, image) in zip(axes, results.items()):
    plots.grey_image(ax, image)
    ax.set_title(f"{name} {psnr(image):.1f} dB")
plots.show(fig, alt="Four versions of a piece of a photograph: noisy; denoised with random atoms, blotchy; with DCT atoms, smooth; with atoms learned from the noisy picture, smooth with sharper edges.")

# %% id="denoise-claims"
gain = psnr(results["learned"]) - psnr(noisy)
claim("gain of the learned dictionary over the noisy picture", gain, at_least=3, unit="dB")
claim("learned minus DCT", psnr(results["learned"]) - psnr(results["DCT"]), at_least=0, unit="dB")

# %% [markdown] id="denoise-after"
# A ladder: *any* dictionary with a stopping rule helps, a good fixed one helps more, and learning adds a little on top (0.3 dB here, with 128 atoms against 63). Sparsity did most of the work.
#
# ## 2.8 What the SAE's encoder will replace
#
# Every patch costs a search. For a photograph that is fine; for billions of hidden states it is not. How much dearer is a LASSO code than one product with a matrix of the same size?

# %% id="cost"
import time

def seconds(action, repeats=5):
    """Shortest of several runs: the rest is other programs."""
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        action()
        times.append(time.perf_counter() - before)
    return min(times)

batch = train[:1000].astype(np.float32)
atoms = learned.astype(np.float32)
solver_time = seconds(lambda: dictlearn.sparse_encode(batch, atoms, lam=0.1), repeats=2)
ratio = solver_time / seconds(lambda: batch @ atoms.T)
print(f"here: about {ratio:.0f} times as long")
claim("time of a LASSO solver per code, over one matrix product", ratio, at_least=5, unit="times")

# %% [markdown] id="cheap-intro"
# The claim is loose on purpose, as the ratio moves with the machine. And that is our fastest solver. What does the cheap product give up? We let it do its best: measure, keep the five largest
# entries, and give these five the best possible values, which no encoder could:

# %% id="cheap"
measured = held_out @ learned.T
support = np.argsort(-np.abs(measured), axis=1)[:, :5]
cheap = np.zeros_like(measured)
np.put_along_axis(cheap, support, lasso.least_squares(held_out, learned, support), axis=1)
search = explained_energy(held_out, five_atoms(held_out, learned), learned)
guess = explained_energy(held_out, cheap, learned)
print(f"explained energy: searched {search:.2f}, measured {guess:.2f}")
claim("explained energy, five atoms searched for minus five measured", search - guess, at_least=0.02)

# %% [markdown] id="cheap-after"
# Measuring is not decomposing: the five atoms that answer loudest are often alike and say much the same thing. An SAE *learns* its encoder together with the dictionary, so that one product with a bias and a ReLU guesses better than this. What remains is
# the **amortisation gap**, and lesson 4 measures it.

# %% [markdown] id="q-same-dictionary" question="same_dictionary" minutes=5 points=3
# ### Question 2.1 · The same dictionary?
#
# In words · 5 minutes · 3 points
#
# Two runs from different seeds give two dictionaries. In which ways may they differ without any change in the reconstruction, and how would you compare them all the same? Three to six sentences.
#
# ### BEGIN SOLUTION
# - One point: order of the atoms and sign of each atom are free (with unit norm their length is not).
# - One point: so atoms are matched first, one to one or each to its best partner, by the absolute cosine.
# - One point: what is left after matching is a real difference: several dictionaries may fit equally well, or a run may sit in a worse minimum.
# ### END SOLUTION

# %% [markdown] id="common-confusions"
# ## Common confusions
#
# - *"The algorithm converged, so it found the dictionary."* It found a valley. Run it from several starts, and compare: lesson 9 does that with SAEs.
# - *"Atom 17 of my run is atom 17 of yours."* Order and sign are arbitrary. Match first (`geometry.match_atoms`), then compare.
# - *"A mean max cosine of 0.6 is more than half of the way."* It may be what a random dictionary scores, as in section 2.4. Print that beside it.
# - *"Dictionary learning found the features of the image."* It found atoms that make *these* patches sparse. Other patches, another size, another number of atoms: other atoms.
# - *"Whitening is cosmetic."* It decides which errors count. Without it, the blurry directions would take most atoms.
#
# ## Summary
#
# Alternate: code, improve the atoms, put them back to length 1, wake the dead. MOD, K-SVD and online learning differ in how they improve. Enough samples and few enough active atoms bring a planted dictionary back, up to order and sign. On photographs the atoms are short strokes, many of them close to a Gabor, and they say more with the
# same number of atoms than PCA, DCT or chance, on whitened patches.
#
# **Limits.** Two photographs are not the visual world, and held-out patches cut from the same two may overlap the training ones. We fitted Gabors to 32 atoms, at one patch size and one sparsity. Planted data are random atoms with independent codes; in a language model neither holds. And a sparse description that fits is not thereby the true one.
#
# **References.** Olshausen and Field, "Emergence of simple-cell receptive field properties by learning a sparse code for natural images" (1996) · Engan, Aase and Husøy, "Method of optimal directions for frame design" (1999) · Aharon, Elad and Bruckstein, "K-SVD" (2006) · Elad and Aharon, "Image denoising via sparse and redundant
# representations over learned dictionaries" (2006) · Mairal, Bach, Ponce and Sapiro, "Online learning for matrix factorization and sparse coding" (2010) · Jones and Palmer, "An evaluation of the two-dimensional Gabor filter model of simple receptive fields in cat striate cortex" (1987).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 3 · More features than dimensions](03_superposition.ipynb).
