# %% [markdown] id="title"
# # Lesson 0 · Start here
#
# **You will be able to**: run a notebook and let it check your answers · describe a signal by a few atoms · say why measuring is not
# decomposing · read the table that this whole course walks along.
#
# **15 minutes.** You need a little Python and know what a dot product is. Nothing is downloaded, nothing can break: run, change, run again.

# %% [markdown] id="how-to-run"
# Click the grey cell below and press **Shift + Enter**. That runs it and moves on. Begin with this one in every lesson; it puts *our* version of every
# exercise in place, so that the notebook runs to its end even where you have written nothing yet.

# %% id="setup"
import numpy as np
from saekit import plots
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("00_start_here")

# %% [markdown] id="chord-intro"
# ## 0.1 A chord is three numbers
#
# Record one sixteenth of a second of a chord with a very slow microphone: 64 numbers. But only three tones sound, so three numbers, and *which* three,
# should be enough. We write such a description as a **code** `z`: one entry for each of 64 possible tones, zero for every tone that is silent:

# %% id="chord-code"
z = np.zeros((1, 64))              # (1 sample, 64 tones)
z[0, [5, 12, 31]] = 1.0, 0.8, -0.5

# %% [markdown] id="l0-intro"
# A code with few non-zero entries is called **sparse**, and the number of its non-zero entries is its **l0**. You have not written `l0` yet. Ours stands in:

# %% id="l0-ours" tags=["nbval-check-output"]
print("tones in the chord:", l0(z))

# %% [markdown] id="fail-first"
# ## 0.2 Your code or ours
#
# An exercise is a function with `@exercise` above it. When you run its cell, the function is tried on fresh numbers and a card tells what came out.
# **First see it fail.** The answer below is wrong on purpose: run it, and read what the card asks you.

# %% id="l0-wrong"
@exercise
def l0(z):
    """Mean number of non-zero entries per row."""
    return np.count_nonzero(z)

# %% [markdown] id="ex-l0-task"
# It counts right for one sample and wrong for several; the example below, with its two rows, would have shown it. The card shows what was tried and
# asks about the likely slip, and the last line says what happens next: *our version is used below*. Now you.
#
# ### Exercise 0.1 · How many atoms does a code use?
#
# Difficulty 1 of 5 · 2 minutes · 1 point
#
# Return the number of non-zero entries of each row of `z`, averaged over the rows. Click a hint to open it; there are always three, and the third nearly says it.
#
# <details><summary>Hint 1 of 3</summary>The card's question is about the number of rows. What does `np.count_nonzero` know about rows?</details>
# <details><summary>Hint 2 of 3</summary><code>z != 0</code> is an array of True and False, and True counts as 1. Sum it along the axis of the tones, axis 1.</details>
# <details><summary>Hint 3 of 3</summary>You have one count per row now. What is left is their <code>.mean()</code>.</details>

# %% id="ex-l0" exercise="l0" difficulty=1 minutes=2 points=1
@exercise
def l0(z):
    """Mean number of non-zero entries per row of z (n, n_atoms), as one number.

    >>> print(l0(np.array([[0.0, 2.0, 0.0], [1.0, 0.5, 3.0]])))
    2.0
    """
    ### BEGIN SOLUTION
    return np.count_nonzero(z, axis=1).mean()
    ### END SOLUTION

# %% [markdown] id="l0-after"
# If the card says *passed*, every cell below uses your function. If it does not, they use ours. You can come back at any time.
#
# ## 0.3 From the code back to the sound
#
# What does tone number 5 look like? Here are all 64, one per row. A row of such a table is called an **atom**, the table a **dictionary**:

# %% id="tones"
t = np.arange(64)                                                 # time
tones = np.cos(np.pi * (t + 0.5) * np.arange(64)[:, None] / 64)   # (64 tones, 64 times)

# %% [markdown] id="ex-unit-norm-task"
# These rows have different lengths: the constant one is longer than the rest. An entry of a code is only comparable with the others when all atoms are equally long.
#
# ### Exercise 0.2 · Atoms of length 1
#
# Difficulty 1 of 5 · 2 minutes · 1 point
#
# Scale every row of `D` to Euclidean length 1, without changing `D` itself.
#
# <details><summary>Hint 1 of 3</summary>Length is a sum over the entries of one row. Which axis is that?</details>
# <details><summary>Hint 2 of 3</summary><code>np.linalg.norm</code> takes an <code>axis</code>; with <code>keepdims=True</code> the result divides row by row.</details>
# <details><summary>Hint 3 of 3</summary><code>np.linalg.norm(D, axis=1, keepdims=True)</code> has shape (n_atoms, 1). Divide by it.</details>

# %% id="ex-unit-norm" exercise="unit_norm" difficulty=1 minutes=2 points=1
@exercise
def unit_norm(D):
    """Rows of D (n_atoms, d_in) scaled to length 1; no row is zero.

    >>> print(unit_norm(np.array([[3.0, 4.0]])))
    [[0.6 0.8]]
    """
    ### BEGIN SOLUTION
    return D / np.linalg.norm(D, axis=1, keepdims=True)
    ### END SOLUTION

# %% [markdown] id="tones-unit"
# Now a fact that makes tones so comfortable. Once their rows have length 1, every entry of `tones @ tones.T` is the cosine between two of them. **How large is the largest cosine between two different tones?**

# %% id="tones-orthogonal" tags=["nbval-check-output"]
tones = unit_norm(tones)
cosines = tones @ tones.T - np.eye(64)
print(f"largest |cosine| between two tones: {np.abs(cosines).max():.3f}")

# %% [markdown] id="ex-reconstruct-task"
# Zero: the tones are **orthogonal**. Remember that; we are about to lose it.
#
# ### Exercise 0.3 · Play the code
#
# Difficulty 1 of 5 · 2 minutes · 1 point
#
# A code says how much of each atom to take. Add them up: each row of the answer is the sum of all atoms, each multiplied by its entry in that row of `z`.
#
# <details><summary>Hint 1 of 3</summary>For one sample: 5 numbers and 5 atoms of 3 entries give 3 entries. Which product of arrays does that?</details>
# <details><summary>Hint 2 of 3</summary>A matrix product sums over the axis that the two arrays share. Here that is the axis of the atoms.</details>
# <details><summary>Hint 3 of 3</summary><code>z</code> is (n, n_atoms) and <code>D</code> is (n_atoms, d_in): they already stand in the right order for <code>@</code>.</details>

# %% id="ex-reconstruct" exercise="reconstruct" difficulty=1 minutes=2 points=1
@exercise
def reconstruct(z, D):
    """Sum of atoms weighted by codes: x[i] = sum_j z[i, j] * D[j].

    z (n, n_atoms), D (n_atoms, d_in) -> (n, d_in)

    >>> print(reconstruct(np.array([[2.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])))
    [[2. 1.]]
    """
    ### BEGIN SOLUTION
    return z @ D
    ### END SOLUTION

# %% [markdown] id="chord-figure-intro"
# With it the three numbers become a sound:

# %% id="chord-figure"
x = reconstruct(z, tones)          # (1, 64)
fig, ax = plots.panels(height=2.2)
ax.plot(t, x[0], color=plots.TRUTH)
ax.set(title="64 numbers that are really three", xlabel="time (samples)", ylabel="pressure (a.u.)")
plots.show(fig, alt="An irregular wave over 64 samples: the sum of three cosines.")

# %% [markdown] id="ex-measure-task"
# No eye finds three tones in that. A dot product does: measure the sound against every tone.
#
# ### Exercise 0.4 · Measure
#
# Difficulty 1 of 5 · 2 minutes · 1 point
#
# Return the dot product of every sample (row of `x`) with every atom (row of `D`).
#
# <details><summary>Hint 1 of 3</summary>The answer has one row per sample and one column per atom. Which axis is summed over?</details>
# <details><summary>Hint 2 of 3</summary><code>@</code> sums over the last axis of the left array and the first of the right one. Both of yours have it last.</details>
# <details><summary>Hint 3 of 3</summary>Turn <code>D</code> with <code>.T</code>, and keep <code>x</code> on the left.</details>

# %% id="ex-measure" exercise="measure" difficulty=1 minutes=2 points=1
@exercise
def measure(x, D):
    """Dot product of every sample with every atom: x (n, d_in), D (n_atoms, d_in) -> (n, n_atoms).

    >>> print(measure(np.array([[2.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])))
    [[2. 1. 3.]]
    """
    ### BEGIN SOLUTION
    return x @ D.T
    ### END SOLUTION

# %% [markdown] id="predict-tones-intro"
# **Before you run on, commit yourself.** We measure the chord against all 64 tones. How many of the 64 numbers will differ from zero? Put your guess in place of the dots.

# %% id="predict-tones"
predict("measured-tones", 3)

# %% id="measure-tones" tags=["nbval-check-output"]
measured = measure(x, tones).round(9)          # rounding: 1e-17 is the computer's zero
print("non-zero measurements:", l0(measured))
print("measured == code:", np.allclose(measured, z))

# %% [markdown] id="clicks-intro"
# Measuring gave the code back, entry for entry. If life stayed like this, the course would end here.
#
# ## 0.4 One click
#
# Somebody taps the microphone once. No sum of *few* tones makes a tap, so we allow 64 more atoms: a **click** at each time. Tones and clicks together are
# 128 atoms for signals of 64 numbers, more atoms than dimensions. Such a dictionary is called **overcomplete**, and chord plus tap is still only four of its atoms:

# %% id="clicks" tags=["nbval-check-output"]
D = np.vstack([tones, np.eye(64)])             # (128 atoms, 64 times)
z_tap = np.zeros((1, 128))
z_tap[0, [5, 12, 31, 64 + 20]] = 1.0, 0.8, -0.5, 1.0
x_tap = reconstruct(z_tap, D)
print("atoms in it:", l0(z_tap), "of", len(D))

# %% [markdown] id="predict-clicks-intro"
# **How many of the 128 measurements will differ from zero now?** `"a"`: the 4 atoms that are in it. `"b"`: about 20. `"c"`: nearly all of the 128.

# %% id="predict-clicks"
predict("measured-clicks", "c")

# %% id="measure-clicks" tags=["nbval-check-output"]
measured = measure(x_tap, D).round(9)
print("non-zero measurements:", l0(measured), "of", len(D))
claim("measurements that differ from zero", l0(measured), at_least=120, unit="of 128")

# %% [markdown] id="clicks-after"
# Everything answers, because everything looks a little like everything else: a click contains a bit of every tone, and a chord is non-zero at every time. **Measuring is not decomposing**, unless the
# atoms are orthogonal (and of length 1), and more atoms than dimensions never are. How fast does it get worse? In the figure, black dots mark the three tones that sound; green is what measuring says:

# %% id="explore-draw"
rng = np.random.default_rng(2)
when, sign = rng.permutation(64), rng.choice([-1.0, 1.0], 64)   # taps push or pull the membrane

def tapped(clicks):
    """Measurements of the chord plus some clicks against the 64 tones."""
    return measure(x + reconstruct(sign[None, :clicks], np.eye(64)[when[:clicks]]), tones)[0]

def draw(ax, clicks):
    """What was played (dots) and what measuring says."""
    ax.vlines(t, 0, tapped(clicks), color=plots.ATOM)
    ax.plot([5, 12, 31], [1.0, 0.8, -0.5], "o", color=plots.TRUTH, markersize=4)
    ax.set(title=f"{clicks} clicks", xlabel="tone", ylabel="measurement", ylim=(-1.6, 1.6))

# %% [markdown] id="explore-intro"
# Three settings stand side by side for readers on paper. In a running notebook a slider stands below them.
# **Move it: from how many clicks on would you no longer dare to name the three tones?**

# %% id="explore"
alt = ("Without clicks only the three true tones differ from zero. With 2 clicks every tone answers. "
       "With 8 clicks the largest false answer is above two of the three true ones.")
explore(draw, stills=[{"clicks": 0}, {"clicks": 2}, {"clicks": 8}], clicks=(0, 32), alt=alt)

# %% [markdown] id="explore-read-intro"
# The same in numbers, for the three tones that sound and for the loudest of the 61 that do not:

# %% id="explore-read" tags=["nbval-check-output"]
for clicks in (0, 2, 8):
    loud = np.abs(tapped(clicks))
    false = np.delete(loud, [5, 12, 31]).max()
    print(f"{clicks} clicks: true {loud[[5, 12, 31]].round(2)}, loudest false {false:.2f}")

# %% [markdown] id="explore-after"
# With two clicks the three true tones are still the loudest. From three on, a tone that nobody played is louder than the softest of them. With eight, it is louder than two of them. The cure is to *search* for the few atoms that explain the signal together, instead of asking each one alone. [Lesson 1](01_lasso.ipynb) writes that search, and shows when it finds the truth and when it cannot.
#
# ## 0.5 The same story, inside a language model
#
# While a language model reads, every token becomes a vector of hundreds or thousands of numbers, a *hidden state*. The idea to be tested in this course: such a vector is a chord too, a sum of
# few atoms out of very many, and each atom stands for something one can name. Nobody hands us the dictionary, so it must be learned from the vectors: that is a **sparse
# autoencoder** (SAE). The table is from the lecture this course grew out of; it is our map, and the last column says where it is loose.
#
# | | signal processing and statistics | language models | lesson | read with care |
# |---|---|---|---|---|
# | **input** | signals that a sparse dictionary can represent | hidden states of one layer | [1](01_lasso.ipynb), [5](05_transformer.ipynb) | that they *are* sparse in some dictionary is the hypothesis, not a fact: lesson 5 tests it |
# | **latents** | sparse coefficients `z` | activations of the SAE's units | [3](03_superposition.ipynb), [7](07_read_features.ipynb) | "monosemantic concepts" (one meaning for each) is the hope; lesson [8](08_test_features.ipynb) scores it. Never ask for *the* concepts: lesson [9](09_splitting.ipynb) finds several dictionaries that fit |
# | **encoder** | "analysis operator", an iterative algorithm such as LASSO | a linear layer with bias, then a ReLU (negative values become 0) | [1](01_lasso.ipynb), [4](04_pca_to_sae.ipynb) | two different things in one cell. An analysis operator is a linear map: your `measure`. LASSO is a minimisation problem, which an algorithm solves. The encoder is one step of such an algorithm |
# | **decoder** | the dictionary of atoms | feature directions | [2](02_dictionary_learning.ipynb), [6](06_train_sae.ipynb) | your `reconstruct`. Directions mean something only at a fixed length: your `unit_norm` |
# | **optimisation** | "basis pursuit" | SAE training with an L1 penalty (a price on the sum of absolute values) or top-k (only the k largest stay) | [1](01_lasso.ipynb), [6](06_train_sae.ipynb) | basis pursuit asks for *exact* reconstruction with the smallest L1 norm. Trading error against sparsity is the LASSO (basis pursuit *denoising*). Neither trains the dictionary: that is lesson 2 |
#
# Where the table ends, [lesson 10](10_scale.ipynb) begins: millions of atoms, billions of samples, and what they cost.
#
# Four words that are easily mixed up, and that we keep apart: an **atom** is a row of a dictionary; a **neuron** is a unit of the model's own layer; a **latent** is a unit of the SAE; a **feature** is a
# property of the data, whether or not anything in the model stands for it.
#
# ## 0.6 What this machine can run
#
# Every lesson fits two processor cores; a GPU makes the later ones larger. This is what we find here, and what it means for you:

# %% id="doctor"
from saekit.doctor import report
for topic, finding, verdict in report():
    print(f"{topic}: {finding} ({verdict})")

# %% [markdown] id="budget-intro"
# Where an amount of work depends on that, a lesson writes it down for each case, and you may set `SAEKIT_PROFILE` to another one:

# %% id="budget"
amount = budget(smoke="a handful of", laptop="a few million", gpu="hundreds of millions of")
print("here we would train on", amount, "tokens")

# %% [markdown] id="confusions"
# ## Common confusions
#
# - *"The card says* not yet*, so the cells below are broken."* No: they run on our version. Only your own progress waits.
# - *"l0 is a fraction."* It is a count per sample. 4 of 128 atoms is l0 = 4.
# - *"Sparse means small."* Sparse means many exact zeros. Halving all entries leaves l0 as it was.
# - *"Measuring harder would help."* The measurements are exact. What they mix up is in the dictionary.
#
# ## Summary
#
# A sparse code and a dictionary give a signal: `x = z @ D`. With orthogonal atoms of length 1, `x @ D.T` gives the code back; in an overcomplete dictionary it does not, and that is why the rest of this course exists.
# **Limits**: we built the chord from the dictionary ourselves. Nothing here shows that real sounds, or hidden states, have a sparse code. And four atoms out of 128 is an easy case; where "few" ends is the subject of lesson 1.
#
# **References.** Mallat, *A Wavelet Tour of Signal Processing* (2009), chapter 12, for tones and clicks · Chen, Donoho and Saunders, "Atomic decomposition by basis pursuit" (1998) · Bricken et al., "Towards
# Monosemanticity" (2023), for the right half of the table.
#
# What you have solved, here and everywhere in the course:

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 1 · Too many atoms](01_lasso.ipynb).
