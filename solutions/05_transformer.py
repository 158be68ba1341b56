# %% [markdown] id="title"
# # Lesson 5 · Inside a small transformer
#
# **You will be able to**: write a word as shares of a few atoms, and name the atoms · say what a hidden state is and at which places a model holds one · test, instead of believing, that concepts are directions and hidden states sparse sums of them · tell a concept that needs a plane from one that
# needs a line · compute MLP neurons from hidden states · measure how well the best neuron stands for a concept, and say why the neuron is the wrong unit.
#
# **60 minutes.** You know `z`, the LASSO and atoms (lessons 1 and 2), superposition (lesson 3) and PCA (lesson 4). Nothing about transformers is assumed.

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import activations, concepts, corpus, dictlearn, geometry, interpret, metrics, plots, transformer
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("05_transformer")

# %% [markdown] id="load-intro"
# ## 5.1 A model that has read Python
#
# So far we made our data, or photographed them. From here on they are what a language model computes while it reads. Ours ships with the course and is about as small as a transformer can be:

# %% id="load" tags=["nbval-check-output"]
lm = transformer.load_lm("python-1l")
before = transformer.weight_hash(lm.model)
print(f"{lm.n_layers} block, {lm.d_model} numbers per hidden state, {lm.d_mlp} MLP neurons, {lm.d_vocab} tokens, up to {lm.n_ctx} of them at a time")

# %% [markdown] id="complete-intro"
# Text is cut into **tokens**, pieces frequent enough to have a number of their own. After each token the model gives every token a probability of coming next. **How would you go on after these four beginnings?** The model always takes the likeliest token here (*greedy* decoding), twelve times:

# %% id="complete"
def complete(prompt, n_tokens=12):
    """The prompt, and the n_tokens that the model finds likeliest, one after the other."""
    tokens = [lm.boundary] + lm.tokenizer.encode(prompt).ids
    for _ in range(n_tokens):
        tokens.append(int(transformer.logits(lm, torch.tensor([tokens]))[0, -1].argmax()))
    return lm.tokenizer.decode(tokens[1:])

for prompt in ("try:\n    import json\nexcept", "with open(path) as", "class Stack:\n    def __init__(self", "if x is"):
    print(complete(prompt) + "\n-----")

# %% [markdown] id="complete-after"
# It knows what follows what, it closes what it opens for a while, and it has no idea of the whole. What it knows, it must have stored in its numbers. Where?
#
# ## 5.2 A token is a recipe
#
# The lecture writes a word's vector as a sum of concepts:
#
# > "apple" = 0.09 "dessert" + 0.11 "organism" + 0.16 "fruit" + 0.22 "mobile&IT" + 0.42 "others".
#
# The five numbers add up to 1: they are *shares*. You own every tool to make such a line. The first thing a transformer does is to look up a row of 128 numbers for each token, its **embedding**. These 4,096 rows are our samples; lesson 2 learns atoms from them; and the code of a row is lesson 1's `z`, the non-negative LASSO. We take off
# the mean row, and make every row one of length 1, so that one λ means the same for all:

# %% id="atoms"
def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)

def code(x, D, lam=0.2):
    """Lesson 1's z for each row: min ½‖x − z D‖² + lam ‖z‖₁ with z ≥ 0."""
    return dictlearn.sparse_encode(x, D, lam, positive=True).z

table = lm.model.get_input_embeddings().weight.numpy()
embeddings = unit(table - table.mean(axis=0))                          # (4096 tokens, 128)
start = embeddings[np.random.default_rng(0).permutation(len(embeddings))[:384]]
word_atoms = dictlearn.learn_dictionary(embeddings, start, code, dictlearn.Online(), n_epochs=budget(smoke=1, laptop=8), batch_size=1024).D

# %% [markdown] id="ex-nearest-task"
# Three times as many atoms as dimensions. An atom is 128 numbers and has no name, but it lies in the same space as the tokens. So let its nearest tokens name it.
#
# ### Exercise 5.1 · Name an atom
#
# Difficulty 2 of 5 · 6 minutes · 2 points
#
# Return the positions of the `n` rows of `embeddings` that have the largest **cosine** with `atom`, the largest first. Rows have any length: some tokens are longer than others, and that must not count.
#
# <details><summary>Hint 1 of 3</summary>A cosine is a dot product of two vectors, divided by both lengths. Which of the two lengths differs from token to token?</details>
# <details><summary>Hint 2 of 3</summary><code>embeddings @ atom</code> holds all dot products; <code>np.linalg.norm(embeddings, axis=1)</code> all lengths.</details>
# <details><summary>Hint 3 of 3</summary><code>np.argsort(-cosines)</code> lists positions from the largest cosine down. Take the first <code>n</code>.</details>

# %% id="ex-nearest" exercise="nearest_tokens" difficulty=2 minutes=6 points=2
@exercise
def nearest_tokens(atom, embeddings, n):
    """Positions of the n rows of embeddings (n_tokens, d) with the largest cosine to atom (d,), largest first, as integers.

    >>> print(nearest_tokens(np.array([1.0, 0.0]), np.array([[2.0, 2.0], [0.0, 1.0], [0.5, 0.0]]), 2))
    [2 0]
    """
    ### BEGIN SOLUTION
    cosines = embeddings @ atom / np.linalg.norm(embeddings, axis=1)
    return np.argsort(-cosines)[:n]
    ### END SOLUTION

# %% [markdown] id="names-intro"
# Here are twelve atoms, chosen without looking: every 32nd, in the order of how many tokens use them. **Give each a name.** Some will refuse.

# %% id="names"
strings = np.array(interpret.token_strings(lm.tokenizer, range(lm.d_vocab)), dtype=object)

def name(atom, n=5):
    return " ".join(repr(strings[token])[1:-1].replace(" ", "␣") for token in nearest_tokens(atom, embeddings, n))

word_codes = code(embeddings, word_atoms)
users = (word_codes > 0).sum(axis=0)
for atom in np.argsort(-users)[::32]:
    print(f"in {users[atom]:3} tokens: {name(word_atoms[atom])}")

# %% [markdown] id="ex-recipe-task"
# (␣ is a blank; tokens that begin a word carry it.) Most lines have something in common: a kind of word, an ending, a stretch of letters, a sign. Nobody asked for that. The loss asked for few atoms and small errors, and such atoms came out.
#
# ### Exercise 5.2 · The recipe
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# `z` is the code of one sample, not negative. Return three things: the positions of its `n` largest entries, the largest first; their **shares** of the sum of all entries; and the share of all the others together. The shares and the last number add up to 1.
#
# <details><summary>Hint 1 of 3</summary>In the lecture's line, what is the whole of which 0.22 is a share?</details>
# <details><summary>Hint 2 of 3</summary><code>which = np.argsort(-z)[:n]</code> are the atoms; <code>z[which]</code> their coefficients.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>z.sum()</code>. The others hold <code>1 - shares.sum()</code>.</details>

# %% id="ex-recipe" exercise="recipe" difficulty=2 minutes=6 points=3
@exercise
def recipe(z, n):
    """(which, shares, others) of a code z (n_atoms,) >= 0: its n largest entries' positions (n,), their shares (n,) of z.sum(), and the rest's share.

    >>> which, shares, others = recipe(np.array([0.0, 3.0, 1.0]), 1)
    >>> print(which, shares, others)
    [1] [0.75] 0.25
    """
    ### BEGIN SOLUTION
    which = np.argsort(-z)[:n]
    shares = z[which] / z.sum()
    return which, shares, 1 - shares.sum()
    ### END SOLUTION

# %% id="recipes"
def in_words(z, D, n=4):
    """The lecture's line for one code."""
    which, shares, others = recipe(z, n)
    return " + ".join(f"{share:.2f} ⟨{name(D[atom], 3)}⟩" for atom, share in zip(which, shares) if share > 0.005) + f" + {others:.2f} others"

for word in (" matrices", " for", "Node", " self", "ValueError"):
    token = lm.tokenizer.encode(word).ids[-1]
    print(f"{strings[token]!r} = {in_words(word_codes[token], word_atoms)}\n")

# %% [markdown] id="recipes-after"
# There they are, lines like the lecture's. Before we believe in them: a LASSO gives *every* vector such a line, and nearest tokens name every direction. What would a recipe look like that means nothing? It would need many atoms, and still miss. So we need a comparison that is fair: data with the same mean and the same covariance, and nothing else
# in common with embeddings. A **Gaussian twin**. If embeddings are sparse in a way that second moments do not explain, they need fewer atoms than their twin, and are explained better. Dictionary and score use different samples:

# %% id="twin"
def sparsity_test(x, n_atoms, n_epochs, lam, seed=0):
    """For x and its Gaussian twin: (explained variance, atoms per sample) on the quarter of the samples not learned from."""
    rng = np.random.default_rng(seed)
    twin = unit(rng.multivariate_normal(np.zeros(x.shape[1]), np.cov(x.T), size=len(x), method="cholesky").astype(np.float32))
    scores = []
    for samples in (x[rng.permutation(len(x))], twin):
        train, test = samples[len(x) // 4:], samples[:len(x) // 4]
        D = dictlearn.learn_dictionary(train, train[:n_atoms], lambda x, D: code(x, D, lam), dictlearn.Online(), n_epochs, 1024).D
        z = code(test, D, lam)
        scores.append((metrics.explained_variance(test, z @ D), (z > 0).sum(axis=1).mean()))
    return scores

# %% id="twin-words"
(words_ev, words_l0), (twin_ev, twin_l0) = sparsity_test(embeddings, 384, budget(smoke=1, laptop=6), lam=0.2)
print(f"embeddings: {words_ev:.2f} explained by {words_l0:.1f} atoms; Gaussian twin: {twin_ev:.2f} by {twin_l0:.1f}")
claim("explained variance, embeddings minus twin", words_ev - twin_ev, at_least=0.05)
claim("atoms per sample, twin minus embeddings", twin_l0 - words_l0, at_least=0.5)

# %% [markdown] id="twin-after"
# More explained with fewer atoms, so the hypothesis survives. And its limit stands in the same line: at this price most of a *new* token's embedding is left unexplained. The recipes are a good beginning of a story, not the vector.

# %% [markdown] id="stations-intro"
# ## 5.3 Three stations
#
# The lecture means more than a table: its "apple" is a **hidden state**, the vector that stands for a token *in its context*. In our model the 128 numbers of a token pass three stations:
#
# 1. **embedding**: the token's row, plus a row for its position. It knows nothing of the other tokens.
# 2. **after attention**: attention has looked at earlier tokens and *added* what it found there.
# 3. **after MLP**: 512 neurons have read the second station, and *added* their output. From here the next token is predicted.
#
# A hook writes down what passes by; nothing in the model is changed. We take files the model was not trained on, and split them: **fit** for everything that is learned or chosen, **held** for every score. No file is in both:

# %% id="stations"
block = lm.model.transformer.h[0]
stations = {"embedding": block.ln_1, "after attention": block.ln_2, "after MLP": lm.model.transformer.ln_f}

def hidden_states(contexts):
    """What enters each station, at every token but the boundary: {station: (tokens, 128)}."""
    caught = {name: [] for name in stations}
    handles = [module.register_forward_pre_hook(lambda _module, inputs, name=name: caught[name].append(inputs[0])) for name, module in stations.items()]
    with torch.inference_mode():
        for part in torch.from_numpy(contexts.astype(int)).split(32):
            lm.model.base_model(input_ids=part, use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: torch.cat(parts).numpy()[contexts != lm.boundary] for name, parts in caught.items()}

# %% id="data"
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
contexts = corpus.contexts(text, lm.n_ctx, lm.boundary)
n = budget(smoke=24, laptop=240, gpu=400)
rows = {"fit": np.arange(0, 3 * n, 3), "held": np.arange(len(contexts) - 3 * n // 2, len(contexts), 3)}       # every third context
tokens = {part: contexts[rows[part]][contexts[rows[part]] != lm.boundary].astype(int) for part in rows}
states = {part: hidden_states(contexts[rows[part]]) for part in rows}
print({part: f"{len(tokens[part]):,} tokens" for part in rows})

# %% [markdown] id="labels-intro"
# And the truth: Python's own tokenizer and parser say of each token what it is. `saekit.concepts` asks them:

# %% id="labels"
names = list(concepts.CONCEPTS)
labels, depths = {}, {}
for part in rows:
    keep = contexts[rows[part]] != lm.boundary
    labels[part] = concepts.label_stream(text, lm.tokenizer, lm.n_ctx, rows[part])[keep]                # (tokens, concepts), True or False
    depths[part] = concepts.depth_stream(text, lm.tokenizer, lm.n_ctx, rows[part])[keep]                # (tokens, 2): bracket, indent
print(f"{len(names)} concepts, such as: {', '.join(names[::9])}")

# %% [markdown] id="ex-dimensions-task"
# ### Exercise 5.3 · How many dimensions?
#
# Difficulty 2 of 5 · 6 minutes · 3 points
#
# "Low-rankness" is the lecture's other word about hidden states: they are said to fill only few of their dimensions. Return the smallest number of principal directions (lesson 4) that hold at least `share` of the variance of `x`.
#
# <details><summary>Hint 1 of 3</summary>Variances along principal directions are squared singular values, of what?</details>
# <details><summary>Hint 2 of 3</summary><code>squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2</code>, largest first; <code>np.cumsum(squares) / squares.sum()</code> is the share of the first 1, 2, 3, …</details>
# <details><summary>Hint 3 of 3</summary>Count how many of these shares are still too small. One direction more is enough.</details>

# %% id="ex-dimensions" exercise="dimensions_for" difficulty=2 minutes=6 points=3
@exercise
def dimensions_for(x, share):
    """Smallest number of principal directions that together hold at least `share` of the variance of x (n, d), as one number.

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
noise = np.random.default_rng(0).normal(size=(20_000, lm.d_model)).astype(np.float32)
clouds = {**{name: states["fit"][name][:20_000] for name in stations}, "noise": noise}
for name, cloud in clouds.items():
    print(f"{name:16} 50 % in {dimensions_for(cloud, 0.5):3}, 90 % in {dimensions_for(cloud, 0.9):3}, 99 % in {dimensions_for(cloud, 0.99):3} directions")
ninety = dimensions_for(clouds["after attention"], 0.9)
claim("directions that hold 90 % of the variance after attention", ninety, at_least=40, at_most=100)
claim("the same for noise, minus that", dimensions_for(noise, 0.9) - ninety, at_least=10)

# %% [markdown] id="spectrum-after"
# A few directions are strong, and the tail is long. So this cloud is uneven, but it is not low-rank in any sense that would make it small: a model with 128 dimensions for thousands of things has no room to leave empty. What the hypothesis claims to be low-dimensional is not the cloud. It is each **concept** in it.
#
# ## 5.4 A concept that is a line
#
# Now our "apple". *for*, *in*, *is*, *and*, *or*, *not*, *as* are keywords of Python, and English words in comments and docstrings. The tokens are the same, `␣for` here and there, so station 1 cannot tell the two uses apart. **Can station 2? And if it can for *for*, does it say so in the same way for *is*?**
#
# The **linear representation hypothesis** says yes, and yes: "this is prose" is a direction, the same for all words. To test it, we find the direction of a word from the *other* words only: the mean hidden state of their prose uses minus that of their code uses, in files of **fit**. Then we ask, in files of **held**, how often a prose use of our word
# lies farther along it than a code use (the *AUC*: 0.5 is chance, 1 is always):

# %% id="prose-tools"
words = [" for", " in", " is", " and", " or", " not", " as"]
prose = {part: labels[part][:, [names.index("comment"), names.index("docstring")]].any(axis=1) for part in rows}
uses = {(part, word): tokens[part] == lm.tokenizer.encode(word).ids[0] for part in rows for word in words}

def prose_direction(station, some_words):
    """Unit vector from code to prose: the mean over words of the difference of their mean states, on fit."""
    x = states["fit"][station]
    return unit(np.mean([x[uses["fit", w] & prose["fit"]].mean(axis=0) - x[uses["fit", w] & ~prose["fit"]].mean(axis=0) for w in some_words], axis=0))

def auc(high, low):
    """Share of pairs in which the value from `high` is larger; a tie counts half."""
    return ((high[:, None] > low).mean() + (high[:, None] >= low).mean()) / 2

# %% id="prose"
aucs = {}
for word in words:
    inside = {station: states["held"][station] @ prose_direction(station, [w for w in words if w != word]) for station in stations}
    here, is_prose = uses["held", word], prose["held"]
    aucs[word] = [auc(s[here & is_prose], s[here & ~is_prose]) for s in inside.values()]
    print(f"{word!r:7} {here.sum():4} uses, {100 * is_prose[here].mean():3.0f} % prose;  AUC " + "  ".join(f"{station} {value:.2f}" for station, value in zip(stations, aucs[word])))

# %% id="prose-claims"
mean_auc = dict(zip(stations, np.mean(list(aucs.values()), axis=0)))
claim("mean AUC at the embedding (chance is 0.5)", mean_auc["embedding"], at_least=0.3, at_most=0.7)
claim("mean AUC after attention, direction from other words", mean_auc["after attention"], at_least=0.9)

# %% [markdown] id="prose-after"
# Station 1 guesses, as it must (what it has beside the token is only the position). After attention, a direction that has never seen *for* tells its two uses apart almost without error. Nobody built that direction in. In the picture every dot is one use of a word:

# %% id="prose-figure"
direction = prose_direction("after attention", words)
along = states["held"]["after attention"] @ direction
fig, ax = plots.panels(height=2.9)
groups = [(along[uses["held", w] & ~prose["held"]], along[uses["held", w] & prose["held"]]) for w in words]
plots.two_uses(ax, [w.strip() for w in words], groups, ("in code", "in comments and docstrings"))
ax.set(title="One direction says “prose” for seven words", xlabel="hidden state after attention, along the direction")
plots.show(fig, alt="For each of seven words a row of dots along one direction: uses in code lie to the left, uses in comments and docstrings to the right, with little overlap.")

# %% [markdown] id="recipe-context-intro"
# So the *contextual* part of a word can be an atom. Back to recipes, now for hidden states: learn atoms from station 2, with samples of **fit**. Then take one use of *is* in code and one in prose, from **held**, and write both recipes. **Which ingredients will they share?**

# %% id="state-atoms"
samples = np.random.default_rng(1).permutation(len(tokens["fit"]))[:budget(smoke=800, laptop=12_000)]
centre = states["fit"]["after attention"].mean(axis=0)
x_states = unit(states["fit"]["after attention"][samples] - centre)
state_atoms = dictlearn.learn_dictionary(x_states, x_states[:512], lambda x, D: code(x, D, 0.15), dictlearn.Online(), n_epochs=budget(smoke=1, laptop=5), batch_size=1024).D

def state_code(x):
    return code(unit(x - centre), state_atoms, 0.15)

# %% id="is-recipes"
held_states = states["held"]["after attention"]
use_codes = {(word, use): state_code(held_states[uses["held", word] & (prose["held"] == (use == "prose"))]) for word in words for use in ("code", "prose")}
for word, use in ((" is", "code"), (" is", "prose"), (" for", "code"), (" for", "prose")):
    print(f"{word!r} in {use} = {in_words(use_codes[word, use].mean(axis=0), state_atoms)}\n")

# %% [markdown] id="shared-intro"
# (Averaged over all uses in **held**; a single use has a shorter recipe of the same kind.) Names come from embeddings, so an ingredient that says what the *token* is has a good name, and one that says where it *stands* has a strange one: no token means "in a comment". Let us look for it by its behaviour: the atom that grows most from code to prose,
# **on average over six words**; then see what it does for the seventh:

# %% id="shared"
growth = {word: use_codes[word, "prose"].mean(axis=0) - use_codes[word, "code"].mean(axis=0) for word in words}
for word in words:
    others = np.mean([growth[w] for w in words if w != word], axis=0)
    atom = int(np.argmax(others))
    print(f"{word!r:7} atom {atom:3}: {use_codes[word, 'code'][:, atom].mean():.3f} in code, {use_codes[word, 'prose'][:, atom].mean():.3f} in prose")
claim("words whose prose atom, chosen on the other words, is larger in prose", sum(growth[w][np.argmax(np.mean([growth[v] for v in words if v != w], axis=0))] > 0 for w in words), at_least=6)

# %% [markdown] id="shared-after"
# A shared ingredient: an atom that was learned without any labels, from all kinds of tokens, and that enters the recipe of each of these words when it stands in prose. In the running notebook choose a word and a use:

# %% id="explore-draw"
def bars(ax, word, use):
    """The recipe of a word in one use, as bars."""
    which, shares, others = recipe(use_codes[word, use].mean(axis=0), 6)
    plots.recipe_bars(ax, [name(state_atoms[atom], 2) for atom in which], shares, others)
    ax.set_title(f"{word.strip()} in {use}")

# %% id="explore"
stills = [{"word": " is", "use": "code"}, {"word": " is", "use": "prose"}, {"word": " and", "use": "prose"}]
explore(bars, stills=stills, word=words, use=["code", "prose"],
        alt="Bars with the shares of the six largest atoms of: is in code, is in prose, and in prose; each has a grey bar for all other atoms, which is the longest.")

# %% [markdown] id="twin-states-intro"
# "Others" is the longest bar, as in the lecture's line. Is the sum of many small others any sparser than chance? The same test as for embeddings, on hidden states. **Expect more or less of a gap?**

# %% id="twin-states"
(states_ev, states_l0), (twin_ev, twin_l0) = sparsity_test(x_states[:budget(smoke=800, laptop=6000)], 384, budget(smoke=1, laptop=4), lam=0.15)
print(f"hidden states: {states_ev:.2f} explained by {states_l0:.1f} atoms; Gaussian twin: {twin_ev:.2f} by {twin_l0:.1f}")
claim("explained variance, hidden states minus twin", states_ev - twin_ev, at_least=0.06)
claim("atoms per sample, twin minus hidden states", twin_l0 - states_l0, at_least=1.5)

# %% [markdown] id="twin-states-after"
# Lesson 0 called sparsity of hidden states a hypothesis. This is its first test here, and it passes: more is explained, with fewer atoms. Passing does not say that *these* atoms are the model's own; another start gives others (lesson 9).
