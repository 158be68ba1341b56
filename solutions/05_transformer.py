# %% [markdown] id="title"
# # Lesson 5 · Inside a small transformer
#
# **You will be able to**: write a word as shares of a few named atoms · test whether concepts are directions and hidden states sparse sums of them · tell a concept of one direction from one of several · compute MLP neurons · measure how well the best neuron stands for a concept.
#
# **75 minutes.** (With every exercise, 120.) You know the LASSO, atoms, superposition and PCA (lessons 1 to 4). Nothing about transformers is assumed.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, concepts, corpus, dictlearn, interpret, metrics, plots, strips, transformer
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("05_transformer")

# %% [markdown] id="load-intro"
# ## 5.1 A model that has read Python
#
# From here on our data are what a language model computes while it reads. Ours is about as small as a transformer can be: one **block**, that is attention, which looks back at earlier text, then an **MLP** (multi-layer perceptron: product, ReLU, product), whose ReLU units are the **neurons**.

# %% id="load" tags=["nbval-check-output"]
lm = transformer.load_lm("python-1l")
print(f"{lm.n_layers} block, {lm.d_model} numbers per hidden state, {lm.d_mlp} MLP neurons, "
      f"{lm.d_vocab} tokens, up to {lm.n_ctx} of them at a time")

# %% [markdown] id="complete-intro"
# Text is cut into **tokens**, frequent pieces with a number each. After each token the model gives every token a probability of coming next. **How would you go on after these four beginnings?** The model takes the likeliest token (*greedy* decoding), twelve times:

# %% id="complete"
def complete(prompt, n_tokens=12):
    """The prompt, and the n_tokens that the model finds likeliest, one after the other."""
    tokens = [lm.boundary] + lm.tokenizer.encode(prompt).ids
    for _ in range(n_tokens):
        tokens.append(int(transformer.logits(lm, torch.tensor([tokens]))[0, -1].argmax()))
    return lm.tokenizer.decode(tokens[1:])

prompts = ("try:\n    import json\nexcept", "with open(path) as", "class Stack:\n    def __init__(self", "if x is")
for prompt in prompts:
    print(complete(prompt) + "\n-----")

# %% [markdown] id="complete-after"
# It knows what follows what, and has no idea of the whole. How good is that? The model's *card*, a file beside its weights, holds the mean of −log(probability it gave to the token that came), on files it never read. The logarithm is natural, the unit a **nat**; less is better. Beside it *n-grams*, which guess by counting what came after the same n − 1 tokens:

# %% id="quality" tags=["nbval-check-output"]
from saekit import files
card = files.read_json(transformer.data_folder() / "python-1l" / "card.json")
print("   ".join(f"{name} {value:.2f}" for name, value in card["ce_nats_per_token"].items()))

# %% [markdown] id="recipe-intro"
# exp(−3.36) is 1/29: the model gives the right token that probability on (geometric) average, the best n-gram 1/47.
#
# ## 5.2 A token is a recipe
#
# The lecture writes a word's vector as a sum of concepts:
#
# > "apple" = 0.09 "dessert" + 0.11 "organism" + 0.16 "fruit" + 0.22 "mobile&IT" + 0.42 "others".
#
# The five numbers add up to 1: they are *shares*. A transformer first looks up a row of 128 numbers for each token, its **embedding**. These 4,096 rows are our samples; we learn atoms from them as in lesson 2, and a row's code is lesson 1's non-negative LASSO. The
# mean row is taken off and every row has length 1, so that one λ means the same for all:

# %% id="atoms"
def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)

def code(x, D, lam=0.2):
    """Lesson 1's z for each row: min ½‖x − z D‖² + lam ‖z‖₁ with z ≥ 0."""
    return dictlearn.sparse_encode(x, D, lam, positive=True).z

table = lm.model.get_input_embeddings().weight.numpy()
embeddings = unit(table - table.mean(axis=0))                          # (4096 tokens, 128)
start = embeddings[np.random.default_rng(0).permutation(len(embeddings))[:384]]
word_atoms = dictlearn.learn_dictionary(embeddings, start, code, dictlearn.Online(),
                                        n_epochs=budget(smoke=1, laptop=8), batch_size=1024).D

# %% [markdown] id="ex-nearest-task"
# Three times as many atoms as dimensions, none with a name. Let the nearest tokens name them.
#
# ### Exercise 5.1 · Name an atom
#
# Difficulty 2 of 5 · 6 minutes · 2 points
#
# Return the positions of the `n` rows of `embeddings` that have the largest **cosine** with `atom`, the largest first. Rows have any length, and that must not count.
#
# <details><summary>Hint 1 of 3</summary>A cosine is a dot product divided by both lengths. Which of the two differs from token to token?</details>
# <details><summary>Hint 2 of 3</summary><code>embeddings @ atom</code> holds all dot products; <code>np.linalg.norm(embeddings, axis=1)</code> all lengths.</details>
# <details><summary>Hint 3 of 3</summary><code>np.argsort(-cosines)</code> lists positions from the largest cosine down. Take the first <code>n</code>.</details>

# %% id="ex-nearest" exercise="nearest_tokens" difficulty=2 minutes=6 points=2
@exercise
def nearest_tokens(atom, embeddings, n):
    """Positions of the n rows of embeddings (n_tokens, d) with the largest cosine to atom (d,),
    largest first, as integers.

    >>> print(nearest_tokens(np.array([1.0, 0.0]), np.array([[2.0, 2.0], [0.0, 1.0], [0.5, 0.0]]), 2))
    [2 0]
    """
    ### BEGIN SOLUTION
    cosines = embeddings @ atom / np.linalg.norm(embeddings, axis=1)
    return np.argsort(-cosines)[:n]
    ### END SOLUTION

# %% [markdown] id="names-intro"
# Twelve atoms, chosen without looking: every 32nd, by how many tokens use them. **Give each a name.**

# %% id="names"
strings = np.array(interpret.token_strings(lm.tokenizer, range(lm.d_vocab)), dtype=object)

def named(atom, n=5):
    return " ".join(repr(strings[token])[1:-1].replace(" ", "␣") for token in nearest_tokens(atom, embeddings, n))

word_codes = code(embeddings, word_atoms)
users = (word_codes > 0).sum(axis=0)
for atom in np.argsort(-users, kind="stable")[::32]:
    print(f"in {users[atom]:3} tokens: {named(word_atoms[atom])}")

# %% [markdown] id="ex-recipe-task"
# (␣ is a blank; tokens that begin a word carry it. � is part of a character that is spread over several tokens.) Most lines have something in common: a kind of word, an ending, a stretch of letters.
#
# ### Exercise 5.2 · The recipe
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# `z` is the code of one sample, not negative. Return the positions of its `n` largest entries, the largest first; their **shares** of the sum of all entries; and the share of all the others together.
#
# <details><summary>Hint 1 of 3</summary>In the lecture's line, what is the whole of which 0.22 is a share?</details>
# <details><summary>Hint 2 of 3</summary><code>which = np.argsort(-z)[:n]</code> are the atoms; <code>z[which]</code> their coefficients.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>z.sum()</code>. The others hold <code>1 - shares.sum()</code>.</details>

# %% id="ex-recipe" exercise="recipe" difficulty=2 minutes=6 points=3
@exercise
def recipe(z, n):
    """(which, shares, others) of a code z (n_atoms,) >= 0: its n largest entries' positions (n,),
    their shares (n,) of z.sum(), and the rest's share.

    >>> which, shares, others = recipe(np.array([0.0, 3.0, 1.0]), 1)
    >>> print(which, shares, others)
    [1] [0.75] 0.25
    """
    ### BEGIN SOLUTION
    which = np.argsort(-z)[:n]
    shares = z[which] / z.sum()
    return which, shares, 1 - shares.sum()
    ### END SOLUTION

# %% [markdown] id="recipes-intro"
# Now five tokens, each ingredient named by its three nearest tokens:

# %% id="recipe-line"
def in_words(x, z, D, n=4):
    """The lecture's line for a vector x and its code z, and how much of x (of its squared length) it explains."""
    which, shares, others = recipe(z, n)
    terms = [f"{share:.2f} ⟨{named(D[atom], 3)}⟩" for atom, share in zip(which, shares) if share > 0.005]
    terms += [f"{others:.2f} others"] if others > 0.005 else []
    return " + ".join(terms) + f"  [explains {1 - np.sum((x - z @ D) ** 2) / np.sum(x ** 2):.2f}]"

# %% id="recipes"
from textwrap import fill
for word in (" matrices", " for", "Node", " self", "_size"):
    token = lm.tokenizer.encode(word).ids[0]
    line = in_words(embeddings[token], word_codes[token], word_atoms)
    print(fill(f"{strings[token]!r} = {line}", 100, subsequent_indent="    ") + "\n")

# %% [markdown] id="recipes-after"
# Shares add up to 1 however much of the vector the code misses, here about half (the brackets). And *every* vector gets such a line, *every* direction has nearest tokens. **What would a recipe look like that means nothing?** Compare with a **Gaussian twin**: data with the same covariance, scaled to length 1 like ours. Embeddings that are sparser than their covariance explains
# need fewer atoms than their twin, and are explained better. Dictionary and score use different samples:

# %% id="twin"
def sparsity_test(x, n_atoms, n_epochs, lam, seed=0):
    """For x and its Gaussian twin: (explained variance, atoms per sample) on the quarter of the samples
    not learned from."""
    rng = np.random.default_rng(seed)
    twin = rng.multivariate_normal(np.zeros(x.shape[1]), np.cov(x.T), size=len(x), method="cholesky")
    twin = unit(twin.astype(np.float32))
    scores = []
    for samples in (x[rng.permutation(len(x))], twin):
        train, test = samples[len(x) // 4:], samples[:len(x) // 4]
        D = dictlearn.learn_dictionary(train, train[:n_atoms], lambda x, D: code(x, D, lam),
                                       dictlearn.Online(), n_epochs, 1024).D
        z = code(test, D, lam)
        scores.append((metrics.explained_variance(test, z @ D), (z > 0).sum(axis=1).mean()))
    return scores

# %% id="twin-words"
(words_ev, words_l0), (twin_ev, twin_l0) = sparsity_test(embeddings, 384, budget(smoke=1, laptop=6), lam=0.2)
print(f"embeddings: {words_ev:.2f} explained by {words_l0:.1f} atoms; "
      f"Gaussian twin: {twin_ev:.2f} by {twin_l0:.1f}")
known_ev = metrics.explained_variance(embeddings, word_codes @ word_atoms)
print(f"embeddings that the recipes' dictionary was learned from: {known_ev:.2f}")
claim("explained variance of these known embeddings", known_ev, at_most=0.5)
claim("explained variance, embeddings minus twin", words_ev - twin_ev, at_least=0.05)
claim("atoms per sample, twin minus embeddings", twin_l0 - words_l0, at_least=0.5)

# %% [markdown] id="twin-after"
# More is explained with fewer atoms, as the lecture's sums ask. But at this λ most of an embedding is left unexplained, of a new token (0.25 is explained) and of a known one (0.39).

# %% [markdown] id="stations-intro"
# ## 5.3 Three stations
#
# The lecture's "apple" is a **hidden state**: the vector that stands for a token *in its context*. In our model a token's 128 numbers pass three stations:
#
# 1. **embedding**: the token's row, plus a row for its position.
# 2. **after attention**: attention has looked at earlier tokens and *added* what it found.
# 3. **after MLP**: 512 neurons have read station 2 and *added* their output. From here the next token is predicted.
#
# Papers call these 128 numbers, to which every part only adds, the **residual stream**. In the code a station is what enters a normalisation (5.6): `ln_1`, `ln_2`, `ln_f`. Text is cut into
# **contexts** of 256 tokens: a *boundary* token, which marks a beginning and is left out of all data, then 255 tokens of text.
#
# A hook writes down what passes by and changes nothing. The text is files the model was not trained on, in two parts far apart: **fit** for all that is learned or chosen, **held** for every score, unless we say otherwise:

# %% id="stations"
block = lm.model.transformer.h[0]
stations = {"embedding": block.ln_1, "after attention": block.ln_2, "after MLP": lm.model.transformer.ln_f}

def hidden_states(some_lm, stations, contexts):
    """What enters each station, at every token but the boundary: {station: (tokens, 128)}."""
    caught = {name: [] for name in stations}
    handles = [module.register_forward_pre_hook(lambda _module, inputs, name=name: caught[name].append(inputs[0]))
               for name, module in stations.items()]
    with torch.inference_mode():
        for part in torch.from_numpy(contexts.astype(int)).split(32):
            some_lm.model.base_model(input_ids=part, use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(parts).numpy()[contexts != some_lm.boundary] for name, parts in caught.items()}

# %% id="data" tags=["nbval-check-output"]
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)
n = budget(smoke=60, laptop=240, gpu=400)
rows = {"fit": np.arange(0, 3 * n, 3),                                         # every third context
        "held": np.arange(len(contexts) - 3 * n // 2, len(contexts), 3)}
tokens = {part: contexts[rows[part]][contexts[rows[part]] != lm.boundary].astype(int) for part in rows}
states = {part: hidden_states(lm, stations, contexts[rows[part]]) for part in rows}
print({part: f"{len(tokens[part]):,} tokens" for part in rows})

# %% [markdown] id="labels-intro"
# The truth, by Python's own tokenizer and parser (`saekit.concepts`):

# %% id="labels"
names = list(concepts.CONCEPTS)
labels, depths = {}, {}
for part in rows:
    keep = contexts[rows[part]] != lm.boundary
    # (tokens, concepts), True or False
    labels[part] = concepts.label_stream(text, lm.tokenizer, lm.n_ctx, rows[part])[keep]
    # (tokens, 2): bracket, indent
    depths[part] = concepts.depth_stream(text, lm.tokenizer, lm.n_ctx, rows[part])[keep]
print(fill(f"{len(names)} concepts, such as: {', '.join(names[::11])}", 100))

# %% [markdown] id="ex-dimensions-task"
# ### Exercise 5.3 · How many dimensions?
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# "Low-rankness", says the lecture: hidden states fill only few of their dimensions. Return the smallest number of principal directions (lesson 4) that hold at least `share` of the variance of `x`.
#
# <details><summary>Hint 1 of 3</summary>Variances along principal directions are squared singular values, of what?</details>
# <details><summary>Hint 2 of 3</summary><code>squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2</code>, largest first; <code>np.cumsum(squares) / squares.sum()</code> is the share of the first 1, 2, 3, …</details>
# <details><summary>Hint 3 of 3</summary>Count the shares that are too small. One direction more is enough.</details>

# %% id="ex-dimensions" exercise="dimensions_for" difficulty=2 minutes=6 points=3
@exercise
def dimensions_for(x, share):
    """Smallest number of principal directions that together hold at least `share` of the variance of x (n, d),
    as one number.

    >>> print(dimensions_for(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 0.8))
    1
    """
    ### BEGIN SOLUTION
    squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    return int((np.cumsum(squares) / squares.sum() < share).sum()) + 1
    ### END SOLUTION

# %% [markdown] id="dimensions-intro"
# **How many of the 128 directions hold 90 % of the variance after attention?** `"a"`: fewer than 20. `"b"`: about half. `"c"`: nearly all, as for noise that is the same in all directions.

# %% id="predict-dimensions"
predict("dimensions", "b")

# %% id="spectrum"
noise = np.random.default_rng(0).normal(size=(10_000, lm.d_model)).astype(np.float32)
clouds = {**{name: states["fit"][name][:10_000] for name in stations}, "noise": noise}
for name, cloud in clouds.items():
    print(f"{name:16} 50 % in {dimensions_for(cloud, 0.5):3}, 90 % in {dimensions_for(cloud, 0.9):3}, "
          f"99 % in {dimensions_for(cloud, 0.99):3} directions")
ninety = dimensions_for(clouds["after attention"], 0.9)
claim("directions that hold 90 % of the variance after attention", ninety, at_least=50, at_most=105)
claim("the same for noise, minus that", dimensions_for(noise, 0.9) - ninety, at_least=10)

# %% [markdown] id="spectrum-draw"
# The same as curves, direction after direction. **How would a cloud look that lies in 20 dimensions?**

# %% id="spectrum-figure"
fig, ax = plots.panels(height=2.4)
for (name, cloud), color in zip(clouds.items(), (plots.ATOM, plots.LATENT, plots.TRUTH, plots.BASELINE)):
    squares = np.linalg.svd(cloud - cloud.mean(axis=0), compute_uv=False) ** 2
    ax.plot(range(1, lm.d_model + 1), 100 * np.cumsum(squares) / squares.sum(), color=color, label=name)
ax.set(title="Some directions are strong, none is empty", xlabel="principal directions, strongest first",
       ylabel="variance they hold (%)", xlim=(1, lm.d_model), ylim=(0, 102))
ax.legend()
plots.show(fig, alt="Variance held by the strongest so many of 128 principal directions. Noise rises nearly straight to 100 percent; the hidden states of all three stations rise faster at first and bend smoothly, without a corner at which the rest would be empty.")

# %% [markdown] id="spectrum-after"
# It would reach 100 % at the twentieth direction and stay. Here 90 % take rather more than half of the directions: a few directions are strong, but the tail is long: the cloud is not low-dimensional. A single **concept** in it may be.
#
# ## 5.4 A concept that is a line
#
# Now our "apple". *for*, *in*, *is*, *and*, *not*, *if* are keywords of Python, and English words in comments and docstrings. Station 1, which holds the token and its place, can hardly tell the two uses apart. **Can station 2? And in the same way for *for* and for *is*?**
#
# The **linear representation hypothesis** says yes twice: "prose" is a direction, the same for all words. For each word we take it from the *other* words: the mean hidden state of their prose uses minus that of their code uses, in **fit**. Then we ask, in **held**, how often a prose use of our word
# lies farther along it than a code use (the *AUC*: 0.5 is chance, 1 is always):

# %% id="prose-tools"
keywords = [" for", " in", " is", " and", " or", " not", " as", " if", " with", " from"]
prose = {part: labels[part][:, [names.index("comment"), names.index("docstring")]].any(axis=1) for part in rows}
uses = {(part, word): tokens[part] == lm.tokenizer.encode(word).ids[0] for part in rows for word in keywords}
words = [word for word in keywords if min((uses[part, word] & (prose[part] == which)).sum()
                                          for part in rows for which in (True, False)) >= 4]

def prose_direction(station, some_words):
    """Unit vector from code to prose: the mean over words of the difference of their mean states, on fit."""
    x = states["fit"][station]
    differences = [x[uses["fit", w] & prose["fit"]].mean(axis=0) - x[uses["fit", w] & ~prose["fit"]].mean(axis=0)
                   for w in some_words]
    return unit(np.mean(differences, axis=0))

def auc(high, low):
    """Share of pairs in which the value from `high` is larger; a tie counts half."""
    return ((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2

# %% id="prose"
aucs = {}
for word in words:
    other_words = [w for w in words if w != word]
    inside = {station: states["held"][station] @ prose_direction(station, other_words) for station in stations}
    here, is_prose = uses["held", word], prose["held"]
    aucs[word] = [auc(s[here & is_prose], s[here & ~is_prose]) for s in inside.values()]
    by_station = "  ".join(f"{station} {value:.2f}" for station, value in zip(stations, aucs[word]))
    print(f"{word!r:7} {here.sum():4} uses, {100 * is_prose[here].mean():3.0f} % prose;  AUC {by_station}")

# %% id="prose-claims"
mean_auc = dict(zip(stations, np.mean(list(aucs.values()), axis=0)))
claim("mean AUC at the embedding (chance is 0.5)", mean_auc["embedding"], at_least=0.25, at_most=0.75)
claim("mean AUC after attention, direction from other words", mean_auc["after attention"], at_least=0.9)

# %% [markdown] id="prose-after"
# Station 1 guesses. After attention, a direction that has never seen *for* puts a use in prose beyond one in code in 97 of 100 pairs. Every dot is one use, here along the direction learned from all nine words:

# %% id="prose-figure"
direction = prose_direction("after attention", words)
placed = states["held"]["after attention"] @ direction
fig, ax = plots.panels(height=2.9)
groups = [(placed[uses["held", w] & ~prose["held"]], placed[uses["held", w] & prose["held"]]) for w in words]
plots.two_uses(ax, [w.strip() for w in words], groups, ("in code", "in comments and docstrings"))
ax.set(title="One direction says “prose” for every word",
       xlabel="hidden state after attention, along the direction")
plots.show(fig, alt="For each of several words a row of dots along one direction: uses in code lie to the left, uses in comments and docstrings to the right, with little overlap.")

# %% [markdown] id="recipe-context-intro"
# Is the *contextual* part of a word an atom, then? Learn atoms from station 2, on **fit**, and write recipes for uses in code and in prose, from **held**. **Which ingredients will they share?**

# %% id="state-atoms"
samples = np.random.default_rng(1).permutation(len(tokens["fit"]))[:budget(smoke=1600, laptop=12_000)]
centre = states["fit"]["after attention"].mean(axis=0)
x_states = unit(states["fit"]["after attention"][samples] - centre)
state_atoms = dictlearn.learn_dictionary(x_states, x_states[:512], lambda x, D: code(x, D, 0.15),
                                         dictlearn.Online(), n_epochs=budget(smoke=1, laptop=5), batch_size=1024).D

def state_code(x):
    return code(unit(x - centre), state_atoms, 0.15)

# %% [markdown] id="places-intro"
# A token's place is shown by a few tokens before it, and its file.

# %% id="places"
is_token = contexts != lm.boundary
number = np.cumsum(is_token).reshape(is_token.shape) - 1                       # of every token in all contexts
place = {part: number[rows[part]][is_token[rows[part]]] for part in rows}      # of the tokens of each part

def excerpts(part, chosen, values, **window):
    """interpret.Example for the chosen tokens of a part, shaded by values (tokens of the part,)."""
    everywhere = np.zeros(is_token.sum(), dtype=np.float32)
    everywhere[place[part]] = values
    return interpret.examples(place[part][chosen], everywhere, contexts, text, lm.tokenizer, **window)

# %% id="is-recipes"
held_states, nothing = states["held"]["after attention"], np.zeros(len(tokens["held"]))
found_uses = {(word, use): np.flatnonzero(uses["held", word] & (prose["held"] == (use == "prose")))
              for word in words for use in ("code", "prose")}
for word, use in ((word, use) for word in words[:2] for use in ("code", "prose")):
    one = found_uses[word, use][1:2]
    seen = excerpts("held", one, nothing, before=9, after=0)[0]
    print(f"{strips.visible(''.join(seen.tokens))!r} [{seen.file}]")
    line = in_words(unit(held_states[one] - centre)[0], state_code(held_states[one])[0], state_atoms)
    print(fill(f"= {line}", 100, initial_indent="   ", subsequent_indent="     ") + "\n")

# %% [markdown] id="shared-intro"
# (⏎ is a line break.) Both uses of a word share the ingredient that names it; the two prose recipes share none of the four shown. Most names are odd: no token means "in a comment". But an atom for that would *point* along the prose direction. **Are there such atoms, learned without any label? Who uses them?**

# %% id="shared"
some = np.random.default_rng(2).permutation(len(tokens["held"]))[:budget(smoke=1000, laptop=8000)]
some_codes, some_prose = state_code(held_states[some]), prose["held"][some]
along = state_atoms @ unit(prose_direction("after attention", words))
for atom in np.argsort(-along)[:5]:
    used = some_codes[:, atom] > 0
    print(f"cosine {along[atom]:.2f}: in {100 * used.mean():4.1f} % of all tokens, "
          f"{100 * some_prose[used].mean():3.0f} % of these in prose   {named(state_atoms[atom], 3)}")
print(f"of all tokens {100 * some_prose.mean():.0f} % stand in prose")

# %% id="shared-claims"
used = some_codes[:, np.argmax(along)] > 0
claim("share of prose among the tokens that use the atom nearest to the prose direction",
      some_prose[used].mean(), at_least=0.75)
claim("share of all prose that this atom serves", used[some_prose].mean(), at_most=0.6)

# %% [markdown] id="shared-after"
# There are. But none of the five is *the* prose atom: each serves at most about a tenth of all prose (0.038 · 0.90 / 0.34). In the running notebook choose a word and a use:

# %% id="explore-draw"
def bars(ax, word, use, which_one):
    """The recipe of one use of a word, as bars; the title is the use itself."""
    one = found_uses[word, use][[which_one % len(found_uses[word, use])]]
    which, shares, others = recipe(state_code(held_states[one])[0], 5)
    plots.recipe_bars(ax, [strips.visible(named(state_atoms[atom], 2)) for atom in which], shares, others)
    seen = excerpts("held", one, nothing, before=3, after=0)[0]
    text = strips.visible("".join(seen.tokens))
    ax.set(title="… " + text[text.find(" ", max(0, len(text) - 14)) + 1:], xlabel=f"share, in {use}")

# %% id="explore"
stills = [{"word": words[0], "use": "code", "which_one": 0},
          {"word": words[0], "use": "prose", "which_one": 0},
          {"word": words[1], "use": "prose", "which_one": 0}]
explore(bars, stills=stills, word=words, use=["code", "prose"], which_one=(0, 9),
        alt="Bars with the shares of the five largest atoms of three hidden states: one word in code, "
            "the same word in prose, another word in prose; each has a grey bar for all other atoms.")

# %% [markdown] id="twin-states-intro"
# **Are such codes any sparser than a Gaussian twin's?** The same test, on hidden states:

# %% id="twin-states"
(states_ev, states_l0), (twin_ev, twin_l0) = sparsity_test(
    x_states[:budget(smoke=1600, laptop=6000)], 384, budget(smoke=1, laptop=4), lam=0.15)
print(f"hidden states: {states_ev:.2f} explained by {states_l0:.1f} atoms; "
      f"Gaussian twin: {twin_ev:.2f} by {twin_l0:.1f}")
claim("explained variance, hidden states minus twin", states_ev - twin_ev, at_least=0.06)
claim("atoms per sample, twin minus hidden states", twin_l0 - states_l0, at_least=1.5)

# %% [markdown] id="twin-states-after"
# Yes, by an easier test: its tokens stood beside those learned from (both are of **fit**). Sparsity of hidden states, a hypothesis in lesson 0, passes its first test. But a cloud of clusters, one for each frequent token, would pass it too, and *these* atoms need not be the model's own (lesson 9).

# %% [markdown] id="depth-intro"
# ## 5.5 One direction, or several?
#
# The lecture says "low-dimensional *subspaces*, especially vectors". Take a concept with an order: how deep is the code indented? Depth is written at the beginning of a line; later tokens must get it by attention. We take station 2, tokens of code (no line breaks, prose or strings), and depths 0 to 5. If depth lay on a line, the **means** of the six depths would be six points on it, in order.
#
# ### Exercise 5.4 · A line or a plane?
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# For every value that occurs in `level`, take the mean of its rows of `x`. Each level counts once, however many samples it has. Return two shares of the spread of these means (the sum of their squared distances to their centre): what the best straight line and what the best plane hold.
#
# <details><summary>Hint 1 of 3</summary>This is lesson 4's PCA, with the few means as samples. <code>np.unique(level)</code> lists the levels that occur.</details>
# <details><summary>Hint 2 of 3</summary>Build <code>means</code> (one row per level), subtract <code>means.mean(axis=0)</code>, take squared singular values.</details>
# <details><summary>Hint 3 of 3</summary>The line holds <code>squares[0] / squares.sum()</code>. The plane holds the first two.</details>

# %% id="ex-plane" exercise="line_and_plane" difficulty=3 minutes=8 points=3
@exercise
def line_and_plane(x, level):
    """(line, plane): shares of the spread of the levels' means that their best line and their best plane hold.

    x (n, d), level (n,) integers; each level that occurs counts once.

    >>> line, plane = line_and_plane(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), np.array([0, 1, 2]))
    >>> print(round(line, 6), round(plane, 6))
    1.0 1.0
    """
    ### BEGIN SOLUTION
    means = np.array([x[level == one].mean(axis=0) for one in np.unique(level)])
    squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2
    return float(squares[0] / squares.sum()), float(squares[:2].sum() / squares.sum())
    ### END SOLUTION

# %% id="depth"
left_out = [names.index(name)
            for name in ("newline", "line_break", "indent", "dedent", "comment", "docstring", "string")]
chosen = {part: (depths[part][:, 1] >= 0) & (depths[part][:, 1] <= 5) & ~labels[part][:, left_out].any(axis=1)
          for part in rows}
level = {part: depths[part][chosen[part], 1].astype(int) for part in rows}
x_depth = {part: {station: states[part][station][chosen[part]] for station in stations} for part in rows}
shuffled = np.random.default_rng(0).permutation(level["fit"])
for name, some_level in (("depth", level["fit"]), ("shuffled depth", shuffled)):
    line, plane = line_and_plane(x_depth["fit"]["after attention"], some_level)
    print(f"{name:15} line {line:.2f}, plane {plane:.2f}")

# %% [markdown] id="depth-trap"
# But for depths dealt out **at random** the two numbers are large as well: six noisy means always have a longest direction. Better is a reading on files not used:

# %% id="depth-read"
def reading(station, n_directions):
    """Depth read in held as the nearest of the means of fit, along their leading directions: accuracy within
    each depth, averaged over depths."""
    x, held = x_depth["fit"][station], x_depth["held"][station]
    means = np.array([x[level["fit"] == one].mean(axis=0) for one in range(6)])
    directions = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][:n_directions]
    distance = ((held @ directions.T)[:, None] - means @ directions.T) ** 2
    right = distance.sum(axis=2).argmin(axis=1) == level["held"]
    return np.mean([right[level["held"] == one].mean() for one in range(6) if (level["held"] == one).any()])

# %% [markdown] id="depth-rivals-intro"
# The means' longest direction need not be the best to read along: tokens of one depth spread too. **Linear discriminant analysis** (LDA) first whitens that spread away (lesson 2): its leading directions separate the depths best. Or a single direction is fitted to the depth itself, by least squares. **Will one of these make do alone?**

# %% id="depth-rivals"
x, at = x_depth["fit"]["after attention"], level["fit"]
means = np.array([x[at == one].mean(axis=0) for one in range(6)])
centred = means - means.mean(axis=0)
within = np.mean([np.cov(x[at == one].T) for one in range(6)], axis=0)         # of the tokens of one depth
whiten = np.linalg.cholesky(np.linalg.inv(within))
slope = np.linalg.solve(6 * within + centred.T @ centred, centred.T @ np.arange(6))  # each depth counts once
for part in rows:
    x_depth[part]["after attention, LDA"] = x_depth[part]["after attention"] @ whiten
    x_depth[part]["the same, fitted"] = x_depth[part]["after attention"] @ slope[:, None]

# %% id="depth-table"
scores = {station: [reading(station, k) for k in (1, 2, 3, 4)] for station in (*stations, "after attention, LDA")}
fitted = reading("the same, fitted", 1)
print(f"{'directions':22}" + "".join(f"{k:6}" for k in (1, 2, 3, 4)) + "   (chance 0.17)")
for station, values in (*scores.items(), ("the same, fitted", [fitted])):
    print(f"{station:22}" + "".join(f"{value:6.2f}" for value in values))

# %% id="depth-claims"
lda = scores["after attention, LDA"]
claim("reading depth along the two best directions, minus along the best one",
      lda[1] - max(lda[0], fitted), at_least=0.1)
claim("the same along three, minus along two", lda[2] - lda[1], at_least=0.04)
claim("reading depth along two directions, after attention minus embedding",
      scores["after attention"][1] - scores["embedding"][1], at_least=0.15)

# %% [markdown] id="depth-figure-intro"
# **What does the direction of largest spread get wrong?** The means along the first two:

# %% id="depth-means"
plane = np.linalg.svd(centred, full_matrices=False)[2][:2]
clouds = [(x[at == one][:150] - means.mean(axis=0)) @ plane.T for one in range(6)]
station_colors = (plots.BASELINE, plots.TRUTH, plots.TRUTH, plots.ATOM)

# %% id="depth-figure"
fig, axes = plots.panels(2, height=3.0)
plots.levels_in_plane(axes[0], clouds, centred @ plane.T, range(6))
axes[0].set(title="The means of depths 0 to 5 bend")
for (station, values), style, color in zip(scores.items(), ("o:", "o-", "o--", "s-"), station_colors):
    axes[1].plot((1, 2, 3, 4), values, style, color=color, label=station)
axes[1].axhline(1 / 6, color=plots.BASELINE, linewidth=0.8, linestyle=":")
axes[1].set(title="Three read more than two or one", xlabel="directions used",
            ylabel="accuracy, averaged over depths", xticks=(1, 2, 3, 4), ylim=(0, 1))
axes[1].legend(loc="upper left", fontsize=7, frameon=False, ncols=2, columnspacing=1)
plots.show(fig, alt="Left: mean hidden states of indentation depths 0 to 5 along their first two directions form a bent curve, with pale clouds of tokens around them. Right: accuracy of reading the depth after attention grows from one to three directions, more so along the directions of LDA, less so after the MLP, and stays near chance at the embedding.")

# %% [markdown] id="depth-after"
# Along the direction of largest spread the deep levels fall together. No single direction makes up for it (LDA's reads 0.44, the fitted one 0.46); two read 0.68, three 0.75, a fourth hardly more. So depth is not a line, and a dictionary may well need several atoms for it.

# %% [markdown] id="ex-mlp-task"
# ## 5.6 Five hundred and twelve neurons
#
# What happens between stations 2 and 3? Each hidden state is **normalised** (LayerNorm), then one product gives 512 pre-activations, and a ReLU leaves the positive ones. These are the **neurons**, `mlp_post` in the code; a second product adds
# their output to the hidden state.
#
# ### Exercise 5.5 · From hidden states to neurons
#
# Difficulty 3 of 5 · 10 minutes · 4 points
#
# `inputs` is a dict: `hidden` (tokens, d_model), `scale` and `shift` (d_model,), `W_in` (d_model, d_mlp), `b_in` (d_mlp,), and the number `eps`. Return relu(LayerNorm(hidden) W_in + b_in), where
#
# `LayerNorm(hidden) = (hidden − mean) / sqrt(variance + eps) · scale + shift`
#
# with mean and variance taken over the entries of *one* token; the variance divides by d_model.
#
# <details><summary>Hint 1 of 3</summary>Mean and variance are one number per token: <code>axis=1</code>, with <code>keepdims=True</code> to subtract them from every entry.</details>
# <details><summary>Hint 2 of 3</summary><code>centred / np.sqrt(hidden.var(axis=1, keepdims=True) + inputs["eps"])</code> is normalised; then scale, then shift.</details>
# <details><summary>Hint 3 of 3</summary><code>np.maximum(normed @ inputs["W_in"] + inputs["b_in"], 0)</code> comes last.</details>

# %% id="ex-mlp" exercise="mlp_post" difficulty=3 minutes=10 points=4
@exercise
def mlp_post(inputs):
    """relu(LayerNorm(hidden) W_in + b_in), (tokens, d_mlp), from a dict of arrays.

    hidden (tokens, d_model), scale and shift (d_model,), W_in (d_model, d_mlp), b_in (d_mlp,), eps a number.
    """
    ### BEGIN SOLUTION
    hidden = inputs["hidden"]
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    normed = centred / np.sqrt(hidden.var(axis=1, keepdims=True) + inputs["eps"])
    normed = normed * inputs["scale"] + inputs["shift"]
    return np.maximum(normed @ inputs["W_in"] + inputs["b_in"], 0)
    ### END SOLUTION

# %% [markdown] id="mlp-run-intro"
# With the model's own weights. A second route must agree: `activations.harvest` taps the neurons inside the running model.

# %% id="mlp-run" tags=["nbval-check-output"]
def mlp_weights(block):
    """A block's part of the dict that `mlp_post` takes."""
    tensors = {"scale": block.ln_2.weight, "shift": block.ln_2.bias,
               "W_in": block.mlp.c_fc.weight, "b_in": block.mlp.c_fc.bias}
    return {key: value.numpy() for key, value in tensors.items()} | {"eps": block.ln_2.eps}

neurons = {part: mlp_post({"hidden": states[part]["after attention"], **mlp_weights(block)}).astype(np.float32)
           for part in rows}
tapped = activations.harvest(lm, contexts[rows["held"][:4]]).numpy()
print("your neurons are the model's:", np.allclose(neurons["held"][:len(tapped)], tapped, atol=1e-3))

# %% [markdown] id="ex-kurtosis-task"
# ## 5.7 Axes that stick out
#
# The ReLU works axis by axis, which makes the neurons' basis **privileged** (lesson 3). That can be measured without a single concept. A direction for something rare is mostly near zero and now and then far from it; the **kurtosis** tells such a spiky direction from a
# blurred mixture.
#
# ### Exercise 5.6 · Spikiness
#
# Difficulty 2 of 5 · 5 minutes · 2 points
#
# Return, for every column of `x`, the mean fourth power of the distance from its mean, divided by the squared variance (which divides by n). A normal distribution has 3.
#
# <details><summary>Hint 1 of 3</summary>Everything is per column: <code>axis=0</code>.</details>
# <details><summary>Hint 2 of 3</summary><code>centred = x - x.mean(axis=0)</code>; the fourth power is <code>centred ** 4</code>.</details>
# <details><summary>Hint 3 of 3</summary>Divide <code>(centred ** 4).mean(axis=0)</code> by <code>x.var(axis=0) ** 2</code>.</details>

# %% id="ex-kurtosis" exercise="kurtosis" difficulty=2 minutes=5 points=2
@exercise
def kurtosis(x):
    """mean (x - mean)^4 / variance^2 of each column of x (n, d): (d,). 3 for a normal distribution.

    >>> print(kurtosis(np.array([[1.0], [-1.0]])))
    [1.]
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(axis=0)
    return (centred ** 4).mean(axis=0) / x.var(axis=0) ** 2
    ### END SOLUTION

# %% id="kurtosis-hand" tags=["nbval-check-output"]
by_hand = np.column_stack([np.tile([1.0, -1.0], 50), np.linspace(-1, 1, 100),
                           np.eye(100)[0], np.repeat([1.0, 0.0], [10, 90])])
column_names = ("+1 or −1", "evenly spread", "on once in 100", "on 10 times in 100")
for kind_of, value in zip(column_names, kurtosis(by_hand)):
    print(f"{kind_of:20}{value:6.1f}")

# %% [markdown] id="kurtosis-intro"
# The rarer, the spikier: something on for a small share p of the tokens, and always equally strong, has a kurtosis of about 1/p.
#
# Five groups: the 512 neurons; 512 random directions in their space; the neurons of the same transformer **untrained**, because a ReLU alone makes anything a little spiky; the 128 axes of the hidden state, which no ReLU touches; random directions there. **Which will stick out?**

# %% id="kurtosis"
rng = np.random.default_rng(0)
def untrained_copy(some_lm):
    """The same transformer with fresh random weights."""
    torch.manual_seed(0)
    return some_lm._replace(model=type(some_lm.model)(some_lm.model.config).eval().requires_grad_(False))

untrained_neurons = {part: activations.harvest(untrained_copy(lm), contexts[rows[part]]).numpy() for part in rows}
turn = rng.normal(size=(lm.d_mlp, lm.d_mlp)).astype(np.float32) / np.sqrt(lm.d_mlp)
some_neurons, some_states = neurons["fit"][:6000], states["fit"]["after attention"][:6000]
groups = {"neurons": some_neurons, "random, neuron space": some_neurons @ turn,
          "untrained neurons": untrained_neurons["fit"][:6000], "axes of the hidden state": some_states,
          "random, hidden space": some_states @ rng.normal(size=(lm.d_model, lm.d_model)).astype(np.float32)}

# %% id="kurtosis-groups"
spikiness = {name: kurtosis(group[:, group.std(axis=0) > 0]) for name, group in groups.items()}
for name, values in spikiness.items():
    print(f"{name:25} median {np.median(values):5.1f}, "
          f"middle half {np.quantile(values, 0.25):5.1f} to {np.quantile(values, 0.75):5.1f}")
for rival in ("random, neuron space", "untrained neurons"):
    claim(f"median kurtosis of neurons over that of {rival}",
          np.median(spikiness["neurons"]) / np.median(spikiness[rival]), at_least=2)

# %% id="density"
density = (neurons["fit"] > 0).mean(axis=0)
fig, axes = plots.panels(2, height=2.8)
tick_labels = ["random,\nhidden", "axes,\nhidden", "untrained\nneurons", "random,\nneurons", "neurons"]
axes[0].boxplot(list(spikiness.values())[::-1], orientation="horizontal", whis=(5, 95), showfliers=False,
                tick_labels=tick_labels, medianprops={"color": plots.FAILURE})
axes[0].axvline(3, color=plots.BASELINE, linewidth=0.8)
axes[0].set(xscale="log", xlabel="kurtosis (normal: 3)", title="Neurons are spiky …")
axes[1].hist(np.log10(density[density > 0]), bins=np.arange(-4, 0.1, 0.2), color=plots.NEURON)
axes[1].set(xlabel="log10 of the share of tokens it is active on", ylabel="neurons", title="… and yet not rare")
plots.show(fig, alt="Left: box plots of kurtosis; neurons lie far above the other four groups. Right: histogram of neuron densities on a log scale, most between one token in a hundred and one in three.")

# %% id="density-claim"
print(f"median density of a neuron: {np.median(density):.3f}")
claim("median density of a neuron", np.median(density), at_least=0.02, at_most=0.25)

# %% [markdown] id="density-after"
# The axes of the hidden state do not stick out: if single units mean anything, neurons do. But a unit that is active on several tokens in a hundred may well speak of several things.

# %% [markdown] id="ex-f1-task"
# ## 5.8 Does a neuron stand for a concept?
#
# Call a neuron a **detector** that fires above a threshold, and compare with a concept. **Precision**: of the tokens on which it fires, the share that has the concept. **Recall**: of the tokens with the concept, the share on which it fires. One can be had for free
# (always fire, and recall is 1), so take their harmonic mean:
#
# `F1 = 2 / (1/precision + 1/recall) = 2 · both / (fires + concept)`,  counts of tokens
#
# ### Exercise 5.7 · F1, all against all
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return the F1 of every unit (column of `fires`) against every concept (column of `concept`): (n_units, n_concepts). Where neither ever occurs, F1 is 0.
#
# <details><summary>Hint 1 of 3</summary><code>fires.T @ concept</code> would count tokens with both, but a product of True and False arrays is True or False. Which type counts?</details>
# <details><summary>Hint 2 of 3</summary>With <code>fires = fires.astype(np.float32)</code>, and concept likewise: <code>both = fires.T @ concept</code>; the sums down the columns count the rest.</details>
# <details><summary>Hint 3 of 3</summary><code>fires.sum(axis=0)[:, None] + concept.sum(axis=0)</code> has the shape of <code>both</code>. Where it is 0, divide by 1 instead.</details>

# %% id="ex-f1" exercise="f1" difficulty=3 minutes=8 points=3
@exercise
def f1(fires, concept):
    """F1 of every unit against every concept, (n_units, n_concepts): 2 both / (fires + concept) in counts;
    0 where both never occur.

    fires (n, n_units), concept (n, n_concepts): True or False.

    >>> print(f1(np.array([[True], [True], [False]]), np.array([[True], [False], [False]])).round(2))
    [[0.67]]
    """
    ### BEGIN SOLUTION
    fires, concept = fires.astype(np.float32), concept.astype(np.float32)
    both = fires.T @ concept
    total = fires.sum(axis=0)[:, None] + concept.sum(axis=0)
    return 2 * both / np.maximum(total, 1)
    ### END SOLUTION

# %% [markdown] id="f1-hand-intro"
# Ten tokens, three of the concept; three units. **Which is best, and by how much?**

# %% id="f1-hand" tags=["nbval-check-output"]
is_concept = np.arange(10)[:, None] < 3
fires = np.column_stack([np.ones(10, bool), np.arange(10) < 1, np.arange(10) < 4])
for kind_of, value in zip(("always fires", "one of three", "all and one more"), f1(fires, is_concept)[:, 0]):
    print(f"{kind_of:18}{value:.2f}")

# %% [markdown] id="ex-thresholds-task"
# ### Exercise 5.8 · Where to cut
#
# Difficulty 4 of 5 · 10 minutes · 4 points
#
# A unit fires where its activation is *above* a threshold. `candidates` holds thresholds, one column per unit. Return, for every unit and every concept, the candidate with the largest F1: (n_units, n_concepts). Your `f1` does the counting; of equally good candidates, take the first.
#
# <details><summary>Hint 1 of 3</summary>One row of <code>candidates</code> is one threshold per unit: <code>activations &gt; row</code> is a table of firing.</details>
# <details><summary>Hint 2 of 3</summary><code>scores = np.array([f1(activations &gt; row, concept) for row in candidates])</code> has the axes (candidate, unit, concept).</details>
# <details><summary>Hint 3 of 3</summary><code>best = scores.argmax(axis=0)</code> says which candidate; <code>candidates[best, np.arange(activations.shape[1])[:, None]]</code> looks it up in the unit's own column.</details>

# %% id="ex-thresholds" exercise="best_thresholds" difficulty=4 minutes=10 points=4
@exercise
def best_thresholds(activations, concept, candidates):
    """The candidate threshold with the largest F1, for every unit and concept: (n_units, n_concepts).

    activations (n, n_units), concept (n, n_concepts) True or False, candidates (n_candidates, n_units);
    a unit fires above its threshold.

    >>> concept = np.array([[True], [False], [True]])
    >>> print(best_thresholds(np.array([[3.0], [1.0], [2.0]]), concept, np.array([[0.0], [1.5], [2.5]])))
    [[1.5]]
    """
    ### BEGIN SOLUTION
    scores = np.array([f1(activations > row, concept) for row in candidates])
    best = scores.argmax(axis=0)
    return candidates[best, np.arange(activations.shape[1])[:, None]]
    ### END SOLUTION

# %% [markdown] id="detectors-intro"
# Threshold *and* unit are chosen on every fourth token of **fit** and scored on **held**. Every rival brings 512 units: the neurons; random directions through them; the untrained neurons. (`depth_1`, `depth_2`, … count open brackets, not the indentation of 5.5.) Left out are concepts
# with fewer than 20 tokens there or in held, and those that more than a quarter of all tokens have.

# %% id="judged"
def judged_concepts(labels):
    """Which concepts take part."""
    enough = (labels["fit"][::4].sum(axis=0) >= 20) & (labels["held"].sum(axis=0) >= 20)
    return np.flatnonzero(enough & (labels["fit"].mean(axis=0) < 0.25))

judged = judged_concepts(labels)
truth = {part: labels[part][:, judged] for part in rows}                       # (tokens, concepts that take part)

# %% id="detectors"
def detectors(units, truth):
    """For each concept: F1 on held of the unit and threshold that were best on fit; and which unit that was."""
    some, some_truth = units["fit"][::4], truth["fit"][::4]
    candidates = np.quantile(some[::3], [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998], axis=0)
    cuts = best_thresholds(some, some_truth, candidates)
    best = [int(f1(some > cuts[:, j], some_truth[:, [j]])[:, 0].argmax()) for j in range(some_truth.shape[1])]
    scores = [f1(units["held"][:, [unit]] > cuts[unit, j], truth["held"][:, [j]])[0, 0]
              for j, unit in enumerate(best)]
    return np.array(scores), best

# %% id="rivals"
rivals = {"neurons": neurons, "random directions": {part: neurons[part] @ turn for part in rows},
          "untrained neurons": untrained_neurons}
found = {name: detectors(units, truth) for name, units in rivals.items()}

# %% [markdown] id="probe-intro"
# One more rival: for each concept the best **direction** in the neurons' space, by least squares on fit, cut at its best threshold. All its 512 weights are fitted to the labels, so it says what *is there*. **How far is the best neuron behind it?** `"a"`: hardly. `"b"`: clearly, for most concepts. `"c"`: neurons are ahead, having no weights to overfit.

# %% id="predict-neuron-gap"
predict("neuron-gap", "b")

# %% id="probe"
def readers(x, concept):
    """Least-squares weights that read every concept from x (tokens, d), and an offset in the last row:
    (d + 1, n_concepts)."""
    with_one = np.column_stack([x, np.ones(len(x), np.float32)])
    gram = with_one.T @ with_one + 10 * np.eye(with_one.shape[1])
    return np.linalg.solve(gram, with_one.T @ concept.astype(np.float32)).astype(np.float32)

# %% id="probe-scores"
def best_directions(units, truth):
    """F1 on held of the least-squares direction for each concept, its cut chosen on fit."""
    weights, scores = readers(units["fit"], truth["fit"]), []
    read = {part: units[part] @ weights[:-1] + weights[-1] for part in units}
    for j, frequency in enumerate(truth["fit"].mean(axis=0)):
        candidates = np.quantile(read["fit"][:, [j]], 1 - frequency * np.geomspace(0.3, 2, 15), axis=0)
        cut = best_thresholds(read["fit"][:, [j]], truth["fit"][:, [j]], candidates)
        scores.append(f1(read["held"][:, [j]] > cut[0], truth["held"][:, [j]])[0, 0])
    return np.array(scores)

# %% id="detector-table"
results = {name: scores for name, (scores, _) in found.items()}
results["best direction"] = best_directions(neurons, truth)
results["the same, untrained"] = best_directions(untrained_neurons, truth)
for name, values in results.items():
    print(f"{name:19} median F1 of {len(judged)} concepts {np.median(values):.2f}; "
          f"above 0.8: {(values > 0.8).sum():2}; below 0.5: {(values < 0.5).sum():2}")

# %% id="detector-claims"
claim("median F1 of the best neurons minus that of random directions",
      np.median(results["neurons"]) - np.median(results["random directions"]), at_least=0.05)
claim("median F1 of the best directions minus that of the best neurons",
      np.median(results["best direction"]) - np.median(results["neurons"]), at_least=0.1)
claim("share of concepts whose best neuron stays below 0.8", (results["neurons"] < 0.8).mean(), at_least=0.5)

# %% [markdown] id="detector-off-intro"
# Could a concept be where a neuron is **off**? The best such neuron, chosen on fit:

# %% id="detector-off"
off = {part: neurons[part] <= 0 for part in rows}
unit_off = f1(off["fit"][::4], truth["fit"][::4]).argmax(axis=0)
f1_off = f1(off["held"], truth["held"])[unit_off, np.arange(len(judged))]
ahead = f1_off - results["neurons"]
top = ahead.argmax()
print(f"off is better than on by 0.1 or more for {(ahead >= 0.1).sum()} of {len(judged)} concepts; most ahead for "
      f"{names[judged[top]]}, {f1_off[top]:.2f} against {results['neurons'][top]:.2f}")
claim("share of concepts for which off is better by 0.1 or more", (ahead >= 0.1).mean(), at_most=0.1)

# %% id="detector-figure"
order = np.argsort(-results["best direction"])[np.linspace(0, len(judged) - 1, min(24, len(judged))).astype(int)]
fig, ax = plots.panels(height=4.8)
marks = {"best direction": (plots.TRUTH, "|"), "the same, untrained": (plots.BASELINE, "|"),
         "neurons": (plots.NEURON, "o"), "random directions": (plots.BASELINE, "x"),
         "untrained neurons": (plots.BASELINE, "^")}
plots.best_scores(ax, [names[judged[j]] for j in order],
                  {name: (results[name][order], *mark) for name, mark in marks.items()})
ax.set(title="What the neurons say together, no neuron says alone", xlabel="F1 on held-out files")
plots.show(fig, alt="F1 for two dozen concepts: the best direction leads nearly everywhere, the best neuron follows at some distance, and for most concepts random directions and untrained neurons lie lower still.")

# %% [markdown] id="detector-after"
# Where the best direction scores high, the concept *is there*, linearly, and no neuron is it. Directions among **untrained** neurons do well where the token itself gives the concept away; the distance
# from grey to black bar is what training added, most where context decides (argument, comment, loop_variable).
#
# Is this superposition? A rotation spreads concepts too (lesson 3); that these axes are special (5.7) speaks against one, but is no proof.

# %% [markdown] id="kinds-intro"
# ## 5.9 Read three neurons
#
# Sort tokens into seven kinds (one at most per token) and take each neuron's strongest 2 % of tokens. **How many kinds does it take to cover 80 % of those that have one (line breaks have none)?**

# %% id="kinds"
kinds = ("comment", "docstring", "string", "number", "keyword", "name", "sign")
other_signs = ("comma", "dot", "block_colon", "equals_in_brackets")
signs = [i for i, one in enumerate(names) if one.startswith(("operator", "bracket")) or one in other_signs]
sign = labels["fit"][:, signs].any(axis=1)
table_of_kinds = np.column_stack([labels["fit"][:, names.index(kind)] for kind in kinds[:5]]
                                 + [np.zeros(len(sign), bool), sign])
table_of_kinds[:, 2] &= ~table_of_kinds[:, 1]                                    # a docstring is a string too
in_text = table_of_kinds[:, :3].any(axis=1)
table_of_kinds[in_text, 3:] = False
is_name = np.array([string.strip().isidentifier() for string in strings])
table_of_kinds[:, 5] = ~table_of_kinds.any(axis=1) & is_name[tokens["fit"]]

def kind_shares(units, kinds_of_tokens):
    """Share of each kind among the strongest 2 % of tokens of every unit that is active on that many:
    (n_units, kinds)."""
    strong = units >= np.maximum(np.quantile(units, 0.98, axis=0), 1e-6)
    return (strong.astype(np.float32).T @ kinds_of_tokens) / np.maximum(strong.sum(axis=0), 1)[:, None]

# %% id="kinds-count"
n_kinds = {}
for name, units in rivals.items():
    shares = np.sort(kind_shares(units["fit"][::2], table_of_kinds[::2]), axis=1)[:, ::-1].cumsum(axis=1)
    n_kinds[name] = 1 + (shares < 0.8 * shares[:, -1:]).sum(axis=1)
    by_count = ", ".join(f"{k}: {100 * (n_kinds[name] == k).mean():2.0f} %" for k in range(1, 6))
    print(f"{name:18} kinds needed: {by_count}")
for rival in ("random directions", "untrained neurons"):
    claim(f"mean number of kinds, {rival} minus neurons",
          n_kinds[rival].mean() - n_kinds["neurons"].mean(), at_least=0.2)

# %% [markdown] id="read-intro"
# Hardly any neuron needs only one kind. But the rivals need not many more, so the count says little: read. First the neuron that came out best for any concept. The frame marks the token looked up; the six places are spread evenly over its strongest 2 % (the top alone flatters):

# %% id="read-tools"
def strongest(neuron):
    """The strongest 2 % of a neuron's tokens in fit, in order."""
    values = neurons["fit"][:, neuron]
    return np.argsort(-values)[:min(len(values) // 50, (values > 0).sum())]

def spread(places, n):
    return places[::max(1, len(places) // n)][:n]

def show_neuron(neuron, places, title):
    return strips.TokenStrips(excerpts("fit", places, neurons["fit"][:, neuron]), title, plots.NEURON)

# %% id="read-one"
best_concept = int(np.argmax(results["neurons"]))
one_neuron = int(found["neurons"][1][best_concept])
show_neuron(one_neuron, spread(strongest(one_neuron), 6),
            f"Neuron {one_neuron}: best for {names[judged[best_concept]]}, "
            f"F1 {results['neurons'][best_concept]:.3f}")

# %% [markdown] id="pair-intro"
# A unit for several unrelated things is called **polysemantic**. Search for one by two concepts: rare (under 2 % of tokens), never on one token, and unrelated for the model too (their mean hidden states, after attention and centred, have a cosine under 0.1). Which neuron's strongest tokens hold most of *both*, by the smaller of the two shares?

# %% id="pair"
rare = judged[labels["fit"][:, judged].mean(axis=0) < 0.02]
seen = labels["fit"][:, rare].astype(np.float32)
centres = unit(seen.T @ (states["fit"]["after attention"] - states["fit"]["after attention"].mean(axis=0)))
unrelated = (centres @ centres.T < 0.1) & (seen.T @ seen == 0)
shares = kind_shares(neurons["fit"], seen) * (density >= 0.02)[:, None]       # (neurons, rare concepts)
smaller = np.minimum(shares[:, :, None], shares[:, None]) * unrelated
two_sided, *pair = map(int, np.unravel_index(smaller.argmax(), smaller.shape))

# %% id="pair-shares"
pair = rare[pair]
shares = {part: kind_shares(neurons[part][:, [two_sided]], labels[part][:, pair])[0] for part in rows}
for part in rows:
    said = [f"{names[j]} {100 * share:.0f} % (of all {100 * labels[part][:, j].mean():.1f} %)"
            for j, share in zip(pair, shares[part])]
    print(f"{part:4} of its strongest tokens: {', '.join(said)}")
claim("the smaller of the two shares, on held", shares["held"].min(), at_least=0.06)

# %% id="read-two"
top = strongest(two_sided)
both = np.concatenate([spread(top[labels["fit"][top, j]], 3) for j in pair])
show_neuron(two_sided, both, f"Neuron {two_sided}: {names[pair[0]]} and {names[pair[1]]}")

# %% [markdown] id="read-three-intro"
# On **held** the shares are much the same. A comma, or the *def* or *class* that begins a definition? This neuron alone cannot say. Last, the neuron whose strongest tokens are spread most evenly over the seven kinds:

# %% id="read-three"
shares = kind_shares(neurons["fit"], table_of_kinds)
many_kinds = int(np.argmax(-(shares * np.log(shares + 1e-9)).sum(axis=1)))
by_kind = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in zip(kinds, shares[many_kinds]))
show_neuron(many_kinds, spread(strongest(many_kinds), 6), f"Neuron {many_kinds}: {by_kind}")

# %% [markdown] id="read-after"
# **What does it stand for?** Three of the six places, the two strongest among them, stand in square brackets: perhaps one concept across all kinds. A count of kinds does not show that a neuron is polysemantic, and people find threads in any six places: lesson 8 will test you.

# %% [markdown] id="layers-intro"
# ## 5.10 Which layer?
#
# Larger models have many blocks. The article says: *early* ones are "often more interpretable due to simpler representations, less superposition"; *middle* ones "exhibit most complex superposition patterns, may contain
# semantically richest features"; *late* ones are "more task-specific". `python-4l` has four blocks, 0 to 3, and your `mlp_post` serves them all:

# %% id="layers"
def through_blocks(some_lm):
    """Two lists over blocks, of {part: (tokens, d)} at `some_tokens`: what the MLP reads (d = 128),
    and its neurons (d = 512)."""
    blocks = some_lm.model.transformer.h
    before_mlp = {i: block.ln_2 for i, block in enumerate(blocks)}
    caught = {part: hidden_states(some_lm, before_mlp, contexts[rows[part]]) for part in rows}
    hidden = [{part: caught[part][i][some_tokens[part]] for part in rows} for i in range(len(blocks))]
    units = [{part: mlp_post({"hidden": x[part], **mlp_weights(block)}).astype(np.float32) for part in rows}
             for x, block in zip(hidden, blocks)]
    return hidden, units

# %% id="layers-load"
deep = transformer.load_lm("python-4l")
# every other token whose successor is there too
some_tokens = {part: np.flatnonzero(np.diff(place[part]) == 1)[::2] for part in rows}
deep_hidden, deep_neurons = through_blocks(deep)

# %% [markdown] id="groups-intro"
# Our concepts can be sorted, beforehand, by where one must look to know them: at the **token** itself (mostly); at its **neighbours**; or **far** back, where something began. The fourth group is the model's task: which concept of the first group the **next** token will have.

# %% id="group-members"
groups = {"token": "keyword_control keyword_return keyword_definition keyword_import keyword_logical "
                   "keyword_exception keyword_constant number_int number_float operator_arithmetic "
                   "operator_comparison comma dot bracket_open bracket_close self dunder_name private_name "
                   "constant_name camel_case builtin exception_name",
          "neighbours": "def_name class_name base_class attribute module_name imported_name loop_variable",
          "far": "comment docstring string_plain string_triple depth_1 depth_2 depth_3 import_line argument "
                 "default_value type_hint condition subscript dict_key comprehension"}

# %% id="groups"
columns = {group: [j for j in judged if names[j] in members.split()] for group, members in groups.items()}
now, later = sum(columns.values(), []), columns["token"]
aims = {part: np.column_stack([labels[part][at][:, now], labels[part][at + 1][:, later]])
        for part, at in some_tokens.items()}
group_of = np.repeat([*columns, "next"], [*map(len, columns.values()), len(later)])
print({group: int((group_of == group).sum()) for group in (*columns, "next")})

# %% [markdown] id="layers-run-intro"
# As in 5.8: the best direction, the best neuron, and the best direction among untrained neurons. **At which block will *far* concepts be read best? Where will the gap between direction and neuron, our sign of superposition, be widest?**

# %% id="layers-run"
by_block = {"direction": np.array([best_directions(units, aims) for units in deep_neurons]),   # (blocks, concepts)
            "neuron": np.array([detectors(units, aims)[0] for units in deep_neurons]),
            "untrained": np.array([best_directions(units, aims)
                                   for units in through_blocks(untrained_copy(deep))[1]])}
medians = {(reader, group): np.median(scores[:, group_of == group], axis=1)
           for reader, scores in by_block.items() for group in (*columns, "next")}

# %% id="layers-figure"
fig, axes = plots.panels(4, height=2.7, sharey=True)
titles = ("token: at once", "neighbours: later", "far: later", "next token: later")
for ax, group, title in zip(axes, (*columns, "next"), titles):
    for reader, style, color in zip(by_block, ("o-", "o-", "o:"), (plots.TRUTH, plots.NEURON, plots.BASELINE)):
        ax.plot(medians[reader, group], style, color=color, label=reader, markersize=4)
    ax.set(title=title, xlabel="block", xticks=range(4), ylim=(0, 1))
axes[0].set_ylabel("median F1, held-out files")
axes[3].legend(loc="upper left", fontsize=8, frameon=False)
plots.show(fig, alt="Median F1 at blocks 0 to 3, one panel per group of concepts. Best directions are high from block 0 on for the token itself and rise with the block for neighbours, far concepts and the next token; best neurons lie well below; untrained directions stay flat.")

# %% [markdown] id="story-intro"
# Gurnee et al. (2023) found something else in seven larger models: superposition early, dedicated neurons for contextual concepts in the middle. One rule for both stories. *Lead*: the best of the blocks that a story names, minus the best of the others; from +0.03 on it is so, from −0.03 down not so. Gaps are taken over concepts that a direction reads (F1 ≥ 0.5) at *every* block, so that what is absent does not
# pass for spread:

# %% id="story"
def lead(values, blocks):
    """How far the best of these blocks is ahead of the best of the others."""
    named_ones = np.isin(np.arange(len(values)), blocks)
    return values[named_ones].max() - values[~named_ones].max()

# %% id="story-verdict"
read_everywhere = (by_block["direction"] >= 0.5).all(axis=0) & (group_of != "next")
gap = np.median((by_block["direction"] - by_block["neuron"])[:, read_everywhere], axis=1)
print("gap by block:", ", ".join(f"{value:.2f}" for value in gap))
n_token = (read_everywhere & (group_of == "token")).sum()
print(f"over {read_everywhere.sum()} concepts, {n_token} of the group token")

# %% id="story-told"
story = {"article: least superposition early": lead(-gap, [0]),
         "article: most superposition in the middle": lead(gap, [1, 2]),
         "article: far concepts read best in the middle": lead(medians["direction", "far"], [1, 2]),
         "article: the next token read best late": lead(medians["direction", "next"], [3]),
         "Gurnee: most superposition early": lead(gap, [0]),
         "Gurnee: best neurons for far concepts in the middle": lead(medians["neuron", "far"], [1, 2])}
for statement, by in story.items():
    verdict = "so it is here" if by >= 0.03 else "not here" if by <= -0.03 else "no clear lead"
    print(f"{statement:52} lead {by:+.2f}: {verdict}")

# %% id="layers-claims"
token, far, ahead = (medians["direction", group] for group in ("token", "far", "next"))
claim("median F1 of the best directions at block 0, token concepts minus far ones",
      token[0] - far[0], at_least=0.2)
claim("the same for far concepts, block 3 minus block 0", far[3] - far[0], at_least=0.15)
claim("the same for the next token, block 3 minus the best before it", ahead[3] - ahead[:3].max(), at_least=0.01)
claim("gap between direction and neuron, block 3 minus the widest before it",
      gap[3] - gap[:3].max(), at_least=0.04)

# %% [markdown] id="layers-after"
# Far concepts are read best at the last block, against the article, and the gap (mostly over token concepts) is widest there, against both. But late neurons may prepare the *next* token: if none stands for the present one, that need not be superposition.

# %% [markdown] id="transfer-intro"
# Last, the reference page: "SAEs work on activations at a specific layer, not on the whole model". Take a concept's direction among the neurons of one block, and read those of *another* with the same 512 weights. **How well, and how well among hidden states?** For neurons: `"a"`: nearly
# as well, the concept is the same. `"b"`: at chance. `"c"`: in between, for later blocks build on earlier ones.

# %% id="predict-transfer"
predict("transfer", "b")

# %% id="transfer"
def mean_auc_read(weights, x):
    """Mean over concepts of the AUC with which weights (d, n_concepts) read x, on every fifth token of held."""
    values, concept = x["held"][::5] @ weights, aims["held"][::5]
    return np.mean([auc(v[c], v[~c]) for v, c in zip(values.T, concept.T) if c.any()])

carried = {}
for name, blocks in (("neurons", deep_neurons), ("hidden states", deep_hidden)):
    weights = [readers(x["fit"], aims["fit"])[:-1] for x in blocks]
    carry = np.array([[mean_auc_read(w, x) for x in blocks] for w in weights])              # (learned at, read at)
    shuffled = np.mean([mean_auc_read(rng.permutation(w), x) for w, x in zip(weights, blocks)])
    carried[name] = np.diag(carry).mean(), carry[~np.eye(len(blocks), dtype=bool)].mean()
    print(f"{name:14} own block {carried[name][0]:.2f}, another {carried[name][1]:.2f}; "
          f"own, with its weights shuffled {shuffled:.2f}")

# %% id="transfer-claims"
claim("mean AUC of directions among neurons, at their own block", carried["neurons"][0], at_least=0.85)
claim("the same at another block (chance is 0.5)", carried["neurons"][1], at_least=0.4, at_most=0.6)
claim("the same at another block, for hidden states", carried["hidden states"][1], at_least=0.7)

# %% [markdown] id="transfer-after"
# A direction among neurons belongs to one layer, and with it an encoder and each of its latents. But every block *adds* to the same 128 numbers of the hidden state, so much of what one has written can still be read at another.

# %% [markdown] id="which-unit"
# ## 5.11 Which unit, then?
#
# The neurons are too few and speak too often. We want more atoms for `mlp_post`, whose codes need no search: a sparse autoencoder. The reference page asks:
#
# > An SAE with dictionary size M = 16,384 is trained on d = 512 dimensional activations. On a typical input, 150 features are nonzero. What is the overcomplete factor? What is the sparsity level? Why does the overcomplete factor need to be much larger than 1?
#
# Answer in numbers, the sparsity level as the percentage of active latents, to two decimals. Why? `"a"`: more latents make each code more exact. `"b"`: superposition puts more features than dimensions into the activations, and each needs an atom of its own. `"c"`: 150 of 512 would be too many for the LASSO to find.

# %% id="page-exercise"
predict("overcomplete-factor", 32)
predict("sparsity-level", 0.92)
predict("why-overcomplete", "b")

# %% [markdown] id="papers-intro"
# ## The papers say / we measured

# %% id="papers-states"
about_states = [
    ("Mikolov et al. 2013, Park et al. 2024: concepts are directions",
     f"prose, from other words: AUC {mean_auc['after attention']:.2f}, "
     f"at the embedding {mean_auc['embedding']:.2f}"),
    ("Arora et al. 2018: word vectors are sparse sums of shared atoms",
     f"{words_ev:.2f} explained by {words_l0:.1f} atoms, more than a Gaussian twin"),
    ("Engels et al. 2024: some features are not one-dimensional",
     "depth read along the best 1, 2, 3 directions: " + ", ".join(f"{value:.2f}" for value in lda[:3]))]

# %% id="papers"
mixed = {name: f"{100 * (count > 1).mean():.0f} %" for name, count in n_kinds.items()}
about_neurons = [
    ("Elhage et al. 2021: the residual stream has no privileged basis, neurons have",
     f"median kurtosis {np.median(spikiness['axes of the hidden state']):.1f} "
     f"and {np.median(spikiness['neurons']):.1f}"),
    ("Gurnee et al. 2023: concepts are spread over neurons, most so in early layers",
     f"direction minus neuron, by block: {' '.join(f'{value:.2f}' for value in gap)}"),
    ("Bricken et al. 2023: most neurons are polysemantic",
     f"two kinds of token or more: {mixed['neurons']}; random directions {mixed['random directions']}")]
print("\n".join(f"{says}\n    here: {measured}" for says, measured in about_states + about_neurons))

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where |
# |---|---|
# | lecture: concepts are low-dimensional linear subspaces of hidden states, especially vectors | prose against code: one direction, shared by words it was not learned from (5.4). Indentation depth: three directions read more than one (5.5) |
# | lecture: low-rankness | not of the whole cloud, which needs more than half of its dimensions for 90 % (5.3); of single concepts (5.4, 5.5) |
# | lecture: finding directions is hard, an algorithm is needed | with labels, a difference of means is enough; without, dictionary learning finds hundreds, unnamed (5.4) |
# | article: least superposition in early layers, most in the middle, late ones task-specific | the gap is widest at the last of four blocks, where the next token is read best (5.10) |
# | reference page: neurons are polysemantic | in lesson 3's toy, where features are rare. Here the count of kinds does not decide, though one neuron answers to two unrelated concepts (5.9). The best neuron passes an F1 of 0.8 for none of 64 concepts, the best direction for 28 (5.8) |
#
# ## Common confusions
#
# - *"The recipe is what the token means."* It is what one dictionary can say in few atoms; another λ or start gives another.
# - *"A direction separates the classes, so the model uses it."* It could be read there. Whether the model reads it, interventions must show (lesson 8).
#
# ## Summary
#
# "Prose" is one direction that words share. Indentation depth bends through two or three. Embeddings and hidden states are sparser in a learned dictionary than their covariance explains. For most concepts the best neuron is clearly behind the best direction.
#
# **Limits.** Two small models of Python code, the deeper one with four blocks and trained once; concepts that Python's tools can label. The best direction had labels; an SAE will have none.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · Mikolov et al., "Linguistic regularities in continuous space word representations" (2013) · Arora et al., "Linear algebraic structure of word senses" (2018) · Elhage et al., "A mathematical framework for transformer circuits" (2021) · Gurnee et al., "Finding
# neurons in a haystack" (2023) · Park et al., "The linear representation hypothesis" (2024) · Engels et al., "Not all language model features are linear" (2024).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 6 · Train an SAE](06_train_sae.ipynb).
