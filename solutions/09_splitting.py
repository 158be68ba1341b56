# %% [markdown] id="title"
# # Lesson 9 · Splitting and universality
#
# **You will be able to**: follow a concept through dictionaries of growing size · tell splitting from absorption, and measure absorption where the truth is known · build the Matryoshka loss · say what comes again with another seed, layer or model, beside chance · tell "comes again" from "is true" · find a latent that feeds one of a higher layer, and test the chain by ablating, activating, redirecting and blocking · read a feature map beside the map of noise.
#
# **60 minutes.** (With every exercise, 90.) You know SAEs (lesson 6), how a latent is read (lesson 7) and tested (lesson 8).

# %% [markdown] id="setup-intro"
# Run this first: it puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, concepts, corpus, explain, files, geometry, interpret, metrics, plots
from saekit import sae as saes, splitting, strips, synthetic, train, transformer, universality
from saekit.course import begin, budget, claim, exercise, predict, progress
begin("09_splitting")

# %% [markdown] id="shelf-intro"
# ## 9.1 How many features has a model?
#
# One model, one layer, TopK with k = 32; sizes and seeds differ. (One thing more: the 4,096 of seed 0 are lesson 6's. They read 50 million tokens at a fifth of the rate with a stronger AuxK, all others 10 million; read their row with that in mind.) If features lay in the model and waited to be found, a larger dictionary would find the old ones and some more, and another seed the same again. Both can be measured.

# %% id="shelf"
lm = transformer.load_lm("python-1l")
shelf = transformer.data_folder() / "saes"
def load(name):
    return saes.load_sae(shelf / f"python-1l-topk-{name}").requires_grad_(False)

def n_latents(name):
    """The number with which a name such as 2048-seed1 begins."""
    return int(name.split("-")[0])

folders = [path.parent.name for path in shelf.glob("python-1l-topk-*/sae.safetensors")]
names = [folder.removeprefix("python-1l-topk-") for folder in folders]
names = sorted(names, key=lambda name: (n_latents(name), name))
names = [name for name in names if n_latents(name) <= budget(smoke=2048, laptop=10**6)]
dictionaries = {name: load(name) for name in names}
W = {name: geometry.unit_norm(sae.W_dec.numpy()) for name, sae in dictionaries.items()}      # unit directions
widths = sorted({len(one) for one in W.values()})
def of_width(d):
    return [name for name in names if len(W[name]) == d]

sizes = [of_width(d)[0] for d in widths]
print("on the shelf:", ", ".join(names))

# %% [markdown] id="data-intro"
# All read the same tokens of validation files. As in lesson 8, **train** files are for what we choose, **held** ones for what we score.

# %% id="data"
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
every = corpus.contexts(text, lm.n_ctx, lm.boundary)
which = np.linspace(0, len(every) - 1, budget(smoke=12, laptop=120, gpu=400)).astype(int)  # spread over all files
contexts = every[which]
keep = contexts != lm.boundary
tokens, labels = contexts[keep], concepts.label_stream(text, lm.tokenizer, lm.n_ctx, which)[keep]
kinds_of_token = list(concepts.CONCEPTS)
is_train = explain.train_half(text, explain.file_of_rows(text, contexts, lm.boundary, which))

# %% id="latents"
def explained(sae, x):
    """Explained variance of x, in blocks that fit the cache."""
    return float(metrics.explained_variance(x, torch.cat([sae(part) for part in x.split(2048)])))

neurons = activations.harvest(lm, contexts).numpy()
# tokens × latents, only non-zeros stored
latents = {name: interpret.sparse_latents(sae, neurons) for name, sae in dictionaries.items()}
fires = {name: (part > 0).astype(np.float32) for name, part in latents.items()}
# on how many tokens each latent fires
counts = {name: np.diff(part.indptr) for name, part in latents.items()}
ev = {name: explained(sae, torch.from_numpy(neurons)) for name, sae in dictionaries.items()}
print(f"{len(neurons):,} tokens\ndictionary   × neurons  explained variance  fire here")
for name in names:
    print(f"{name:12}{len(W[name]) / lm.d_mlp:9g}×{ev[name]:20.3f}{(counts[name] > 0).sum():11,}")

# %% [markdown] id="hand-intro"
# A larger dictionary explains more, with as many latents per token. Did it find more features, or cut the same ones finer?
#
# ## 9.2 Splitting
#
# A concept comes in two kinds, whose directions differ by 50°. A dictionary with room for one atom takes the middle. **What does the loss gain when there is room for two? And what does it cost in active latents?**

# %% id="hand" tags=["nbval-check-output"]
angle = np.deg2rad(25)
kinds = np.array([[np.cos(angle), np.sin(angle)], [np.cos(angle), -np.sin(angle)]])
middle = geometry.unit_norm(kinds.mean(axis=0, keepdims=True))
error = ((kinds - kinds @ middle.T @ middle) ** 2).sum(axis=1).mean()
print(f"one atom: error {error:.3f}, one active; two atoms: error 0, one active")
old_with_new, new_with_new = float((middle @ kinds.T)[0, 0]), float(kinds[0] @ kinds[1])
print(f"cosine of the old atom with each new one {old_with_new:.2f}, "
      f"of the new ones with each other {new_with_new:.2f}")

# %% [markdown] id="ex-together-task"
# Two atoms are better at the same price, so the loss splits whatever it has room to split, whether or not the kinds mean anything. The signs of a split: the children lie **near the parent**, and they fire **where it fires**.
#
# ### Exercise 9.1 · Fire together
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# `both[i, j]` counts the tokens on which latent i of the smaller and j of the larger dictionary both fire; `n_small` and `n_large` how often each fires at all. Return P(i fires | j fires): of the *child's* tokens, the share on which the parent fires. A child that never fires has 0.
#
# <details><summary>Hint 1 of 3</summary>A child of a common parent fires on few of the parent's tokens. So whose count goes below the line?</details>
# <details><summary>Hint 2 of 3</summary>Columns are children: <code>both / n_large</code> divides every column by its own number.</details>
# <details><summary>Hint 3 of 3</summary>Where n_large is 0, both is 0 too: <code>np.maximum(n_large, 1)</code>.</details>

# %% id="ex-together" exercise="together" difficulty=2 minutes=6 points=3
@exercise
def together(both, n_small, n_large):
    """P(parent i fires | child j fires): both (n_parents, n_children), n_small (n_parents,), n_large (n_children,)
    counts of tokens.

    >>> print(together(np.array([[2, 2]]), np.array([4]), np.array([2, 4])))
    [[1.  0.5]]
    """
    ### BEGIN SOLUTION
    return both / np.maximum(n_large, 1)
    ### END SOLUTION

# %% [markdown] id="ex-parents-task"
# ### Exercise 9.2 · Who is whose child?
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Each latent of the larger dictionary (a column) may be the child of **one** of the smaller (a row): the one with the largest cosine. It counts only if that cosine is at least `least_cosine` *and* that same parent's share `together` is at least `least_together`; otherwise the child has no parent, −1. The second nearest does not step in.
#
# <details><summary>Hint 1 of 3</summary>First the nearest of every column, whatever its numbers; then the two tests, on that pair alone.</details>
# <details><summary>Hint 2 of 3</summary><code>nearest = cosine.argmax(axis=0)</code>; the pair's own entries are <code>cosine[nearest, np.arange(n_children)]</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>np.where(enough, nearest, -1)</code></details>

# %% id="ex-parents" exercise="parents_of" difficulty=3 minutes=8 points=4
@exercise
def parents_of(cosine, together, least_cosine, least_together):
    """Each child's parent (n_children,): row of its largest cosine, -1 if cosine or together there is too low;
    both are (n_parents, n_children).

    >>> print(parents_of(np.array([[0.9, 0.2], [0.1, 0.3]]), np.array([[1.0, 1.0], [1.0, 1.0]]), 0.4, 0.5))
    [ 0 -1]
    """
    ### BEGIN SOLUTION
    nearest, child = cosine.argmax(axis=0), np.arange(cosine.shape[1])
    enough = (cosine[nearest, child] >= least_cosine) & (together[nearest, child] >= least_together)
    return np.where(enough, nearest, -1)
    ### END SOLUTION

# %% [markdown] id="plan-intro"
# Whoever looks for splitting finds it. So concepts and bounds were written down *before* the other dictionaries were trained, with a control that has little to split into: the dot.

# %% id="plan" tags=["nbval-check-output"]
plan = files.read_json(transformer.data_folder() / "splitting-concepts.json")
rule = plan["rule"]
print(f"cosine at least {rule['cosine']}, together at least {rule['together']}; "
      f"{len(plan['concepts'])} concepts, for instance:")
for name in ("keyword_import", "self", "dot"):
    print(f"{name}: {plan['concepts'][name]}")

# %% [markdown] id="levels-intro"
# Parents from size to size. Beside it the same rule for directions whose coordinates have been shuffled: the angles *within* each dictionary stay, those *between* the two become chance.

# %% id="levels"
def level(small, large, shuffled=False):
    """Each latent's parent in a smaller dictionary, by the rule."""
    share = together((fires[small].T @ fires[large]).toarray(), counts[small], counts[large])
    directions = universality.shuffled_coordinates(W[small]) if shuffled else W[small]
    return parents_of(universality.cosines(directions, W[large]), share, rule["cosine"], rule["together"])

def own_number(parent):
    """Of the latents with a parent, the share whose parent has the latent's own number."""
    return np.mean(parent[parent >= 0] == np.flatnonzero(parent >= 0)) if (parent >= 0).any() else 0.0

# %% id="levels-run"
neighbours = [(a, b) for d, next_d in zip(widths, widths[1:]) for a in of_width(d) for b in of_width(next_d)]
for small, large in neighbours:
    real, chance = level(small, large), level(small, large, shuffled=True)
    print(f"{small:>10} → {large:10} have a parent {100 * np.mean(real >= 0):3.0f} % "
          f"(shuffled {100 * np.mean(chance >= 0):.0f} %), of the same number {100 * own_number(real):3.0f} %")

# %% [markdown] id="twins-intro"
# Look at the last column. By chance a parent has its child's number once in several hundred times. Where it is common, we have caught ourselves: dictionaries drawn with the **same seed begin with the same rows**, so that latent 7 of one resembles latent 7 of the other because both *started* there. So only dictionaries that began apart are compared: of each size the first on the shelf for which less than 5 % of the parents have the child's number (a size without one, here 1,024, is left out). Of the pairs in the table that began apart 27 to 35 % of the larger one's latents have a parent. The others are new, or cut another way.

# %% id="ladder"
ladder = [names[0]]
for d in widths[1:]:
    ladder += [name for name in of_width(d) if own_number(level(ladder[-1], name)) < 0.05][:1]
steps = list(zip(ladder, ladder[1:]))
levels = [level(*step) for step in steps]
print("the ladder:", " → ".join(ladder))
claim("latents with a parent in the last step, minus shuffled",
      np.mean(levels[-1] >= 0) - np.mean(level(*steps[-1], shuffled=True) >= 0), at_least=0.1)

# %% [markdown] id="trees-intro"
# A latent's *founder* is its parent's founder, back to the smallest dictionary. For each concept the root is the latent there with the best F1 on train. How many descendants has it? Two counts: the first by the rule that was written down; the second, by *firing* (correlation of activations at least 0.3) in place of direction, was added **after** we had seen the first, so it deserves less trust. Section 9.5 shows why direction is the weaker witness.

# %% id="trees"
def founders_by(levels):
    """{dictionary: the founder of each of its latents}."""
    found = {ladder[0]: np.arange(len(W[ladder[0]]))}
    for (small, large), parent in zip(steps, levels):
        found[large] = np.where(parent >= 0, found[small][parent], -1)
    return found

by_firing = []
for small, large in steps:
    pair = latents[small], latents[large]
    correlation, share = universality.activation_correlations(*pair), splitting.fires_together(*pair)
    by_firing.append(parents_of(correlation, share, 0.3, rule["together"]))
founder, founder_by_firing = founders_by(levels), founders_by(by_firing)

# %% id="roots"
rows_of = {"train": is_train, "held": ~is_train}
f1 = {half: {name: splitting.firing_f1(latents[name][rows], labels[rows]) for name in names}
      for half, rows in rows_of.items()}
train_f1 = f1["train"][ladder[0]]
root = {concept: int(train_f1[:, kinds_of_token.index(concept)].argmax()) for concept in plan["concepts"]}
last = ladder[-1]

def best_held(concept, name, among):
    """F1 on held of the latent among these that is best on train."""
    column = kinds_of_token.index(concept)
    return f1["held"][name][among[f1["train"][name][among, column].argmax()], column] if len(among) else np.nan

# %% id="tree-table"
heads = "".join(f"{n_latents(name):7,}" for name in ladder[1:])
print(f"{'descendants':20}{'by the rule':>14}{'by firing':>14}      F1 of: root  best descendant  best of all")
print(f"{'':20}{heads}{heads}")
for concept, i in root.items():
    declared = [np.flatnonzero(founder[name] == i) for name in ladder[1:]]
    later = [np.flatnonzero(founder_by_firing[name] == i) for name in ladder[1:]]
    choices = (ladder[0], np.array([i])), (last, later[-1]), (last, np.arange(len(W[last])))
    marks = [best_held(concept, *choice) for choice in choices]
    sizes_of_both = "".join(f"{len(kin):7}" for kin in declared + later)
    print(f"{concept:20}{sizes_of_both}" + "{:17.2f}{:17.2f}{:13.2f}".format(*marks))

# %% [markdown] id="tree-stored-intro"
# Do the families go on growing? Dictionaries too large to ship (marked by a star from here on) were measured beforehand on the same tokens by `benchmarks/large_dictionaries.py`, the parents of their latents among the 4,096 too:

# %% id="stored"
paths = transformer.data_folder().glob("splitting-*.safetensors")
stored = {path.stem.removeprefix("splitting-"): files.load_arrays(path)[0] for path in paths}
larger = [name for name in stored if name not in names and n_latents(name) > widths[-1]]
stored = {name: stored[name] for name in sorted(larger, key=n_latents)}

# %% id="tree-stored"
families = {}
for concept, i in root.items():
    kin = [np.flatnonzero(founder_by_firing[name] == i) for name in ladder[1:]]
    families[concept] = [len(one) for one in kin]
    families[concept] += [np.isin(kept["parent_by_firing"], kin[-1]).sum() for kept in stored.values()]
print(f"{'by firing':20}" + "".join(f"{name:>16}" for name in [*ladder[1:], *(name + "*" for name in stored)]))
print("\n".join(f"{concept:20}" + "".join(f"{size:16}" for size in row) for concept, row in families.items()))
grown = sum(row[-1] > row[0] for row in families.values())
print(f"from the first of these to the last, {grown} of {len(families)} families have grown")

# %% [markdown] id="tree-figure-intro"
# Some families die out. A larger dictionary may make its own cuts; but half of the 16,384 are silent on held-out text, and the 4,096 had another recipe (9.1), so part of this is training.
#
# Where the root's F1 is low, the "tree" is that of something else. So of the concepts whose root has an F1 of 0.4 or more on train we draw, by firing, the one with most descendants and the middle one, beside them the control. A point is a latent, larger if it fires more often, of each generation the nine that fire most; the first and the last generation with their busiest tokens.

# %% id="tree-figure"
def busiest_token(fired, latent):
    """The token with the largest share of a latent's activation, as text; fired: sparse (tokens, latents)."""
    one = slice(*fired.indptr[latent:latent + 2])
    rows, strength = fired.indices[one], fired.data[one]
    return seen_as(np.bincount(tokens[rows], strength).argmax()) if len(rows) else ""

def seen_as(token):
    text = strips.visible(interpret.token_strings(lm.tokenizer, [token])[0]).replace(" ", "␣")
    return text if len(text) <= 10 else text[:9] + "…"

def few(concept, most=9):
    """Generations of a concept's tree, of each the busiest whose parents are drawn."""
    shown = [np.array([root[concept]])]
    for (_, large), parent in zip(steps, by_firing):
        kin = np.flatnonzero(np.isin(parent, shown[-1]))
        shown.append(kin[np.argsort(-counts[large][kin], kind="stable")[:most]])
    return shown

# %% id="tree-chosen"
kin = {concept: np.flatnonzero(founder_by_firing[last] == i) for concept, i in root.items()}
root_f1 = {concept: train_f1[i, kinds_of_token.index(concept)] for concept, i in root.items()}
found = [concept for concept in root if concept != "dot" and root_f1[concept] >= budget(smoke=0, laptop=0.4)]
by_size = sorted(found, key=lambda concept: len(kin[concept]))

# %% id="tree-draw"
fig, axes = plots.panels(3, height=3.4)
for ax, concept in zip(axes, (by_size[-1], by_size[len(by_size) // 2], "dot")):
    shown = few(concept)
    texts = {(i, latent): busiest_token(latents[ladder[i]], latent)
             for i in (0, len(ladder) - 1) for latent in shown[i]}
    plots.splitting_tree(ax, shown, by_firing, [len(W[name]) for name in ladder],
                         [counts[name] / len(tokens) for name in ladder], texts)
    ax.set(title=concept)
plots.show(fig, alt="Three trees from the smallest dictionary on the left to the largest on the right: a concept with many descendants, one with a middling number, and the dot. Root and last generation carry the token on which the latent fires most.")

# %% [markdown] id="tree-after"
# First the test that was declared: does the control split less? By the rule the dot has 2 descendants among the 4,096, and 7 of the 13 concepts have fewer, 5 more: by that measure most of them split no more than a dot does. By firing 9 of the 13 have more than the dot; but that count came afterwards.
#
# Where leaves carry different tokens, the split is one of spelling; where the same, one of surroundings. That branches are *kinds of the concept* is a hypothesis, to be tested as in lesson 8. Where the best descendant's F1 beats the root's, the small dictionary may have lumped the concept with something else; where it loses, each child may have only a part. Where "best of all" is far above, the concept's best latent is not in the family at all.

# %% [markdown] id="absorb-hand-intro"
# ## 9.3 Absorption
#
# Splitting loses nothing: the parts cover the whole. There is a worse kind. Take a feature p, and a feature c that **never comes without p**, as "is a digit" never comes without "is a number". Two dictionaries reproduce every sample exactly:

# %% id="absorb-hand" tags=["nbval-check-output"]
p, c = np.eye(2)
samples = np.array([p, p, p + c, p + c])                                     # half of the time c is there too
honest, greedy = np.array([p, c]), np.array([p, (p + c) / np.sqrt(2)])
for name, D in (("honest, atoms p and c", honest), ("greedy, atoms p and p+c", greedy)):
    z = samples @ np.linalg.inv(D)
    error, active, total = np.abs(z @ D - samples).max(), np.mean((z > 1e-9).sum(axis=1)), z.sum(axis=1).mean()
    print(f"{name:24} error {error:.0f}, active per sample {active:.1f}, sum of latents {total:.2f}, "
          f"p's latent fires on {100 * np.mean(z[:, 0] > 1e-9):.0f} %")

# %% [markdown] id="absorb-predict"
# **Predict:** an SAE is trained on such data. Which dictionary will sparsity choose? `"a"`: the honest one, since p and c are the features. `"b"`: the greedy one, since it needs fewer latents. `"c"`: either, since both are exact.

# %% id="absorb-guess"
predict("absorb", "b")

# %% [markdown] id="toy-intro"
# Now where training decides and we know the truth: eight parents, each with four children of which at most one comes with it, all forty directions orthogonal. One latent for each feature, and almost as many active latents as active features: little forces the SAE to be greedy.

# %% id="toy"
toy = synthetic.hierarchy(budget(smoke=8_000, laptop=40_000))
N_PARENTS, x_toy = 8, torch.from_numpy(toy.x.astype(np.float32))
def train_toy(arch, seed=0):
    sae = saes.new_sae(arch, 48, 40, seed=seed, k=2)
    config = train.TrainConfig(tokens=budget(smoke=20_000, laptop=400_000), lr=3e-3, dead_after_tokens=50_000)
    train.train_sae(sae, activations.ArrayStream(x_toy, 512, seed), config)
    return sae.requires_grad_(False)

sparse, sparse_again = train_toy("batchtopk", 0), train_toy("batchtopk", 1)
active = float((sparse.encode(x_toy) > 0).sum(1).float().mean())
print(f"active features per sample {(toy.z > 0).sum(axis=1).mean():.2f}, latents {active:.2f}; "
      f"explained variance {metrics.explained_variance(x_toy, sparse(x_toy)):.3f}")

# %% [markdown] id="ex-absorbed-task"
# ### Exercise 9.3 · Absorbed
#
# Difficulty 3 of 5 · 10 minutes · 4 points
#
# On which samples is a feature **absorbed**? Where it is there (`size > 0`), its own latent is silent (exactly 0), and the *other* latents together write at least half of it. What latent i writes along the feature's unit `direction` is latents[:, i] · (W_dec[i] · direction).
#
# <details><summary>Hint 1 of 3</summary>Three conditions, joined by &amp;. The third needs one number per sample: what all others write along the direction.</details>
# <details><summary>Hint 2 of 3</summary><code>W_dec @ direction</code> holds what each latent writes when it fires with 1; <code>latents @ …</code> sums over latents. Where the own latent is silent, it adds nothing to the sum anyway.</details>
# <details><summary>Hint 3 of 3</summary><code>(latents[:, own] == 0) &amp; (size &gt; 0) &amp; (written &gt;= size / 2)</code></details>

# %% id="ex-absorbed" exercise="absorbed" difficulty=3 minutes=10 points=4
@exercise
def absorbed(latents, W_dec, own, direction, size):
    """Samples (n,) on which latent `own` is silent while the feature is there and others write at least half
    of it; latents (n, d_sae), W_dec (d_sae, d_in), direction (d_in,) of length 1, size (n,).

    >>> print(absorbed(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.6, 0.8]]), 0,
    ...                np.array([1.0, 0.0]), np.array([1.0, 1.0])))
    [ True False]
    """
    ### BEGIN SOLUTION
    written = latents @ (W_dec @ direction)
    return (latents[:, own] == 0) & (size > 0) & (written >= size / 2)
    ### END SOLUTION

# %% [markdown] id="toy-measure-intro"
# For each parent its own latent is the one whose direction is nearest. How often is the parent absorbed, when a child is there and when none is?

# %% id="toy-measure"
def absorbed_shares(sae):
    """(n_parents, 2): share of samples with the parent on which it is absorbed, without and with a child."""
    z, W_dec, out = sae.encode(x_toy).numpy(), sae.W_dec.numpy(), []
    for parent, own in enumerate(splitting.own_latents(W_dec, toy.D[:N_PARENTS])):
        gone = absorbed(z, W_dec, own, toy.D[parent], toy.z[:, parent])
        there, child = toy.z[:, parent] > 0, toy.z[:, toy.parent == parent].any(axis=1)
        out.append([gone[there & ~child].mean(), gone[there & child].mean()])
    return np.array(out)

in_sparse = absorbed_shares(sparse)
print("parent absorbed, no child there:", in_sparse[:, 0].round(2),
      "\n     …    with a child there:    ", in_sparse[:, 1].round(2))
claim("toy: share absorbed where a child is there, mean over parents", in_sparse[:, 1].mean(), at_least=0.1)

# %% [markdown] id="ex-matryoshka-task"
# The "is a number" latent of such an SAE has **holes**, exactly where a more special latent speaks. As a detector it misses these cases, and nothing in the explained variance shows it.
#
# A cure: make the first latents do the job *alone*. **Matryoshka** SAEs nest dictionaries like Russian dolls.
#
# ### Exercise 9.4 · The Matryoshka loss
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# For each m in `prefixes`, reconstruct from the first m latents only: x̂ₘ = latents[:, :m] @ W_dec[:m] + b_dec. Return the mean over prefixes of the mean over samples of ‖x − x̂ₘ‖² (summed over dimensions).
#
# <details><summary>Hint 1 of 3</summary>One ordinary reconstruction error per prefix, then their mean.</details>
# <details><summary>Hint 2 of 3</summary>The same columns of latents and rows of W_dec; b_dec is in every reconstruction.</details>
# <details><summary>Hint 3 of 3</summary><code>((x - x_hat) ** 2).sum(axis=1).mean()</code> inside a loop over prefixes.</details>

# %% id="ex-matryoshka" exercise="matryoshka_loss" difficulty=3 minutes=8 points=4
@exercise
def matryoshka_loss(x, latents, W_dec, b_dec, prefixes):
    """Mean over prefixes m of mean_samples ||x - (latents[:, :m] W_dec[:m] + b_dec)||^2;
    x (n, d_in), latents (n, d_sae), prefixes (n_prefixes,) ints.

    >>> print(matryoshka_loss(np.array([[2.0]]), np.array([[1.0, 1.0]]), np.array([[1.0], [1.0]]),
    ...                       np.array([0.0]), np.array([1, 2])))
    0.5
    """
    ### BEGIN SOLUTION
    errors = [((x - latents[:, :m] @ W_dec[:m] - b_dec) ** 2).sum(axis=1).mean() for m in prefixes]
    return np.mean(errors)
    ### END SOLUTION

# %% [markdown] id="matryoshka-check-intro"
# Priced by this loss, the greedy dictionary from above is no longer free. With room for one latent in the inner doll, p's atom must serve every sample:

# %% id="matryoshka-hand" tags=["nbval-check-output"]
for name, D in (("honest", honest), ("greedy", greedy)):
    z = samples @ np.linalg.inv(D)
    print(f"{name}: Matryoshka loss {matryoshka_loss(samples, z, D, np.zeros(2), np.array([1, 2])):.2f}")

# %% id="matryoshka-train"
nested = train_toy("matryoshka")
z = nested.encode(x_toy)
ours = matryoshka_loss(toy.x, z.numpy(), nested.W_dec.numpy(), nested.b_dec.numpy(), np.array(nested.prefixes))
agrees = bool(np.isclose(ours, float(nested.recon(x_toy, z)[0]), rtol=1e-3))
print(f"dolls of {', '.join(map(str, nested.prefixes))} latents; your loss agrees with the trainer's: {agrees}")

# %% [markdown] id="cure-intro"
# The same data, the same number of active latents:

# %% id="cure"
in_nested = absorbed_shares(nested)
fig, ax = plots.panels(height=2.6)
place = np.arange(N_PARENTS)
ax.bar(place - 0.2, in_sparse[:, 1], 0.4, color=plots.FAILURE, label="BatchTopK")
ax.bar(place + 0.2, in_nested[:, 1], 0.4, color=plots.LATENT, label="Matryoshka")
ax.set(title="Sparsity digs holes into parents, nesting closes most", ylim=(0, 1), xticks=place,
       xlabel="parent feature (samples on which a child is there)", ylabel="share absorbed")
ax.legend()
plots.show(fig, alt="For each of eight parent features the share of samples with a child on which the parent is absorbed, as bars for BatchTopK and for Matryoshka.")

# %% id="cure-claims"
price = metrics.explained_variance(x_toy, sparse(x_toy)) - metrics.explained_variance(x_toy, nested(x_toy))
by_sparse, by_nested = in_sparse[:, 1].mean(), in_nested[:, 1].mean()
print(f"mean share absorbed: BatchTopK {by_sparse:.2f}, Matryoshka {by_nested:.2f}; "
      f"explained variance given up: {float(price):.3f}")
claim("toy: share absorbed, Matryoshka as a part of BatchTopK's", by_nested / by_sparse, at_most=0.6)

# %% [markdown] id="lm-absorb-intro"
# In the language model nobody knows the true features, so what follows is an **example, not a measurement**. For the feature we take the root's direction; it is *there* on the concept's tokens on which the root fires. In the next dictionary of the ladder, which began elsewhere, its *own* latent is the one that fires most like the root. How often is that one silent, and how often do others then write half of the feature?

# %% id="lm-absorb"
def example(concept):
    """(tokens looked at, share on which the likest latent is silent, share absorbed, who writes most there)."""
    i = root[concept]
    small, large = ladder[:2]
    size = latents[small][:, [i]].toarray()[:, 0] * labels[:, kinds_of_token.index(concept)]
    rows, along = np.flatnonzero(size > 0), W[large] @ W[small][i]
    own = int(universality.activation_correlations(latents[small][:, [i]], latents[large]).argmax())
    z = latents[large][rows].toarray()
    gone = absorbed(z, W[large], own, W[small][i], size[rows])
    writer = busiest_token(latents[large], int((z[gone].sum(axis=0) * along).argmax())) if gone.any() else "–"
    return len(rows), np.sum(z[:, own] == 0) / max(len(rows), 1), gone.sum() / max(len(rows), 1), writer

# %% id="lm-absorb-run"
print(f"{'':22}tokens  silent  absorbed  written instead, most of all, by a latent that fires on")
for concept in root:
    print("{:22}{:6,}{:8.2f}{:10.2f}  {}".format(concept, *example(concept)))

# %% [markdown] id="sizes-intro"
# Where both columns are alike, as in nearly every row, others write the feature whenever its own latent is silent: here "absorbed" and "split" cannot be told apart.
#
# ## 9.4 Which size is best?
#
# The article calls an expansion of 4 to 16 times the best. By which measure? Explained variance; **F1** on held of each concept's best latent on train, as the median over all concepts with 50 tokens or more in each half; and the same among equally many latents, drawn at random (a larger dictionary has more tickets in the lottery). A star again marks the dictionaries that are too large to ship.

# %% id="sizes"
frequent = [i for i in range(len(kinds_of_token))
            if min(labels[is_train, i].sum(), labels[~is_train, i].sum()) >= budget(smoke=5, laptop=50)]
def median_f1(one, among, concepts=frequent):
    """Median over concepts of the F1 on held of the latent that is best on train;
    one = {half: F1 (n_latents, n_concepts)}."""
    best = one["train"][np.ix_(among, concepts)].argmax(axis=0)
    return np.median(one["held"][among[best], concepts])

def fair(one, n_draws=10):
    """Mean over draws of as many latents as the smallest dictionary has."""
    rng = np.random.default_rng(0)
    return np.mean([median_f1(one, rng.permutation(len(one["train"]))[:widths[0]]) for _ in range(n_draws)])

# %% id="sizes-table"
halves = {name: {half: f1[half][name] for half in f1} for name in sizes}
table = {name: (len(W[name]), ev[name], median_f1(one, np.arange(len(W[name]))), fair(one))
         for name, one in halves.items()}
for name, kept in stored.items():
    f1_all, f1_drawn = np.median(kept["f1_all"][frequent]), np.median(kept["f1_drawn"][:, frequent], axis=1)
    table[name] = n_latents(name), float(kept["explained_variance"][0]), f1_all, f1_drawn.mean()

# %% id="sizes-run"
print("× neurons   explained  F1, all  F1, equally many")
for name, (size, *row) in table.items():
    print("{:8g}×{}{:11.3f}{:9.2f}{:18.2f}".format(size / lm.d_mlp, "*" if name in stored else " ", *row))
largest_here = list(table.values())[-1][0]
for i, measure in enumerate(("explained variance", "F1, all latents", "F1, equally many latents"), start=1):
    size = max(table.values(), key=lambda row: row[i])[0]
    remark = " (the largest here: it may go on)" if size == largest_here else ""
    print(f"best by {measure:26}{size / lm.d_mlp:g}×{remark}")
claim("explained variance, largest minus smallest dictionary", ev[sizes[-1]] - ev[sizes[0]], at_least=0.0)

# %% [markdown] id="ex-mutual-task"
# "Best" depends on the measure: error falls as latents are added, while there are tokens enough to train them (the last dictionary read as many as the first, and half of its latents are silent on held-out text, as its card says); the second column names no size from 2× on, for a second seed of 4× has 0.51 by the same measure (9.6); in the third, drawing is hard on large sizes, whose latents fire more rarely and may be silent: detectors of our concepts need not get better. Four to sixteen is a budget, not a law.
#
# ## 9.5 The same again?
#
# Another seed: another random start, another order of the same activations. How alike are the dictionaries? Count the latents that are **each other's best**.
#
# ### Exercise 9.5 · Each other's best
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# `similarity[i, j]` compares latent i of one dictionary with j of another. Return all pairs (i, j) where j is the most similar to i **and** i the most similar to j, as an array (m, 2) with i rising.
#
# <details><summary>Hint 1 of 3</summary>Two argmax: the best column of each row, the best row of each column.</details>
# <details><summary>Hint 2 of 3</summary>Going there and back again must end where it began: <code>back[best[i]] == i</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>i = np.flatnonzero(back[best] == np.arange(len(best)))</code>, then <code>np.stack([i, best[i]], axis=1)</code>.</details>

# %% id="ex-mutual" exercise="mutual_pairs" difficulty=3 minutes=8 points=4
@exercise
def mutual_pairs(similarity):
    """Pairs (i, j) that are each other's most similar, (m, 2) integers with i rising; similarity (p, q).

    >>> print(mutual_pairs(np.array([[0.9, 0.1], [0.8, 0.3]])))
    [[0 0]]
    """
    ### BEGIN SOLUTION
    best, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    i = np.flatnonzero(back[best] == np.arange(len(best)))
    return np.stack([i, best[i]], axis=1)
    ### END SOLUTION

# %% [markdown] id="seeds-hand-intro"
# There are other ways to count. Three atoms in the plane against three:

# %% id="seeds-hand" tags=["nbval-check-output"]
def rays(*degrees):
    return np.array([[np.cos(np.deg2rad(a)), np.sin(np.deg2rad(a))] for a in degrees])

first, second = rays(0, 18, 90), rays(10, 95, 200)
similarity = universality.cosines(first, second)
print("best for each, repeats allowed:", similarity.argmax(axis=1),
      f"mean cosine {geometry.mean_max_cosine(first, second, signed=True):.2f}")
one_to_one = geometry.match_atoms(first, second, signed=True)
print("one to one (Hungarian):        ", one_to_one.index, f"mean cosine {one_to_one.cosine.mean():.2f}")
print("each other's best:             ", [tuple(map(int, pair)) for pair in mutual_pairs(similarity)])

# %% [markdown] id="chance-intro"
# With repeats two atoms share one partner; one to one, leftovers are paired with leftovers; each other's best may leave atoms alone. We report all three.
#
# And chance? **Predict:** of 2,048 directions drawn at random in 512 dimensions, the best has which cosine with a given one? `"a"`: below 0.05, dimensions are many. `"b"`: between 0.1 and 0.25. `"c"`: above 0.4, 2,048 are many.

# %% id="chance-guess"
predict("best-of-2048", "b")

# %% id="chance" tags=["nbval-check-output"]
for n in (1, 64, 2048, 131072):
    expected = universality.expected_max_cosine(512, n)
    print(f"best of {n:7,} random directions in 512 dimensions: expected cosine {expected:.3f}")

# %% [markdown] id="chance-after"
# Decoder rows are not drawn evenly: some hold little more than one neuron. So the stricter control gives the *coordinates* of a real dictionary another order, the same for all its rows.

# %% id="seeds"
LEVEL = 0.7
def recurring(similarity):
    """Pairs (m, 2) that are each other's best with a similarity of at least LEVEL."""
    pairs = mutual_pairs(similarity)
    return pairs[similarity[pairs[:, 0], pairs[:, 1]] >= LEVEL]

trio = ("2048", "2048-seed1", "2048-seed2")
rivals = {f"seeds {i}, {j}": (W[trio[i]], W[trio[j]]) for i, j in ((0, 1), (0, 2), (1, 2))}
rivals["shuffled"] = W[trio[0]], universality.shuffled_coordinates(W[trio[1]])
rivals["random"] = W[trio[0]], synthetic.random_dictionary(2048, lm.d_mlp, seed=9)
similar = {name: universality.cosines(*pair) for name, pair in rivals.items()}

# %% id="seeds-table"
print(f"{'by direction':14}mean best  Hungarian  each other's best  … with cosine ≥ {LEVEL}")
recur = {name: len(recurring(cosine)) / 2048 for name, cosine in similar.items()}
for name, pair in rivals.items():
    matched = geometry.match_atoms(*pair, signed=True).cosine.mean()
    best, mutual = similar[name].max(axis=1).mean(), len(mutual_pairs(similar[name])) / 2048
    print(f"{name:14}{best:9.2f}{matched:11.2f}{mutual:19.2f}{recur[name]:17.2f}")
between = np.array([share for name, share in recur.items() if name.startswith("seeds")])
print(f"recur by direction, three pairs of seeds: mean {between.mean():.3f}, spread {between.std(ddof=1):.3f}")
claim("share that recurs by direction, minus shuffled", between.mean() - recur["shuffled"], at_least=0.02)

# %% [markdown] id="seeds-figure-intro"
# The third column is a warning: somebody has to be the best, even between dictionaries that have nothing in common. Only with a bound does it mean something. And a bound of 0.7 is a choice; the whole curve needs none:

# %% id="seeds-curves"
bounds = np.linspace(0, 1, 101)
reached = {name: [(cosine.max(axis=1) >= bound).mean() for bound in bounds] for name, cosine in similar.items()}

# %% id="seeds-figure"
fig, ax = plots.panels(height=2.8)
label_of = {"seeds 0, 1": "another seed (three pairs)", "shuffled": "shuffled", "random": "random"}
for name, curve in reached.items():
    color = plots.LATENT if name.startswith("seeds") else plots.BASELINE
    ax.plot(bounds, curve, "--" if name == "random" else "-", color=color, label=label_of.get(name))
ax.set(title="By direction, shuffled coordinates reach half of it at 0.7", ylim=(0, 1.03),
       xlabel="cosine of a latent with its best partner, at least", ylabel="share of latents")
ax.legend()
plots.show(fig, alt="Share of latents whose best partner in another dictionary has at least a given cosine: three curves for pairs of seeds, one for shuffled coordinates, one for random directions.")

# %% [markdown] id="neuron-intro"
# Why is the shuffled curve so far from the random one? Of the rows that find a partner in it, how large is the largest entry? (A row that holds a single neuron has an entry of 1.)

# %% id="neuron"
largest = np.abs(W[trio[0]]).max(axis=1)
compared = {"all latents": np.arange(2048),
            "recur when shuffled": recurring(similar["shuffled"])[:, 0],
            "recur with seed 1": recurring(similar["seeds 0, 1"])[:, 0]}
for name, part in compared.items():
    median, copies = np.median(largest[part]), np.mean(largest[part] >= 0.8)
    print(f"{name:20} largest entry: median {median:.2f}; at least 0.8 in {100 * copies:3.0f} % of {len(part):,}")

# %% [markdown] id="ex-corr-task"
# A latent that copies one neuron looks, with coordinates shuffled, like one that copies another. And it comes again under every seed, because the *neurons* are there every time. Without the shuffled control that would have counted as a discovery.
#
# Direction is one witness. The other: do the partners **fire** alike?
#
# ### Exercise 9.6 · All correlations from sums
#
# Difficulty 3 of 5 · 10 minutes · 4 points
#
# Latents are sparse, so sums are cheap: `products[i, j]` = Σ aᵢ bⱼ over `n` tokens, `a_sum`, `a_square` = Σ aᵢ, Σ aᵢ², and the same for b. Return the Pearson correlation of every aᵢ with every bⱼ; 0 where one of them never varies.
#
# <details><summary>Hint 1 of 3</summary>Covariance: mean of the products minus product of the means. Variance: mean of the squares minus square of the mean.</details>
# <details><summary>Hint 2 of 3</summary><code>np.outer(a_sum / n, b_sum / n)</code> is (p, q), and so is the outer product of the two standard deviations.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>np.where(spread &gt; 0, spread, 1)</code> and put 0 where spread is 0.</details>

# %% id="ex-corr" exercise="correlations" difficulty=3 minutes=10 points=4
@exercise
def correlations(products, a_sum, a_square, b_sum, b_square, n):
    """Pearson correlation (p, q) over n tokens: products (p, q) = sum a_i b_j, sums and sums of squares
    (p,) and (q,); 0 where one side is constant.

    >>> print(correlations(np.array([[2.0]]), np.array([2.0]), np.array([2.0]),
    ...                    np.array([2.0]), np.array([2.0]), 4))
    [[1.]]
    """
    ### BEGIN SOLUTION
    covariance = products / n - np.outer(a_sum / n, b_sum / n)
    variances = [np.maximum(square / n - (total / n) ** 2, 0)
                 for total, square in ((a_sum, a_square), (b_sum, b_square))]
    spread = np.sqrt(np.outer(*variances))
    return np.where(spread > 1e-9, covariance / np.where(spread > 1e-9, spread, 1), 0)
    ### END SOLUTION

# %% id="corr"
def sums(part):
    part = part.astype(np.float64)
    return np.asarray(part.sum(axis=0))[0], np.asarray(part.multiply(part).sum(axis=0))[0]

def firing_alike(a, b):
    """Correlation of every latent of a with every one of b, sparse (tokens, latents) each."""
    return correlations((a.T @ b).toarray().astype(np.float64), *sums(a), *sums(b), a.shape[0])

# %% [markdown] id="corr-intro"
# The chance level: the tokens of one side shifted by half the text, so that every latent fires as often as before, at other places.

# %% id="corr-seeds"
shifted = latents[trio[1]][np.roll(np.arange(len(neurons)), len(neurons) // 2)]
alike = {f"seeds {i}, {j}": firing_alike(latents[trio[i]], latents[trio[j]]) for i, j in ((0, 1), (0, 2), (1, 2))}
alike["shifted text"] = firing_alike(latents[trio[0]], shifted)
fired_again = {name: recurring(one) for name, one in alike.items()}

# %% id="corr-table"
for name, pairs in fired_again.items():
    beside = f", by direction {recur[name]:.3f}" if name in recur else ""
    print(f"{name:14} recur by firing {len(pairs) / 2048:.3f}{beside}")
of_three = np.array([len(fired_again[name]) / 2048 for name in alike if name.startswith("seeds")])
with_both = np.intersect1d(fired_again["seeds 0, 1"][:, 0], fired_again["seeds 0, 2"][:, 0])
print(f"recur by firing, three pairs of seeds: mean {of_three.mean():.3f}, spread {of_three.std(ddof=1):.3f}; "
      f"with both other seeds {len(with_both) / 2048:.3f}")
claim("share that recurs by firing, minus shifted text",
      of_three.mean() - len(fired_again["shifted text"]) / 2048, at_least=0.1)

# %% id="corr-routes"
pairs = fired_again["seeds 0, 1"]
cosine = similar["seeds 0, 1"][pairs[:, 0], pairs[:, 1]]
by_direction = recurring(similar["seeds 0, 1"])
same = np.mean([alike["seeds 0, 1"][i].argmax() == j for i, j in by_direction])
print(f"pairs found by firing have a median cosine of {np.median(cosine):.2f}; "
      f"of the pairs found by direction {100 * same:.0f} % are also the best by firing")
claim("pairs by direction that are also best by firing, as a share", same, at_least=0.5)

# %% [markdown] id="density-intro"
# In nearly every pair found by direction the partner is also the best by firing. Not the other way round: of the pairs found by firing more than half have a cosine below 0.7. Latents can do the same work with rows that differ where the data never test. Firing is the better witness.
#
# **Which** latents come again? Guess before you look: the frequent or the rare?

# %% id="density-routes"
density = counts[trio[0]] / len(neurons)
alive = np.flatnonzero(density > 0)
routes = [(fired_again["seeds 0, 1"], "by firing", "o-"), (by_direction, "by direction", "s--"),
          (recurring(similar["shuffled"]), "by direction, shuffled", "s--")]

# %% id="density"
fig, ax = plots.panels(height=2.6)
for found, label, style in routes:
    recurs = np.isin(alive, found[:, 0])
    middle, share = universality.share_by_group(recurs, density[alive], budget(smoke=5, laptop=10))
    color = plots.BASELINE if "shuffled" in label else plots.LATENT
    ax.plot(middle[middle > 0], share[middle > 0], style, color=color, label=label)
ax.set(title="Frequent latents come again more often than rare ones", ylabel="share that recurs", xscale="log",
       xlabel="density: share of tokens on which it fires (middle of each tenth of the latents)", ylim=(0, 1.03))
ax.legend(loc="upper left")
plots.show(fig, alt="Share of latents of seed 0 with a partner in seed 1 against their density, in ten groups of equally many latents: by firing, by direction, and by direction for shuffled coordinates.")

# %% id="density-claims"
order = np.argsort(counts[trio[0]])
again = np.isin(order, fired_again["seeds 0, 1"][:, 0])
rarer, more_frequent = again[:1024].mean(), again[1024:].mean()
print(f"recur by firing: rarer half {rarer:.2f}, more frequent half {more_frequent:.2f}")
claim("recur by firing, more frequent half minus rarer half", more_frequent - rarer, at_least=0.05)

# %% [markdown] id="stable-intro"
# And the article's "lower is more robust"? The share that recurs by firing in another seed of the same size where the shelf has one, else in 2,048 latents (of the smaller of the two, which is all that can be paired):

# %% id="stable"
for name in sizes:
    other = next((one for one in of_width(len(W[name])) if one != name), trio[1])
    share = len(recurring(firing_alike(latents[name], latents[other]))) / min(len(W[name]), len(W[other]))
    print(f"{len(W[name]) / lm.d_mlp:g}×: {share:.2f} recur in {other}")
for name, kept in stored.items():
    print(f"{n_latents(name) / lm.d_mlp:g}×: {kept['recur'][1]:.2f} recur in {trio[1]} (stored)")

# %% [markdown] id="package-intro"
# From 1× to 4× the share falls, then it rises a little. But only 4× compares equals; elsewhere one side has more candidates. So no law either way; a fair test needs two seeds of every size.
#
# The package holds what you wrote, for use elsewhere:

# %% id="package" tags=["nbval-check-output"]
some = latents[trio[0]][:, :50], latents[trio[1]][:, :60]
both = (fires[trio[0]][:, :50].T @ fires[trio[1]][:, :60]).toarray()
one, other = splitting.fires_together(*some), together(both, counts[trio[0]][:50], counts[trio[1]][:60])
print("fires_together agrees:", np.allclose(one, other))
print("parents_of agrees:",
      np.array_equal(splitting.parents_of(one, other, 0.2, 0.3), parents_of(one, other, 0.2, 0.3)))
print("activation_correlations agrees:",
      np.allclose(universality.activation_correlations(*some), firing_alike(*some), atol=1e-5))
print("mutual_pairs agrees:",
      np.array_equal(universality.mutual_pairs(alike["seeds 0, 1"]), mutual_pairs(alike["seeds 0, 1"])))

# %% [markdown] id="true-intro"
# A latent that comes again is tempting to call *real*. The toy, trained under two seeds, can tell. **Are the latents that recur the true features?**

# %% id="true"
pairs = recurring(universality.cosines(sparse.W_dec.numpy(), sparse_again.W_dec.numpy()))
written = sparse.W_dec.numpy()[pairs[:, 0]] @ toy.D.T
joins_two = np.sort(written, axis=1)[:, -2] >= 0.5
print(f"{len(pairs)} of 40 latents recur with the other seed; of these {(written.max(axis=1) >= 0.9).sum()} "
      "have a cosine of 0.9 or more with a true feature")
print(f"and {joins_two.sum()} write two true features at half strength or more: a parent and its child in one")
in_again = absorbed_shares(sparse_again)
print(f"parents absorbed under the second seed too: {in_again[:, 1].mean():.2f} of samples with a child")
claim("latents that recur over seeds and yet join two true features", joins_two.sum(), at_least=1)

# %% [markdown] id="true-after"
# Two runs agree on compounds that are no features of the data: both descend into the same loss. **Agreement over seeds shows what the method prefers on these data, not what is there.** And a latent without a partner need not be noise; it may have been cut another way.
#
# ## 9.6 Another layer, another model
#
# `python-4l` has four blocks with 512 neurons each, so the SAE of its block 1 (counted from 0) *can* be run on block 3. **How much of it will it explain?**

# %% id="layers-data"
BELOW, ABOVE = 1, 3
lm4 = transformer.load_lm("python-4l")
reader = {layer: saes.load_sae(shelf / f"python-4l-L{layer}-topk-2048").requires_grad_(False)
          for layer in (BELOW, ABOVE)}
at = {layer: activations.harvest(lm4, contexts, layer) for layer in reader}
fired4 = {layer: interpret.sparse_latents(reader[layer], at[layer]) for layer in reader}

# %% id="layers"
for trained_on, sae in reader.items():
    shares = ", ".join(f"{explained(sae, x):6.2f} of block {layer}" for layer, x in at.items())
    print(f"SAE of block {trained_on}: explained variance {shares}")
claim("explained variance of block 3: its own SAE minus that of block 1",
      explained(reader[ABOVE], at[ABOVE]) - explained(reader[BELOW], at[ABOVE]), at_least=0.3)

# %% [markdown] id="others-intro"
# An SAE belongs to its layer (below 0 is worse than predicting the mean): neuron 7 of one layer has nothing to do with neuron 7 of another, nor of another model. So only *firing* can be compared. Which latents of our dictionary have a partner in other models? Beside them the hardest rival of universality: an SAE on the **untrained** transformer, which has learnt nothing. *Firings on one token* is the share of a latent's firings that fall on its commonest token, median over the latents with a partner; *median F1* is that of 9.4. (GELU is a smooth ReLU; with rotary positions vectors are turned inside attention instead of shifted.)

# %% id="others"
elsewhere = {"four blocks, block 1": fired4[BELOW], "four blocks, block 3": fired4[ABOVE]}
others = [("GELU, rotary positions", "python-1l-gelu", "python-1l-gelu-topk-2048"),
          ("untrained", "python-1l:untrained", "python-1l-untrained-topk-2048")]
for name, model, sae in others:
    neurons_there = activations.harvest(transformer.load_lm(model), contexts).numpy()
    elsewhere[name] = interpret.sparse_latents(saes.load_sae(shelf / sae).requires_grad_(False), neurons_there)
elsewhere = {"another seed": latents[trio[1]]} | elsewhere | {"shifted text": shifted}
partners = {name: recurring(firing_alike(latents[trio[0]], other)) for name, other in elsewhere.items()}

# %% id="others-measured"
by_latent = np.split(latents[trio[0]].indices, latents[trio[0]].indptr[1:-1])
one_token = np.array([np.bincount(tokens[rows]).max() / len(rows) if len(rows) else np.nan for rows in by_latent])
best_there = {}
for name, other in elsewhere.items():
    there = {half: splitting.firing_f1(other[rows], labels[rows]) for half, rows in rows_of.items()}
    best_there[name] = median_f1(there, np.arange(2048))

# %% id="others-table"
print(f"{'partner in':24}share  firings on one token  median F1 there")
for name, found in partners.items():
    on_one = np.median(one_token[found[:, 0]]) if len(found) else np.nan
    print(f"{name:24}{len(found) / 2048:5.3f}{on_one:18.2f}{best_there[name]:19.2f}")
between_layers = len(recurring(firing_alike(fired4[BELOW], fired4[ABOVE]))) / 2048
print(f"for comparison: median of all latents {np.nanmedian(one_token):9.2f}\n"
      f"block 1 of the four and block 3: {between_layers:.3f} of their latents are partners")

# %% id="others-figure"
fig, ax = plots.panels(height=2.4)
share = {name: len(found) / 2048 for name, found in partners.items()}
colors = [plots.BASELINE if name in ("untrained", "shifted text") else plots.LATENT for name in share]
ax.barh(list(share), list(share.values()), color=colors)
ax.invert_yaxis()
ax.set(title="Another trained model shares more than an untrained one",
       xlabel=f"share of 2,048 latents with a partner there (correlation of firing ≥ {LEVEL})")
plots.show(fig, alt="Bars: share of latents that have a partner by firing in another seed, in two blocks of a model of four, in a model with GELU and rotary positions, in an untrained model and in shifted text.")

# %% id="others-claims"
models = ("four blocks, block 1", "four blocks, block 3", "GELU, rotary positions")
shared = np.unique(np.concatenate([partners[name][:, 0] for name in models]))
claim("share with a partner, another seed minus the best of the other models",
      share["another seed"] - max(share[name] for name in models), at_least=0.05)
claim("share with a partner, least of the other trained models minus the untrained one",
      min(share[name] for name in models) - share["untrained"], at_least=0.015)
claim("median F1, least of the other trained models minus the untrained one",
      min(best_there[name] for name in models) - best_there["untrained"], at_least=0.1)
claim("firings on one token, latents with a partner in a trained model minus all",
      np.median(one_token[shared]) - np.nanmedian(one_token), at_least=0.1)

# %% [markdown] id="others-after"
# Other trained models share fewer latents than another seed, and more than an untrained one. As detectors of concepts their dictionaries do well: *concepts* are shared more than latents. And the latents that are shared fire mostly on one and the same token. One that lives even in a network without training reads the *input*; it is universal, and tells nothing about what was learnt.
#
# ## 9.7 A latent that feeds another
#
# The article's boldest claim: features are **intermediates**, steps of a computation. Its examples, sadness (situation → emotion → response) and causal reasoning, cannot be tested on a model that reads only Python. The method can: does a latent of block 1 make one of block 3 fire, on the way to the next token?
#
# Whoever tries enough pairs finds an effect. So contexts of train files **choose** the pairs and those of held files **test** them. Upper ends: for each concept of our list the best latent of block 3, if it fires in half of the contexts or more.

# %% id="chain-data"
from saekit import chain_plots, chains, intervene

side = np.full(contexts.shape, np.nan)
side[keep] = is_train
whole = {"train": np.nanmin(side, axis=1) == 1, "held": np.nanmax(side, axis=1) == 0}
batch = {half: torch.from_numpy(contexts[rows].astype(np.int64)) for half, rows in whole.items()}
def values(layer, latent, half="held"):
    """A latent's activations as the model runs undisturbed, laid out like the contexts."""
    out = np.zeros(contexts.shape, np.float32)
    out[keep] = fired4[layer][:, [latent]].toarray()[:, 0]
    return out[whole[half]]

# %% id="chain-uppers"
f1_below, f1_above = (splitting.firing_f1(fired4[layer][is_train], labels[is_train]) for layer in reader)
def in_contexts(layer, latent, half="train"):
    return np.count_nonzero(values(layer, latent, half).any(axis=1))

asked = list(plan["concepts"])[:budget(smoke=6, laptop=14)]
best = [int(f1_above[:, kinds_of_token.index(concept)].argmax()) for concept in asked]
upper = [j for j in dict.fromkeys(best) if in_contexts(ABOVE, j) >= len(batch["train"]) / 2]
eligible = np.array([i for i in range(2048)
                     if min(in_contexts(BELOW, i, half) for half in batch) >= budget(smoke=2, laptop=8)])
print(f"contexts: {len(batch['train'])} train, {len(batch['held'])} held; {len(upper)} upper latents, "
      f"{len(eligible):,} lower ones that fire in enough contexts")

# %% [markdown] id="chain-choose-intro"
# To ablate every lower latent for every upper one would take hours. One backward pass estimates all at once: if latent i wrote nothing, the upper latent would change by about −zᵢ W_dec[i] · gradient, summed over tokens (the gradient, at block 1's neurons, of the upper latent's sum). That is only a slope, so it **chooses** the likeliest feeder, and ablation decides.

# %% id="chain-choose"
taken = -chains.attributions(lm4, batch["train"], BELOW, reader[BELOW],
                             ABOVE, reader[ABOVE], upper)     # (n_upper, 2048)
pairs = {}
for j, row in zip(upper, taken):
    i = int(eligible[row[eligible].argmax()])
    # the share of the upper latent's activity that i carries
    pairs[i, j] = row[i] / values(ABOVE, j, "train").sum()
def name_of(layer, latent):
    column = (f1_below if layer == BELOW else f1_above)[latent].argmax()
    return f"{layer}/{latent} {kinds_of_token[column]}"

# %% [markdown] id="ex-effect-task"
# ### Exercise 9.7 · How sure?
#
# Difficulty 3 of 5 · 8 minutes · 4 points
#
# Is the mean of an effect over tokens more than luck? The tokens of one context are no independent draws (one file, one habit), so the error must count **contexts**. `values` and `where` are (n_contexts, n_ctx); `where` marks the tokens that count. Return `[mean, error]`: the mean m over marked tokens, and
#
# error = √( n/(n−1) · Σ over contexts (Σ over its marked tokens of (value − m))² ) / (number of marked tokens),
#
# n being the number of contexts with a marked token (at least two).
#
# <details><summary>Hint 1 of 3</summary>In each context deviations are added up first and squared then: what goes together does not cancel.</details>
# <details><summary>Hint 2 of 3</summary><code>((values - m) * where).sum(axis=1)</code> has one sum per context.</details>
# <details><summary>Hint 3 of 3</summary><code>where.any(axis=1).sum()</code> contexts, <code>where.sum()</code> tokens.</details>

# %% id="ex-effect" exercise="effect" difficulty=3 minutes=8 points=4
@exercise
def effect(values, where):
    """[mean, standard error] of values over the tokens where, (2,), contexts being the independent units;
    both (n_contexts, n_ctx), where True or False.

    >>> print(effect(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[True, True], [True, True]])))
    [4. 2.]
    """
    ### BEGIN SOLUTION
    mean, n = values[where].mean(), where.any(axis=1).sum()
    sums = ((values - mean) * where).sum(axis=1)
    return np.array([mean, np.sqrt(n / (n - 1) * (sums ** 2).sum()) / where.sum()])
    ### END SOLUTION

# %% [markdown] id="effect-check-intro"
# Why it matters: twenty contexts, each with ten tokens that all say the same.

# %% id="effect-check" tags=["nbval-check-output"]
said = np.repeat(np.random.default_rng(0).normal(size=(20, 1)), 10, axis=1)
everywhere = np.ones(said.shape, bool)
print(f"error by contexts {effect(said, everywhere)[1]:.3f}; "
      f"as if tokens were independent {said.std(ddof=1) / said.size ** 0.5:.3f}")
print("chains.effect agrees:", np.allclose(chains.effect(said, everywhere)[:2], effect(said, everywhere)))

# %% [markdown] id="chain-test-intro"
# Now the test, on held contexts: ablate the lower latent; how much of the upper one's activity goes, where that fires? Each pair's rival is another lower latent that fires about as often. Effects are shares of its activity, *errors* says how many standard errors they are. **How many pairs will stand beyond three? How many rivals?**

# %% id="chain-test"
def above_when(j, replacement, rows=slice(None)):
    """Change of block 3's latent j on every held token while block 1 is changed in the contexts rows."""
    before, change = values(ABOVE, j), np.zeros(batch["held"].shape, np.float32)
    link, parts = chains.Link(ABOVE, reader[ABOVE], j), batch["held"][rows].split(8)
    after = torch.cat([chains.monitor(lm4, part, link, {BELOW: replacement}) for part in parts]).numpy()
    change[rows] = after - before[rows]
    return change

def ablated(i, j):
    """[change, error] of the upper latent j where it fires, as shares of its activity there,
    when the lower latent i is ablated."""
    where = values(ABOVE, j) > 0
    touched = values(BELOW, i).any(axis=1)      # elsewhere nothing is ablated
    change = above_when(j, intervene.ablate(reader[BELOW], i), touched)
    return effect(change, where) / values(ABOVE, j)[where].mean()

# %% id="chain-rival"
how_often = np.diff(fired4[BELOW].indptr)
def rival_of(i):
    """A lower latent drawn from the twenty whose number of tokens is nearest to that of latent i."""
    others = eligible[eligible != i]
    nearest = np.argsort(np.abs(how_often[others] - how_often[i]), kind="stable")[:20]
    return int(np.random.default_rng(i).choice(others[nearest]))

ranked = sorted(pairs, key=pairs.get, reverse=True)
tested = {(i, j): (ablated(i, j), ablated(rival_of(i), j)) for i, j in ranked}
in_errors = {pair: [float(mean / error) if error > 0 else 0.0 for mean, error in both]
             for pair, both in tested.items()}

# %% id="chain-table"
print(f"{'block 1, best concept':25}{'block 3, best concept':26}{'estimate':>9}{'ablated':>15}{'errors':>8}"
      f"{'rival':>9}{'errors':>8}")
for i, j in ranked:
    (mean, error), (rival, _) = tested[i, j]
    print(f"{name_of(BELOW, i):25}{name_of(ABOVE, j):26}{-100 * pairs[i, j]:+7.1f} %{100 * mean:+7.1f} ± "
          f"{100 * error:.1f} %{in_errors[i, j][0]:8.1f}{100 * rival:+7.2f} %{in_errors[i, j][1]:8.1f}")

# %% id="chain-claims"
beyond_pairs, beyond_rivals = (np.abs(list(in_errors.values())) > 3).sum(axis=0)
size = np.median(np.abs([[one[0] for one in both] for both in tested.values()]), axis=0)
print(f"beyond 3 standard errors: {beyond_pairs} of {len(pairs)} pairs, {beyond_rivals} of {len(pairs)} rivals; "
      f"median size {100 * size[0]:.1f} % and {100 * size[1]:.2f} %")
claim("pairs chosen on train whose effect on held is beyond 3 standard errors", int(beyond_pairs), at_least=3)
claim("median size of the effect, pairs over rivals", size[0] / size[1], at_least=3)
over_estimate = [-tested[pair][0][0] / pairs[pair] for pair in ranked]
claim("median of measured over estimated effect", np.median(over_estimate), at_least=0.5)

# %% [markdown] id="chain-pick-intro"
# Chains there are, and the estimate had most sizes about right (9 of 12 within a third or so; the other three were two to five times larger, two of these too uncertain to count). But a rival, too, may stand beyond three errors, with next to no effect: in a residual stream everything reaches everything above it a little, and a *certain* effect need not be *large*. Nor are ours: a latent is fed by very many.
#
# A closer look at one chain: of those between *different* concepts, the one that carries most on train; beside it the strongest without a latent in common. What we do to the first one's lower latent:
#
# - **ablate**: it writes nothing, where it fires;
# - **activate**: it fires at its usual top value, where it is silent;
# - **redirect**: what it writes goes along the second chain's lower direction instead;
# - **block**: it is ablated, and the upper latent held at what it was. What the loss still rises by runs past it.
#
# Does the first upper latent follow? Does the second answer? And the loss?

# %% id="chain-pick"
def same_concept(i, j):
    return f1_below[i].argmax() == f1_above[j].argmax()

first = next((pair for pair in ranked if not same_concept(*pair)), ranked[0])
second = next((pair for pair in ranked if not set(pair) & set(first)), ranked[-1])
low, high = chains.Link(BELOW, reader[BELOW], first[0]), chains.Link(ABOVE, reader[ABOVE], first[1])
usual = values(BELOW, low.latent, "train")
top = float(np.quantile(usual[usual > 0], 0.9))
actions = {"ablate": intervene.ablate(low.sae, low.latent),
           "activate": intervene.clamp(low.sae, low.latent, lambda z: torch.where(z > 0, z, top)),
           "redirect": chains.redirect(low.sae, low.latent, second[0])}
print("\n".join(" → ".join((name_of(BELOW, i), name_of(ABOVE, j))) for i, j in (first, second)))

# %% id="chain-actions"
def loss_when(changes_of):
    """Change of the next token's loss on every held token but the last;
    changes_of(tokens) = {layer: replacement}."""
    return torch.cat([chains.loss_change(lm4, part, changes_of(part)) for part in batch["held"].split(8)]).numpy()

files_only = (batch["held"] != lm4.boundary).numpy()
changed = {name: {j: above_when(j, action) for _, j in (first, second)} for name, action in actions.items()}
lost = {name: loss_when(lambda _: {BELOW: action}) for name, action in actions.items()}
lost["ablate, block"] = loss_when(lambda part: chains.blocked(lm4, part, low, high, actions["ablate"]))

# %% id="chain-block"
print(f"{'':14}{'upper latent':>18}{'second upper latent':>24}{'loss of next token':>30}")
for name, loss in lost.items():
    cells = [100 * effect(change, files_only) / values(ABOVE, j)[files_only].mean()
             for j, change in changed.get(name, {}).items()]
    shown = [f"{mean:+.1f} % ± {error:.1f}" for mean, error in cells] or ["held", ""]
    mean, error = effect(loss, files_only[:, :-1])
    print(f"{name:14}{shown[0]:>18}{shown[1]:>24}{mean:+16.5f} ± {error:.5f} nats")
claim("the chosen chain's effect on held, in standard errors", abs(in_errors[first][0]), at_least=3)

# %% [markdown] id="chain-figure-intro"
# Compare the loss with and without the block: the ablation changes the loss by no more than its error, so there is nothing for the block to divide. The upper latent follows the lower one; that the model needs this link is not shown. Redirected, the message arrives: the first upper latent falls, the second rises by four errors. Activating costs loss, by three errors. (Nor is it clear why the second upper latent falls when the lower is activated. Shares here are over all tokens, in the table before only over those on which the upper latent fires, so the errors differ a little.)
#
# The chain as a picture, like the article's, and the monitor at the place where the ablation takes most (an example, not a measurement). In the box on the right stand the three tokens whose probability falls most, in the mean over the places where the upper latent fires, when that one is ablated:

# %% id="chain-next-token"
on = values(ABOVE, high.latent) > 0
part = np.flatnonzero(on.any(axis=1))[:32]
with_and_without = None, intervene.ablate(high.sae, high.latent)
p, q = (intervene.spliced(transformer.logits, lm4, batch["held"][part], ABOVE, one)[on[part]].softmax(-1)
        for one in with_and_without)
helped = ", ".join(seen_as(token) for token in (p - q).mean(0).topk(3).indices.tolist())

# %% id="chain-figure-data"
context, middle = np.unravel_index(changed["ablate"][high.latent].argmin(), files_only.shape)
window = np.arange(max(1, middle - 10), min(middle + 11, files_only.shape[1]))
window_tokens = [seen_as(token) for token in batch["held"][context, window].tolist()]
steps_of_chain = [f"block {layer}\n" + name_of(layer, latent).replace(" ", "\n")
                  for layer, _, latent in (low, high)]
boxes = [f"text\n{busiest_token(fired4[BELOW], low.latent)}", *steps_of_chain,
         "next token\n" + helped.replace(", ", "\n")]
taken_away = "{:+.1f} % ± {:.1f}".format(*100 * tested[first][0]).replace("-", "−")
after = values(ABOVE, high.latent)[context, window] + changed["ablate"][high.latent][context, window]
arrows = ["fires", f"ablated:\n{taken_away}", "makes likelier"]

# %% id="chain-figure"
fig, axes = plots.panels(rows=3, height=1.4)
chain_plots.chain(axes[0], boxes, arrows)
axes[0].set(title="A latent of block 1 feeds one of block 3")
for ax, link, without in zip(axes[1:], (low, high), (None, after)):
    clean = values(link.layer, link.latent)[context, window]
    chain_plots.monitored(ax, window, clean, without, "lower ablated")
    ax.set_ylabel(f"block {link.layer}\nactivation", fontsize=8)
ax.set_xticks(window, window_tokens, rotation=90, fontsize=7)
ax.set_xlabel("token")
plots.show(fig, alt="Above: four boxes in a row, text, a latent of block 1, a latent of block 3, next token, with the measured change on the middle arrow. Below: the activations of the lower and of the upper latent on some twenty tokens as blue bars; vermilion dashes show the upper one with the lower ablated.")

# %% [markdown] id="map-intro"
# Where the two fire on different tokens, attention has carried the message from one to the other.
#
# ## 9.8 The feature map
#
# The lecture shows latents as points of a plane, with clusters, labels and a search. We draw two dictionaries together (of the larger one a part, for speed), by t-SNE: neighbours on the map should be directions with a large cosine. The clusters come from HDBSCAN on the *directions*, not on the picture: it groups points that lie dense, three or more, and leaves the rest outside. Beside it, the same fed with noise: every neuron's weights shuffled among the latents. (Another shuffle than in 9.5, where whole neurons changed places.)

# %% id="map-data"
from saekit import feature_map

most_drawn = budget(smoke=150, laptop=512), budget(smoke=250, laptop=1024)
drawn = [(name, np.arange(min(len(W[name]), most))) for name, most in zip(ladder, most_drawn)]
rows, book = feature_map.stack([W[name][part] for name, part in drawn])
noise = feature_map.shuffled_control(rows)
xy, xy_noise = feature_map.layout(rows), feature_map.layout(noise)
groups, groups_noise = feature_map.clusters(rows), feature_map.clusters(noise)

# %% id="map"
fig, axes = plots.panels(2, height=3.8)
plots.feature_map(axes[0], xy, groups, book, [f"of {name}" for name, _ in drawn])
plots.feature_map(axes[1], xy_noise, groups_noise, book, [f"of {name}" for name, _ in drawn], plots.BASELINE)
axes[0].set(title="The dictionaries")
axes[1].set(title="Shuffled: no structure, still a map")
plots.show(fig, alt="Two feature maps side by side. Left: latents of two dictionaries, those in clusters in full colour. Right: the same for shuffled weights.")

# %% [markdown] id="map-numbers-intro"
# A map must put points somewhere, and HDBSCAN finds clusters (in full colour) on both sides. So read numbers beside it: how many clusters, how tight they are in the *full* space, how near the nearest other is, and what share of true neighbours is still a neighbour on the map.

# %% id="map-control"
found = {"dictionaries": feature_map.structure(rows, xy, groups),
         "shuffled": feature_map.structure(noise, xy_noise, groups_noise)}
print(f"{'':14}clusters  in a cluster  cosine within  nearest other  neighbours kept")
print("\n".join("{:14}{:8}{:14.2f}{:15.2f}{:15.2f}{:17.2f}".format(name, *row) for name, row in found.items()))
claim("median cosine to the nearest other latent, minus shuffled",
      found["dictionaries"].nearest - found["shuffled"].nearest, at_least=0.01)

# %% [markdown] id="map-clusters-intro"
# The number of clusters proves nothing; clusters tighter than 95 % of the shuffled ones deserve a look. A trait of the members (the best concept on train, if it fires there; the busiest token) is named only if so many would hardly share it by chance. The lecture's list, with that test added:

# %% id="map-traits"
def best_on_train(name, i):
    """The concept that a latent marks best on train, "none" if it never fires there."""
    scores = f1["train"][name][i]
    return kinds_of_token[scores.argmax()] if scores.any() else "none"

points = [(name, i) for name, part in drawn for i in part]
best_concept = np.array([best_on_train(*point) for point in points])
traits = [{concept, f"token {busiest_token(latents[name], i)}"} - {"none", "token "}
          for (name, i), concept in zip(points, best_concept)]
known = best_concept != "none"
print(f"{(~known).sum()} of {len(points)} latents never fire on train: they have no concept")

# %% id="map-tight"
shared = feature_map.cluster_traits(groups, traits)
tight, tight_noise = feature_map.tightness(rows, groups), feature_map.tightness(noise, groups_noise)
solid = feature_map.tighter_than_control(tight, tight_noise)

# %% id="map-clusters"
named = [c for c in range(len(shared)) if shared[c] and solid[c]]
for c in named[:8]:
    members = np.flatnonzero(groups == c)
    listed = ", ".join("{}/{}".format(*points[m]) for m in members[:4]) + (" …" if len(members) > 4 else "")
    print(f"#{c:<4}{shared[c].text:22} {shared[c].members} of {len(members)} members, "
          f"{shared[c].everywhere} of all: {listed}")
print(f"{len(named)} of {len(shared)} clusters are tight and have a trait that stands out")

# %% [markdown] id="map-search-intro"
# Search the map: all latents whose best concept is the one that you choose. The map has not seen the concepts.

# %% id="map-search"
from saekit.course.widgets import explore

def search(ax, concept):
    hit = best_concept == concept
    ax.plot(*xy.T, ".", color=plots.BASELINE, alpha=0.3, markersize=2)
    ax.plot(*xy[hit].T, "o", color=plots.LATENT, markersize=4)
    ax.set(title=f"{concept}: {hit.sum()}", aspect="equal")
    ax.set_axis_off()

found_concepts, how_many = np.unique(best_concept[known], return_counts=True)
commonest = [str(one) for one in found_concepts[np.argsort(-how_many, kind="stable")]]
explore(search, stills=[{"concept": one} for one in commonest[:3]], concept=commonest,
        alt="The map three times, with the latents of one concept in blue each time.")

# %% [markdown] id="map-parameters-intro"
# And the map's own knob? t-SNE's perplexity says how many neighbours pull on a point. The directions are the same in all three:

# %% id="map-parameters"
views = {perplexity: xy if perplexity == 30 else feature_map.layout(rows, perplexity=perplexity)
         for perplexity in (5, 30, 100)}
fig, axes = plots.panels(3, height=2.8)
for ax, (perplexity, points) in zip(axes, views.items()):
    plots.feature_map(ax, points, groups)
    ax.set(title=f"perplexity {perplexity}")
plots.show(fig, alt="Three maps of the same directions, with perplexity 5, 30 and 100: other places, other densities.")

# %% id="map-agreement"
shuffled_kinds = np.random.default_rng(0).permutation(best_concept[known])
alike_near = {perplexity: [feature_map.agreement(points[known], kinds)
                           for kinds in (best_concept[known], shuffled_kinds)]
              for perplexity, points in views.items()}
for perplexity, (real, by_chance) in alike_near.items():
    print(f"perplexity {perplexity:3}: nearest point has the same best concept {real:.2f} "
          f"(concepts shuffled {by_chance:.2f})")
claim("nearest point has the same best concept, minus shuffled concepts, least of the three",
      min(real - by_chance for real, by_chance in alike_near.values()), at_least=0.02)

# %% [markdown] id="map-large-intro"
# The clumps change with the knob. What holds under every setting is worth keeping.
#
# Last, the largest dictionary alone; its places, clusters and control were computed beforehand. **Will 32 latents for every neuron fall into clusters more often than the dictionaries above, or less? And than noise?**

# %% id="map-large"
name = list(stored)[-1]
chart, about = files.load_arrays(shelf / f"python-1l-topk-{name}" / "map.safetensors")
real, by_chance = about["structure"], about["control"]
fig, ax = plots.panels(1, height=4.2)
plots.feature_map(ax, chart["xy"].astype(float), chart["labels"])
ax.set(title=f"{len(chart['xy']):,} latents: {100 * real['clustered']:.0f} % in clusters, "
             f"{100 * by_chance['clustered']:.0f} % when shuffled")
plots.show(fig, alt="The feature map of the largest dictionary, not shipped: a round cloud of points, those in clusters in full colour.")

# %% id="map-large-numbers"
print(f"{'':14}clusters  in a cluster  cosine within  nearest other  neighbours kept")
for what, row in ((name + "*", real), ("shuffled", by_chance)):
    print("{:14}{:8.0f}{:14.2f}{:15.2f}{:15.2f}{:17.2f}".format(what, *row.values()))

# %% [markdown] id="map-large-after"
# More often than the dictionaries above, in only 4 clusters, and less often than noise. Shuffled weights have *more* points in clusters at both sizes: the share in clusters is no evidence of anything. Cosines tell a little: members of a cluster and nearest neighbours are closer than chance makes them, in the largest dictionary hardly so.

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where |
# |---|---|
# | article: related concepts split systematically into specific features | two atoms are cheaper than one; but only 4 of 14 families are larger in the largest dictionary than in 2,048, none grows at every size, and the control splits as well (9.2) |
# | article: expansion of 4–16× is often best, lower is more robust | best by which measure? Three in 9.4, the share that recurs in 9.5 |
# | article: features are universal across runs | a part is, by firing more than by direction, frequent ones more than rare ones, beside chance (9.5) |
# | article: features generalise across architectures, basic ones appear in all language models | concepts are, single latents seldom; some have a partner even in an untrained model: they read the input (9.6) |
# | reference page: an SAE belongs to one layer | on another layer's neurons it explains next to nothing; by firing, part of its latents have partners there (9.6) |
# | article: features are intermediates (sadness, causal chains); activate, block, redirect, monitor | those two cannot be tested here; chains over two layers can, found on some files and tested on others, with all four (9.7) |
# | reference page: features are not ground truth; another seed gives different ones | measured (9.5). In the toy, where truth is known, two seeds even agree on wrong ones |
# | reference page: a larger dictionary risks splitting | and absorption, which is worse: holes that no error shows (9.3) |
# | lecture: cluster with UMAP or t-SNE | noise has a map and clusters too; read them beside that control (9.8) |
#
# ## Common confusions
#
# - *"It recurs over seeds, so it is real."* Two runs share a loss, and its mistakes.
# - *"Ablating it changes the other, so that is how the model does it."* It is one way among many that run side by side.
# - *"Two clumps far apart on the map are unlike."* The map keeps some near neighbours; far distances mean nothing.
#
# ## Summary
#
# Larger dictionaries explain more, up to 16× here. About a third of their latents or less refine one of the next smaller; the others are new, or cut another way. Splitting keeps a concept's cases, absorption loses some to special latents; nested reconstruction closes most of these holes; in the toy it leaves half as much again unexplained (0.066 for 0.042). Part of a dictionary comes again with another seed or model, by firing far more than chance allows, and part does not. Recurrence is evidence about the method; truth needs a test of its own. A chain from layer to layer is a claim about causes, so interventions test it, on text that did not choose it.
#
# **Limits.** Small models and one architecture of SAE; trees depend on two bounds chosen beforehand; absorption is measured in a toy. A chain here has two latents, and what the SAEs do not explain passes unseen. The article's chains of sadness and causal reasoning cannot be asked of a model that reads only Python.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · Chanin et al., "A is for absorption" (2024) · Bussmann et al., "Learning multi-level features with Matryoshka sparse autoencoders" (2025) · Paulo & Belrose, "Sparse autoencoders trained on the same data learn different features" (2025) · Leask et al., "Sparse autoencoders do not find canonical units of analysis" (2025) · Heap et al., "Sparse autoencoders can interpret randomly initialized transformers" (2025) · Vig et al., "Investigating gender bias in language models using causal mediation analysis" (2020) · Nanda, "Attribution patching" (2023) · Marks et al., "Sparse feature circuits" (2024) · Kuhn, "The Hungarian method" (1955) · van der Maaten & Hinton, "Visualizing data using t-SNE" (2008) · Campello, Moulavi & Sander, "Density-based clustering based on hierarchical density estimates" (2013).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 10 · At scale](10_scale.ipynb).
