# %% [markdown] id="title"
# # Lesson 8 · Test the features
#
# **You will be able to**: take one latent out of a running model and measure what is lost · clamp and steer, and compare with pushes of the same size · probe fairly: same number of candidates, thresholds from other files · give every latent the four marks of a good feature · score explanations and rate blindly · say what a "safety feature" does not show.
#
# **60 minutes.** (With every exercise, 90.) You know the model (lesson 5), the SAE (lesson 6), and how to read a latent (lesson 7).

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
import torch
from saekit import (activations, concepts, corpus, explain, intervene, interpret, plots, probing, ratings, readout,
                    sae as saes, scores, strips, transformer)
from saekit.course import begin, budget, claim, exercise, predict, progress
begin("08_test_features")

# %% [markdown] id="load-intro"
# ## 8.1 A label is a hypothesis
#
# In lesson 7 you read latents: where they fire, what they promote. Reading is correlation, and readers are generous. A hypothesis must predict something that could fail. This lesson tests labels in five ways: take the latent away; push it up; use it as a classifier; let a judge use the explanation; ask people who do not know what they rate. Each test has a rival that knows nothing.
#
# The files are split in two halves by a hash of their names. **train** is for everything chosen; **held** for every score.

# %% id="load"
lm = transformer.load_lm("python-1l")
sae = saes.load_sae(transformer.data_folder() / "saes" / "python-1l-topk-4096").requires_grad_(False)
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
every = corpus.contexts(text, lm.n_ctx, lm.boundary)
which = np.linspace(0, len(every) - 1, budget(smoke=30, laptop=120, gpu=400)).astype(int)  # spread over all files
contexts = every[which]
keep = contexts != lm.boundary
file_of = explain.file_of_rows(text, contexts, lm.boundary, which)    # (rows,) index of the file
train = explain.train_half(text, file_of)                             # (rows,) True or False

# %% id="data"
neurons = activations.harvest(lm, contexts).numpy()
latents = interpret.sparse_latents(sae, neurons)
grid = concepts.label_stream(text, lm.tokenizer, lm.n_ctx, which)
labels, names = grid[keep], list(concepts.CONCEPTS)
# properties that formulas are made of
properties = explain.make_properties(contexts, grid, lm.tokenizer, lm.boundary)
density = np.diff(latents.indptr) / len(neurons)
print(f"{len(neurons):,} tokens, {100 * train.mean():.0f} % of them in train files; "
      f"{(density > 0).sum():,} of {sae.d_sae:,} latents fire here")

# %% [markdown] id="choose-intro"
# Which latents shall we test? Not those that we like, and not a number we remember: for each concept, **the latent with the best F1 on train**, counting a latent as a detector that fires above 0.

# %% id="choose"
fires, truth = (latents[train] > 0).astype(np.float32), labels[train].astype(np.float32)
both = fires.T @ truth                                                        # (latents, concepts)
train_f1 = 2 * both / np.maximum(np.asarray(fires.sum(axis=0)).T + truth.sum(axis=0), 1)
best = {name: int(train_f1[:, i].argmax()) for i, name in enumerate(names) if truth[:, i].sum() >= 20}
for name in sorted(best, key=lambda name: -train_f1[best[name], names.index(name)])[:6]:
    print(f"{name:20} latent {best[name]:4}, F1 on train {train_f1[best[name], names.index(name)]:.2f}, "
          f"fires on {100 * density[best[name]]:.2f} % of tokens")

# %% [markdown] id="ex-change-task"
# ## 8.2 Take it away
#
# The SAE writes neurons as x = x̂ + error. To change one latent, most of us would edit the code and put the new x̂ in place of x. But then the error disappears too, and the model suffers for that, not for our edit. The cure: add only the **difference**.
#
# ### Exercise 8.1 · Change one latent, keep the rest
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# Rows `x`, of which one latent has the values `old`, and its `atom` (row of W_dec). Return x' = x + (new − old) · atom for every row. `new` is one number or one per row.
#
# <details><summary>Hint 1 of 3</summary>Every row moves along the same atom, but by its own distance.</details>
# <details><summary>Hint 2 of 3</summary><code>new - old</code> has one number per row, shape (n,). The result needs (n, d_in).</details>
# <details><summary>Hint 3 of 3</summary><code>(new - old)[:, None] * atom</code> is what to add to <code>x</code>.</details>

# %% id="ex-change" exercise="change_latent" difficulty=1 minutes=5 points=2
@exercise
def change_latent(x, old, new, atom):
    """x + (new - old) atom, row by row: x (n, d_in), old (n,), new a number or (n,), atom (d_in,).

    >>> print(change_latent(np.array([[1.0, 1.0]]), np.array([2.0]), 0.0, np.array([0.0, 0.5])))
    [[1. 0.]]
    """
    ### BEGIN SOLUTION
    return x + (new - old)[:, None] * atom
    ### END SOLUTION

# %% [markdown] id="setting-intro"
# Inside the running model, at every token (`intervene.spliced` puts what it returns in place of the neurons):

# %% id="setting"
def setting(latent, value, atom=None):
    """Neurons with one latent set to a value, a number or a function of its own values;
    atom: another direction to go along."""
    atom = sae.W_dec[latent].numpy() if atom is None else atom
    def replacement(x):
        old = sae.encode(x)[:, latent].numpy()
        new = value(old) if callable(value) else value
        return torch.from_numpy(change_latent(x.numpy(), old, new, atom).astype(np.float32))
    return replacement

def run(replacement, block):
    return intervene.spliced(transformer.logits, lm, block, 0, replacement)

# %% [markdown] id="null-intro"
# Two tests of the tool before we use it. Setting a latent to **its own value** must change nothing; so must **ablating** (setting to 0) one that does not fire. And the naive way, the edited x̂ in place of x?

# %% id="null" tags=["nbval-check-output"]
block = torch.from_numpy(contexts[:4].astype(int))
inside = sae.encode(activations.harvest(lm, contexts[:4])).sum(dim=0)
loud, silent = int(inside.argmax()), int(inside.argmin())
clean = run(None, block)
own_value = run(setting(loud, lambda z: z), block)
print("own value: no logit changes by more than 1e-4:", bool((own_value - clean).abs().max() <= 1e-4))
print("ablating a silent latent: exactly the same logits:", torch.equal(run(setting(silent, 0.0), block), clean))
print("putting x̂ in place of x changes a logit by more than 1:", bool((run(sae, block) - clean).abs().max() > 1))

# %% [markdown] id="ex-loss-task"
# The naive way changes logits although *nothing* was edited.
#
# ### Exercise 8.2 · What the next token lost
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Given logits without and with the change, (n, d_vocab) each, and the tokens that really came next, return the **change of the loss** of each prediction in nats: −log p after, minus −log p before. Above 0: the model predicts worse. Logits may be large.
#
# <details><summary>Hint 1 of 3</summary>log p of a token is its logit minus log of the sum of exp over all logits of that row.</details>
# <details><summary>Hint 2 of 3</summary>exp of a large number overflows. Subtracting each row's largest logit first changes no probability.</details>
# <details><summary>Hint 3 of 3</summary>With <code>top = logits.max(axis=1, keepdims=True)</code>, the loss is <code>np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(n), targets]</code>. Changed minus clean.</details>

# %% id="ex-loss" exercise="loss_change" difficulty=2 minutes=8 points=3
@exercise
def loss_change(clean, changed, targets):
    """Loss with the change minus loss without, in nats, of each prediction: (n,).
    clean, changed (n, d_vocab) logits, targets (n,) ints.

    >>> print(loss_change(np.array([[0.0, 0.0]]), np.array([[0.0, np.log(3)]]), np.array([0])).round(3))
    [0.693]
    """
    ### BEGIN SOLUTION
    def loss(logits):
        top = logits.max(axis=1, keepdims=True)
        return np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(len(targets)), targets]
    return loss(changed) - loss(clean)
    ### END SOLUTION

# %% [markdown] id="ablate-intro"
# Now a concept that we name before looking, `keyword_import` (or, where no latent is good for it, `self`), and its best latent. We ablate it in the held-out contexts where it fires most often. **Will its absence be felt everywhere, or only where it fires? And is it always bad?**

# %% id="ablate"
subject = next(name for name in ("keyword_import", "self", *best) if name in best)
latent = best[subject]
on = np.zeros(contexts.shape, dtype=np.float32)
on[keep] = latents[:, [latent]].toarray()[:, 0]
held_contexts = np.zeros(contexts.shape, dtype=bool)
held_contexts[keep] = ~train
chosen = np.argsort(-((on > 0) & held_contexts).sum(axis=1))[:8]
block = torch.from_numpy(contexts[chosen].astype(int))
clean, changed = run(None, block)[:, :-1].numpy(), run(setting(latent, 0.0), block)[:, :-1].numpy()

# %% id="ablate-loss"
targets, active = contexts[chosen][:, 1:].astype(int), on[chosen][:, :-1] > 0
delta = loss_change(clean.reshape(-1, lm.d_vocab), changed.reshape(-1, lm.d_vocab), targets.ravel())
delta = delta.reshape(targets.shape)
print(f"latent {latent}, best for {subject!r}: fires on {active.sum()} of these {active.size} tokens")
print(f"where it fires: mean change {delta[active].mean():+.3f} nats, "
      f"worse at {100 * (delta[active] > 0).mean():.0f} % of tokens")
print(f"elsewhere:      largest change {np.abs(delta[~active]).max():.1e} nats")

# %% id="ablate-where" tags=["nbval-check-output"]
print("not a single prediction changes where the latent is silent:", bool(np.abs(delta[~active]).max() < 1e-3))

# %% [markdown] id="probabilities-intro"
# In this model, attention comes *before* the neurons and nothing comes after them, so an ablation is felt at its own token only; in deeper models it spreads to later tokens. The lecture asks how ablation changes **prediction probabilities**. Nats alone do not say: a token that was unlikely anyway can lose nats while hardly any probability moves. At the place where ablation costs most:

# %% id="probabilities"
row, place = np.unravel_index(np.where(active, delta, -np.inf).argmax(), delta.shape)
before, after = (torch.tensor(part[row, place]).softmax(-1).numpy() for part in (clean, changed))
seen = "".join(interpret.token_strings(lm.tokenizer, contexts[chosen[row], max(1, place - 8):place + 1]))
print(f"after … {seen!r}, what came was {interpret.token_strings(lm.tokenizer, [targets[row, place]])[0]!r}")
for token in np.argsort(-np.abs(after - before))[:6]:
    print(f"  {interpret.token_strings(lm.tokenizer, [token])[0]!r:14} {before[token]:.3f} → {after[token]:.3f}")
print(f"  what came      {before[targets[row, place]]:.2g} → {after[targets[row, place]]:.2g}")

# %% [markdown] id="every-intro"
# One latent is an anecdote. Since tokens do not disturb each other here, one pass can ablate a *different* latent at every token, one of those that fire there, drawn in favour of the rare ones: each a proper experiment. The rival: the same distance along a random direction.

# %% id="every"
some = contexts[::budget(smoke=4, laptop=1)]
def experiments(control):
    """(latents, changes of loss) of one ablation per token, each text read twice with other latents."""
    seeds = range(budget(smoke=1, laptop=2))
    runs = [intervene.ablate_one_each(sae, lm, some, density, seed, control) for seed in seeds]
    return np.concatenate([one[0] for one in runs]), np.concatenate([one[2] for one in runs])

(which_latent, change), (_, random_change) = experiments(False), experiments(True)
for name, values in (("one latent", change), ("random direction, same length", random_change)):
    print(f"{name:30} mean change {values.mean():+.4f} nats, mean |change| {np.abs(values).mean():.4f}, "
          f"worse at {100 * (values > 0).mean():.0f} % of tokens")
difference = change - random_change
print(f"latent minus random direction: {difference.mean():+.4f} nats, "
      f"standard error {difference.std() / len(difference) ** 0.5:.4f}")
claim("mean change of loss when a latent that fires is ablated (nats)", change.mean(), at_least=0.0)

# %% [markdown] id="every-after"
# Many ablations *help* the token that happened to come, so "worse" must be a mean over many tokens, never one example. And a random push hurts too, since a trained model is tuned to its own activations. Only what exceeds the rival's line belongs to the latent, and here, on the average over such draws, nothing does: look at the difference and its error. (That error counts tokens as independent, which they are not; by contexts, as in lesson 9, it would be larger. The same holds for the causal mark in 8.5, which is why it has a control.)
#
# ## 8.3 Push it up
#
# Ablation works where the latent fires. **Clamping** sets it to a value everywhere, so we can ask what it would cause. Any large push changes a model's output; what must be shown is that *this* direction does what its label says, and others of the same length do not.
#
# ### Exercise 8.3 · Pushes of the same size
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# Return every row of `noise` scaled to the length of `atom`, its direction unchanged.
#
# <details><summary>Hint 1 of 3</summary>Divide by what a row has, multiply by what it should have.</details>
# <details><summary>Hint 2 of 3</summary><code>np.linalg.norm(noise, axis=1, keepdims=True)</code> holds each row's own length.</details>
# <details><summary>Hint 3 of 3</summary><code>noise / lengths * np.linalg.norm(atom)</code></details>

# %% id="ex-control" exercise="control_directions" difficulty=1 minutes=5 points=2
@exercise
def control_directions(atom, noise):
    """The rows of noise (n, d), each scaled to the length of atom (d,).

    >>> print(control_directions(np.array([0.0, 2.0]), np.array([[3.0, 0.0]])))
    [[2. 0.]]
    """
    ### BEGIN SOLUTION
    return noise / np.linalg.norm(noise, axis=1, keepdims=True) * np.linalg.norm(atom)
    ### END SOLUTION

# %% [markdown] id="steer-intro"
# A completion of code can be judged by what it contains. For six things we write down beforehand what their text looks like. The hypothesis comes from reading, and from weights alone: by the **logit lens** (lesson 7), which latent, at its **usual top value** (99 % of its firings stay below; 0 for those with fewer than ten), lifts that token's logit farthest above the logit of every other token?

# %% id="steer-choose"
LOOKS = {"a comment": "#", "a docstring": '"""', "an exception": "raise", "a return": "return",
         "an import": "import", "an object's own": "self"}
strings = np.array(interpret.token_strings(lm.tokenizer, range(lm.d_vocab)), dtype=object)
usual_top = np.array([np.quantile(column, 0.99) if len(column := latents.data[a:b]) >= 10 else 0
                      for a, b in zip(latents.indptr, latents.indptr[1:])])
lens = readout.logit_lens(lm, sae.W_dec, readout.final_scale(lm, contexts[:32])).numpy()  # (latents, tokens)
written_as = {name: [i for i, one in enumerate(strings) if one.strip() == look] for name, look in LOOKS.items()}
margin = {name: (lens[:, ids].max(axis=1) - np.delete(lens, ids, axis=1).max(axis=1)) * usual_top
          for name, ids in written_as.items() if ids}
writer = {name: int(values.argmax()) for name, values in margin.items() if values.max() > 0}

# %% [markdown] id="steer-test-intro"
# Each of these latents is clamped to six times its usual top value on 24 beginnings from *train* files. The one whose text then appears in the most additional completions is measured on 200 beginnings from *held* files.

# %% id="steer-prompts"
starts = np.flatnonzero((every[:, 1:15] != lm.boundary).all(axis=1))
first = corpus.contexts(text, lm.n_ctx, lm.boundary)[starts, :2]
file_of_first = explain.file_of_rows(text, first, lm.boundary, starts * (lm.n_ctx - 1))
is_train = explain.train_half(text, file_of_first)  # side of each first token
wanted = {"train": starts[is_train][:24], "held": starts[~is_train]}
wanted["held"] = wanted["held"][np.linspace(0, len(wanted["held"]) - 1, budget(smoke=24, laptop=200)).astype(int)]
prompts = {half: torch.from_numpy(every[rows, :13].astype(int)) for half, rows in wanted.items()}

# %% id="steer-train"
def completions(replacement, half):
    """Eight tokens written after each beginning of a half."""
    return intervene.generate(lm, prompts[half], 8, 0, replacement)[:, 13:].tolist()

def share(written, name):
    return np.mean([LOOKS[name] in lm.tokenizer.decode(row) for row in written])

unsteered = completions(None, "train")
gain = {name: share(completions(setting(i, 6 * usual_top[i]), "train"), name) - share(unsteered, name)
        for name, i in writer.items()}
steered = max(gain, key=gain.get)
latent, atom = writer[steered], sae.W_dec[writer[steered]].numpy()
print("; ".join(f"{name} {value:+.2f}" for name, value in gain.items()) + f"\nchosen: {steered}, latent {latent}")
print("no latent lifts the token above all others for:", ", ".join(set(LOOKS) - set(gain)) or "none")

# %% [markdown] id="dose-intro"
# The **dose–response curve**, on held-out beginnings: the share of completions that contain the text, at 0 to 8 times the usual top value; beside it the same pushes along random directions (four of them, a quarter of the prompts each). **Predict: at which multiple does the curve leave the grey one? And does it ever come down again?**

# %% id="dose"
doses = (0, 1, 2, 4, 8)[:budget(smoke=3, laptop=5)]
randoms = control_directions(atom, np.random.default_rng(0).normal(size=(4, lm.d_mlp)))
def random_push(amount):
    def replacement(x):
        return x + amount * torch.from_numpy(randoms.astype(np.float32)[np.arange(len(x)) * 4 // len(x)])
    return replacement

written = {dose: completions(setting(latent, dose * usual_top[latent]) if dose else None, "held")
         for dose in doses}
rival_written = {dose: completions(random_push(dose * usual_top[latent]) if dose else None, "held")
               for dose in doses}
curve, rival_curve = ([share(part[dose], steered) for dose in doses] for part in (written, rival_written))

# %% id="dose-variety"
def different_tokens(written):
    """Mean share of different tokens in a completion."""
    return np.mean([len(set(row)) / len(row) for row in written])

variety = [[different_tokens(part[dose]) for dose in doses] for part in (written, rival_written)]

# %% id="dose-figure"
fig, axes = plots.panels(2, height=2.8)
for ax, pair in zip(axes, ((curve, rival_curve), variety)):
    ax.plot(doses, pair[0], "o-", color=plots.LATENT, label="the latent")
    ax.plot(doses, pair[1], "o-", color=plots.BASELINE, label="random directions")
    ax.set(xlabel="dose (times its usual top value)")
axes[0].set(title=f"What the push does: {LOOKS[steered]} appears",
            ylabel=f"completions with {LOOKS[steered]}", ylim=(-0.03, 1.03))
axes[1].set(title="… and what it costs", ylabel="share of different tokens", ylim=(0, 1.03))
axes[0].legend()
plots.show(fig, alt="Left: share of completions that contain the concept's text against dose, for the latent and for random directions of the same length. Right: share of different tokens in a completion, for both.")

# %% id="dose-claims"
lift, rival_lift = max(curve) - curve[0], max(rival_curve) - curve[0]
print(f"{len(written[0])} held-out beginnings: {curve[0]:.2f} unsteered, up to {max(curve):.2f} with the latent, "
      f"{max(rival_curve):.2f} with random directions")
for dose, looked_for, distinct in zip(doses, curve, variety[0]):
    print(f"dose {dose}: {looked_for:.2f} contain {LOOKS[steered]}; {distinct:.2f} of its tokens differ")
claim("rise of the share by the latent, minus the rise by random directions", lift - rival_lift, at_least=0.15)

# %% [markdown] id="completions-intro"
# The same model, the same four beginnings, one number changed:

# %% id="completions"
# half-way up, or the first beyond
gentle = next(dose for dose, value in zip(doses, curve) if value >= (curve[0] + max(curve)) / 2)
more = doses[min(doses.index(gentle) + 1, len(doses) - 1)]
for i in np.linspace(0, len(written[0]) - 1, 4).astype(int):
    print(f"… {lm.tokenizer.decode(prompts['held'][i, -6:].tolist())!r}")
    for dose in (0, gentle, more):
        said = f"dose {dose}" if dose else "unsteered"
        print(f"    {said:12} {lm.tokenizer.decode(written[dose][i])!r}")

# %% [markdown] id="writers-intro"
# And each of these latents, the chosen one too, on one held-out beginning, at six times its usual top value:

# %% id="writers"
start = prompts["held"][len(written[0]) // 2:][:1]
print(f"… {lm.tokenizer.decode(start[0, 1:].tolist())!r}")
for name, i in writer.items():
    ten = intervene.generate(lm, start, 10, 0, setting(i, 6 * usual_top[i]))[0, 13:]
    print(f"    {name:16} {lm.tokenizer.decode(ten.tolist())!r}")

# %% [markdown] id="explore-intro"
# Move the dose yourself and watch what the model expects next on one held-out beginning:

# %% id="explore"
from saekit.course.widgets import explore

def next_tokens(ax, prompt, dose):
    replacement = setting(latent, dose * usual_top[latent]) if dose else None
    p = intervene.next_probabilities(lm, prompts["held"][prompt:prompt + 1], 0, replacement)[0]
    p, order = p.numpy(), p.argsort(descending=True)[:7].numpy()
    ax.barh(range(7), p[order], color=plots.LATENT if dose else plots.BASELINE)
    shown = [strips.visible(one).replace(" ", "␣")[:6] for one in interpret.token_strings(lm.tokenizer, order)]
    ax.set(yticks=range(7), yticklabels=shown, xlim=(0, 1), xlabel="probability of the next token")
    ax.invert_yaxis()

explore(next_tokens, stills=[{"prompt": 3, "dose": dose} for dose in (0.0, 1.0, 4.0)],
        alt="The seven likeliest next tokens of one beginning at dose 0, 1 and 4.",
        prompt=(0, 19), dose=(0.0, 8.0, 0.5))

# %% [markdown] id="ex-cut-task"
# The curve leaves the grey one at dose 1 and never comes down. But a dose the model never sees in life (several times the top, at every token) shows what the direction *can* do, not what it *does*. And the text breaks down not beyond the effect but with it: at dose 2 most completions contain the quotation marks, and nearly half of the variety of their tokens is gone.
#
# ## 8.4 Use it as a classifier
#
# If a latent *is* a concept, it should find the concept's tokens in new files. The rivals get equal chances: the same number of candidates, both signs, thresholds from train. First the threshold.
#
# ### Exercise 8.4 · The best cut
#
# Difficulty 3 of 5 · 10 minutes · 4 points
#
# A token is said to have the concept where `score > cut`. Return the cut with the best F1; any number between two neighbouring values will do. Equal scores cannot be told apart.
#
# <details><summary>Hint 1 of 3</summary>Only finitely many cuts differ: one between each two neighbouring values of the score, and one below all.</details>
# <details><summary>Hint 2 of 3</summary>Sort by falling score. If the first k tokens are said to have it, hits are <code>np.cumsum(truth[order])[k - 1]</code>, and F1 = 2 hits / (k + truth.sum()).</details>
# <details><summary>Hint 3 of 3</summary>For a plain loop: <code>values = np.unique(score)</code>; try <code>values[0] - 1</code> and <code>(values[1:] + values[:-1]) / 2</code>, keep the best.</details>

# %% id="ex-cut" exercise="best_cut" difficulty=3 minutes=10 points=4
@exercise
def best_cut(score, truth):
    """The number c for which `score > c` predicts truth with the best F1; score (n,), truth (n,) True or False.

    >>> print(1 < best_cut(np.array([0.0, 1.0, 2.0, 3.0]), np.array([False, False, True, True])) < 2)
    True
    """
    ### BEGIN SOLUTION
    order = np.argsort(-score)
    f1 = 2 * np.cumsum(truth[order]) / (np.arange(1, len(score) + 1) + truth.sum())
    ranked = score[order]
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    last = f1.argmax()
    return (ranked[last] + ranked[last + 1]) / 2 if last + 1 < len(score) else ranked[last] - 1
    ### END SOLUTION

# %% id="cut-hand" tags=["nbval-check-output"]
score, has = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False, False])
says = score > best_cut(score, has)
print(f"yes to the scores {score[says]}: F1 {probing.f1(says, has):.2f}; "
      f"to the first alone it would be {probing.f1(score > 4.5, has):.2f}")

# %% [markdown] id="ex-different-task"
# ### Exercise 8.5 · Which units know?
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Return the positions of the `k` units whose mean on tokens *with* the concept differs most from their mean on tokens *without*, as a share of the unit's standard deviation over all tokens. Low counts as much as high. Most different first; a unit that never varies comes last.
#
# <details><summary>Hint 1 of 3</summary>Two means per unit: <code>x[has].mean(axis=0)</code> and <code>x[~has].mean(axis=0)</code>.</details>
# <details><summary>Hint 2 of 3</summary>Divide the absolute difference by <code>np.maximum(x.std(axis=0), 1e-9)</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>np.argsort(-gap)[:k]</code></details>

# %% id="ex-different" exercise="most_different" difficulty=2 minutes=8 points=3
@exercise
def most_different(x, has, k):
    """Positions of the k units of x (n, n_units) with the largest |mean with - mean without| / standard deviation;
    has (n,) True or False.

    >>> x, has = np.array([[0.0, 0.0], [1.0, 9.0], [0.0, 4.0], [1.0, 5.0]]), np.array([False, True, False, True])
    >>> print(most_different(x, has, 1))
    [0]
    """
    ### BEGIN SOLUTION
    gap = np.abs(x[has].mean(axis=0) - x[~has].mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    return np.argsort(-gap)[:k]
    ### END SOLUTION

# %% [markdown] id="rivals-intro"
# Every rival brings as many units as there are neurons. Of the latents we take, once, the **densest** (not the best: that would be choosing by the score) and, once, any that fire.

# %% id="rivals"
n_units, rng = budget(smoke=48, laptop=512), np.random.default_rng(0)
part = np.arange(0, len(neurons), 2)                                            # every other token is enough here
x = neurons[part]
alive = np.flatnonzero(density > 0)
axes_pca = np.linalg.eigh(np.cov(x[train[part]].T))[1][:, ::-1][:, :n_units].astype(np.float32)
rivals = {"latents, densest": latents[part][:, np.argsort(-density)[:n_units]].toarray(),
          "latents, any": latents[part][:, rng.permutation(alive)[:n_units]].toarray(),
          "neurons": x[:, np.argsort(-x.mean(axis=0))[:n_units]], "PCA": x @ axes_pca,
          "random directions": x @ rng.normal(size=(lm.d_mlp, n_units)).astype(np.float32)
                               / np.float32(lm.d_mlp ** 0.5)}

# %% id="judged"
from textwrap import fill
split, labels_part = train[part], labels[part]
counts = np.minimum(labels_part[split].sum(axis=0), labels_part[~split].sum(axis=0))
possible = np.flatnonzero((counts >= budget(smoke=10, laptop=60)) & (labels_part.mean(axis=0) < 0.25))
judged = possible[np.linspace(0, len(possible) - 1, min(len(possible), budget(smoke=3, laptop=14))).astype(int)]
print(fill(f"{len(judged)} concepts: " + ", ".join(names[i] for i in judged), 100))

# %% [markdown] id="one-unit-intro"
# One unit, your choice and your cut:

# %% id="one-unit"
def one_unit(x, has):
    """F1 on held of the most different unit with its best cut, both from train."""
    seen, truth = x[split], has[split]
    unit = most_different(seen, truth, 1)[0]
    sign = np.sign(seen[truth, unit].mean() - seen[~truth, unit].mean())
    says = sign * x[~split, unit] > best_cut(sign * seen[:, unit], truth)
    return probing.f1(says, has[~split])

table = {name: {1: np.array([one_unit(units, labels_part[:, i]) for i in judged])}
         for name, units in rivals.items()}

# %% [markdown] id="k-sparse-intro"
# Then *logistic regression* (a weighted sum of units, fitted as a probability) on the 2, 5, 10, 50 most different units, and on all (`probing.k_sparse`). **Neurons or random directions, all units of each: who wins?** `"a"`: the neurons, by far. `"b"`: they come out nearly alike. `"c"`: random directions, having no habits.

# %% id="predict-probe"
predict("probe-all", "b")

# %% id="k-sparse"
ks = (2, 5, 10, 50, n_units)
for name, units in rivals.items():
    table[name] |= probing.k_sparse(units, labels_part[:, judged], split, ks, max_rows=3000)
print(f"{'median F1, held-out files':27}"
      + "".join(f"{'all' if k == n_units else f'k = {k}':>8}" for k in (1, *ks)))
for name, row in table.items():
    print(f"{name:27}" + "".join(f"{np.median(row[k]):8.2f}" for k in (1, *ks)))
share_of_yes = labels_part[~split][:, judged].mean(axis=0)
print(f"{'always yes':27}{np.median(2 * share_of_yes / (1 + share_of_yes)):8.2f}")

# %% id="k-sparse-verdict"
def tally(kind, k):
    """Concepts on which latents of this kind are better / worse than each rival by more than 0.02."""
    gaps = {name: table[kind][k] - table[name][k] for name in ("neurons", "PCA", "random directions")}
    return ", ".join(f"{name} {(gap > 0.02).sum()} / {(gap < -0.02).sum()}" for name, gap in gaps.items())

for kind in ("latents, densest", "latents, any"):
    for k in (1, 5, n_units):
        print(f"{kind}, {'all units' if k == n_units else f'k = {k}'}: win / lose against {tally(kind, k)}")
claim("median F1 with all units, neurons minus random directions (absolute)",
      abs(np.median(table["neurons"][n_units]) - np.median(table["random directions"][n_units])), at_most=0.1)
worst = int(np.argmin(table["latents, densest"][1] - table["neurons"][1]))
print(f"the largest defeat of one latent by one neuron: {names[judged[worst]]}, "
      f"{table['latents, densest'][1][worst]:.2f} against {table['neurons'][1][worst]:.2f}")

# %% id="k-sparse-figure"
fig, ax = plots.panels(height=3.0)
looks = {"latents, densest": (plots.LATENT, "o-"), "latents, any": (plots.LATENT, "o:"),
         "neurons": (plots.NEURON, "o-"), "PCA": (plots.ATOM, "o-"), "random directions": (plots.BASELINE, "o-")}
for name, (color, style) in looks.items():
    ax.plot(range(len(ks) + 1), [np.median(table[name][k]) for k in (1, *ks)], style, color=color, label=name)
ax.set(xticks=range(len(ks) + 1), xticklabels=[1, *ks[:-1], "all"], xlabel="units the probe may use",
       ylabel="median F1, held-out files", ylim=(0, 1),
       title="Who leads with one unit does not lead with many")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plots.show(fig, alt="Median F1 on held-out files against the number of units a probe may use, one line per kind of unit; the lines of neurons, PCA and random directions are closer to each other at the right end than at the left.")

# %% [markdown] id="k-sparse-after"
# One latent may beat two: your best cut is chosen on all rows of train, the regressions on at most 3,000; with so few concepts trust wins and losses more than medians. Neurons, PCA and random directions span the same space, so all units of each hold the same; what still sets them apart is how well the regression finds it. A good basis shows at the left end. The right end is unfair to latents: 512 of them are not the whole code. So let the probe choose its 512 most different units among **all** latents, eight times as many candidates as the neurons have (which should favour the latents):

# %% id="all-latents"
many = budget(smoke=256, laptop=sae.d_sae)
whole = probing.k_sparse(latents[part][:, :many].toarray(), labels_part[:, judged], split, (n_units,),
                         max_rows=3000)[n_units]
gap = whole - table["neurons"][n_units]
print(f"{n_units} of all {many:,} latents: median F1 {np.median(whole):.2f}; "
      f"all neurons {np.median(table['neurons'][n_units]):.2f}; "
      f"latents win / lose {(gap > 0.02).sum()} / {(gap < -0.02).sum()}")

# %% [markdown] id="all-latents-after"
# Even then the latents lose (0.58 against 0.67), and they do worse than the 512 densest did (0.64). A wider choice takes nothing away, so part of the gap is the probe's, which may learn rare latents by heart from at most 3,000 rows. How much of the rest is in the SAE's error we have not measured. Both are reasons to probe neurons when all you want is a classifier.
#
# The other way round, from *units* to concepts and formulas, the comparison is lesson 7's fair table (7.10): read both before you say that latents are the better units.

# %% [markdown] id="marks-intro"
# ## 8.5 Four marks
#
# The reference page names four marks of a good feature: **coherent**, **causal**, **sparse** (fires on less than 1 % of tokens), **not split**. Each must become a number before it can be counted:
#
# - coherent: its explanation's correlation on held-out files is at least 0.3;
# - causal: ablating it raises the loss, by more than two standard errors over its tokens, of which at least ten were tested;
# - sparse: density between 0 and 1 %;
# - not split: no other living latent's direction has a cosine above 0.7 with its own.
#
# The bounds are ours. **Which mark will be rarest?**

# %% id="marks-explained"
explained = alive[:budget(smoke=150, laptop=sae.d_sae)]
found = dict(zip(explained, explain.explain(latents[:, explained], properties, train, beam=2)))
coherence = np.full(sae.d_sae, np.nan)
coherence[explained] = [one.correlation for one in found.values()]

# %% id="marks"
effect, error, n_tested = scores.effect_per_latent(which_latent, change, sae.d_sae)
cosine = scores.largest_cosine(sae.W_dec.numpy(), density > 0)
marks = scores.four_marks(density, coherence, effect, error, cosine)[alive]
for name, share_of in zip(scores.MARKS, marks.mean(axis=0)):
    print(f"{name:10} {100 * share_of:5.1f} % of the {len(alive):,} latents that fire")
print(f"all four   {100 * marks.all(axis=1).mean():5.1f} %; "
      f"no more than one {100 * (marks.sum(axis=1) <= 1).mean():.1f} %")

# %% id="marks-control"
random_effect, random_error, _ = scores.effect_per_latent(which_latent, random_change, sae.d_sae)
false_alarms = (random_effect > 2 * random_error)[alive]
tested, searched = n_tested[alive] >= 10, np.isfinite(coherence[alive])
print(f"searched for an explanation: {searched.sum():,} latents, "
      f"coherent {100 * marks[searched, 0].mean():.0f} % of these")
print(f"with 10 or more tests: {tested.sum():,} latents, causal {100 * marks[tested, 1].mean():.0f} % of these; "
      f"by the same rule random directions {100 * false_alarms[tested].mean():.0f} %")

# %% id="marks-figure"
fig, axes = plots.panels(2, height=2.6)
axes[0].hist(coherence[np.isfinite(coherence)], bins=np.linspace(-0.1, 1, 23), color=plots.LATENT)
axes[0].set(title="Coherent is a matter of degree", xlabel="explanation's correlation, held", ylabel="latents")
step = {"bins": np.linspace(-0.2, 0.2, 41), "histtype": "step", "linewidth": 1.5}
axes[1].hist(effect[np.isfinite(effect)], color=plots.LATENT, label="latents", **step)
axes[1].hist(random_effect[np.isfinite(random_effect)], color=plots.BASELINE, label="random directions", **step)
axes[1].set(title="Effects look like random pushes'", xlabel="mean change of loss when ablated (nats)",
            ylabel="latents")
axes[1].legend(loc="upper right", fontsize=7, frameon=False)
plots.show(fig, alt="Left: histogram of explanation correlations over latents. Right: histograms of the mean change of loss by ablation, for latents and for random directions of the same length.")

# %% [markdown] id="marks-after"
# Causal is the rarest mark, and it needs its control: 5 % of the random directions pass the same rule, so more than half of the 9 % may be chance, and with them many a latent that bears all four marks. Those that fire too rarely to be searched or tested count as not coherent, not causal. And *not split* holds for nearly all, so at this bound it tells next to nothing; lesson 9 looks for splits across dictionaries.
#
# ## 8.6 Let a judge decide
#
# An explanation is good if someone who has only the explanation can *do* something with it. Three tasks: predict every activation (**simulation**); say which excerpts contain a firing (**detection**); say whether marked tokens are the right ones (**fuzzing**). The last two are scored by
#
# ### Exercise 8.6 · Balanced accuracy
#
# Difficulty 2 of 5 · 5 minutes · 2 points
#
# Return the mean of two shares: of the true cases, those answered yes; of the untrue ones, those answered no. Whoever always says yes then has 0.5, however rare the cases are. Both kinds occur.
#
# <details><summary>Hint 1 of 3</summary><code>answers[truth]</code> are the answers given to the true cases.</details>
# <details><summary>Hint 2 of 3</summary>The mean of True and False is the share of True. What is right for an untrue case?</details>
# <details><summary>Hint 3 of 3</summary><code>(answers[truth].mean() + (~answers[~truth]).mean()) / 2</code></details>

# %% id="ex-balanced" exercise="balanced_accuracy" difficulty=2 minutes=5 points=2
@exercise
def balanced_accuracy(answers, truth):
    """Mean of the shares of right answers among true and among untrue cases; answers, truth (n,) True or False.

    >>> print(balanced_accuracy(np.array([True, True, False, True]), np.array([True, True, False, False])))
    0.75
    """
    ### BEGIN SOLUTION
    return (answers[truth].mean() + (~answers[~truth]).mean()) / 2
    ### END SOLUTION

# %% id="balanced-hand" tags=["nbval-check-output"]
rare = np.arange(100) < 3
print(f"3 cases in 100, always no: accuracy {np.mean(rare == False):.2f}, "
      f"balanced accuracy {balanced_accuracy(np.zeros(100, bool), rare):.2f}")

# %% [markdown] id="judge-intro"
# Our judge is the formula itself: it needs no language model. Its rival gets another latent's formula. Excerpts are 16 tokens from held-out files; the latents are drawn at random among those with an explanation and enough firings there.

# %% id="judge"
held = np.flatnonzero(~train)
n_fired = np.diff(latents[held].tocsc().indptr)
enough = [i for i, one in found.items()
          if one.text and density[i] < 0.2 and n_fired[i] >= budget(smoke=5, laptop=20)]
drawn = rng.permutation(enough)[:budget(smoke=10, laptop=80)]
fired = latents[held][:, drawn].toarray() > 0
formula = explain.where([found[i] for i in drawn], properties)[held]

def judge(says, i):
    rows, is_true = scores.detection_task(fired[:, i], seed=i)
    marked_rows, marked, is_right = scores.fuzzing_task(fired[:, i], seed=i)
    return (balanced_accuracy(scores.formula_detects(says, rows), is_true),
            balanced_accuracy(scores.formula_fuzzes(says, marked_rows, marked), is_right))

# %% id="judge-scores"
own = np.array([judge(formula[:, i], i) for i in range(len(drawn))])
other = np.array([judge(formula[:, (i + 1) % len(drawn)], i) for i in range(len(drawn))])
tokens = contexts[keep].astype(int)
by_token = [scores.correlation(scores.token_table(tokens, values, train)[held], values[held])
            for values in latents[:, drawn].toarray().T]

# %% id="judge-run"
print(f"{'':26}{'detection':>10}{'fuzzing':>10}{'simulation':>12}")
print(f"{'its own formula':26}{np.nanmean(own[:, 0]):10.2f}{np.nanmean(own[:, 1]):10.2f}"
      f"{np.nanmean(coherence[drawn]):12.2f}")
print(f"{'another latent’s formula':26}{np.nanmean(other[:, 0]):10.2f}{np.nanmean(other[:, 1]):10.2f}")
print(f"{'a table of tokens':26}{'':20}{np.nanmean(by_token):12.2f}")
claim("fuzzing, own formula minus another's", np.nanmean(own[:, 1]) - np.nanmean(other[:, 1]), at_least=0.05)

# %% [markdown] id="judge-after"
# A table of each token's mean activation is a judge that understands nothing, and a strong one: here it is better than the formula, partly because it may give every token a value of its own and a formula has only two. So the formula has not shown that it knows more of these latents than a list of tokens does. With a language model as the judge the tasks are the same: `scores.language_judge(lm, explanation, excerpts)` asks any local `transformers` text model; ours, which read only Python, cannot answer. Test a judge first on excerpts whose truth you know.
#
# ## 8.7 Ask people, blindly
#
# The last judge is a person. People see meaning in noise, so raters must not know whether they look at a latent, a neuron or a random direction. And one rater's opinion is no measurement: two must **agree** beyond chance.
#
# ### Exercise 8.7 · Cohen's κ
#
# Difficulty 3 of 5 · 10 minutes · 3 points
#
# `a` and `b` are two raters' answers to the same items, as whole numbers. κ = (agreement − expected) / (1 − expected): agreement is the share of items with the same answer; expected is what two independent raters with the same habits would reach: the sum over answers of how often a gives it times how often b does.
#
# <details><summary>Hint 1 of 3</summary><code>np.mean(a == b)</code> is the agreement.</details>
# <details><summary>Hint 2 of 3</summary>How often a answers 2: <code>np.mean(a == 2)</code>.</details>
# <details><summary>Hint 3 of 3</summary><code>sum(np.mean(a == v) * np.mean(b == v) for v in np.union1d(a, b))</code> is expected.</details>

# %% id="ex-kappa" exercise="cohen_kappa" difficulty=3 minutes=10 points=3
@exercise
def cohen_kappa(a, b):
    """(agreement - expected) / (1 - expected) of two raters' answers a, b (n,) whole numbers.

    >>> print(cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])))
    1.0
    """
    ### BEGIN SOLUTION
    agreement = np.mean(a == b)
    expected = sum(np.mean(a == value) * np.mean(b == value) for value in np.union1d(a, b))
    return (agreement - expected) / (1 - expected)
    ### END SOLUTION

# %% id="kappa-hand" tags=["nbval-check-output"]
a, b = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
print(f"they agree on {100 * np.mean(a == b):.0f} %, by chance it would be 50 %: kappa = {cohen_kappa(a, b):.2f}")
guess = np.random.default_rng(0).random((2, 1000)) < 0.9
print(f"two who say yes nine times in ten, blindly, agree on {100 * np.mean(guess[0] == guess[1]):.0f} %: "
      f"kappa = {abs(cohen_kappa(guess[0] * 1, guess[1] * 1)):.1f}")

# %% [markdown] id="rating-intro"
# The protocol: `ratings.blind_list` mixes equal numbers of each kind under meaningless keys. The rater sees six places spread over the strongest 2 % of an item's tokens and answers on a scale of four.

# %% id="rating-list"
pool = {"latents": rng.permutation(alive)[:200], "neurons": np.arange(lm.d_mlp),
        "random directions": np.arange(200)}
items = ratings.blind_list(pool, 10, seed=8)
directions = np.random.default_rng(8).normal(size=(lm.d_mlp, 200)).astype(np.float32)

def values_of(item):
    if item.kind == "latents":
        return latents[:, [item.unit]].toarray()[:, 0]
    return neurons[:, item.unit] if item.kind == "neurons" else np.maximum(neurons @ directions[:, item.unit], 0)

# %% id="rating-item"
def show_item(item):
    values = values_of(item)
    n_strong = max(6, min(len(values) // 50, (values > 0).sum()))
    strongest = np.argsort(-values)[:n_strong]
    return strips.TokenStrips(excerpts(strongest[:: n_strong // 6][:6], values), f"item {item.key}", plots.TRUTH)

def excerpts(rows, values):
    """Examples around rows of contexts that lie spread over the text."""
    context, position = np.nonzero(keep)
    full = np.zeros(contexts.shape, dtype=np.float32)
    full[keep] = values
    windows = [(row, context[row], slice(max(1, position[row] - 8), position[row] + 5)) for row in rows]
    return [interpret.Example(interpret.token_strings(lm.tokenizer, contexts[c, w]), full[c, w],
                              position[row] - w.start, text.names[file_of[row]])
            for row, c, w in windows]

# %% [markdown] id="rating-show-intro"
# With a kernel, these are buttons; your answers stay in a file on this machine:

# %% id="rating-show"
from saekit.course.rating import rate
rate(items, show_item, ".saekit/ratings.json")

# %% [markdown] id="rating-simulated-intro"
# `ratings.load_answers` reads the files of all raters. No person has rated here, so there is no human κ to show. To see that the machinery works, three **simulated** raters: each answers *one clear thing* with a chance that we set (0.7 for latents, 0.3 for neurons, 0.1 for random directions), else anything. **Fleiss' κ** is the same idea for more than two raters, with pooled habits; the interval holds 95 % of its values when the items are drawn again with replacement:

# %% id="rating-simulated" tags=["nbval-check-output"]
chances = {"latents": 0.7, "neurons": 0.3, "random directions": 0.1}
records = [(f"simulated {i}", ratings.simulated_answers(items, chances, seed=i), True) for i in range(3)]
answers = np.array([[given[item.key] for _, given, _ in records] for item in items])
low, high = ratings.bootstrap(ratings.fleiss_kappa, answers, draws=300)
print(f"{ratings.who(records)}, {len(items)} items (not a result about people or features):")
print(f"Cohen's kappa of the first two {cohen_kappa(answers[:, 0], answers[:, 1]):.2f}; "
      f"Fleiss' kappa {ratings.fleiss_kappa(answers):.2f}, interval {low:.2f} to {high:.2f}")

# %% [markdown] id="risk-intro"
# More items would narrow the interval, not raise κ: *within* a kind of unit these raters answer at random.
#
# ## 8.8 A safety feature?
#
# The lecture's example is sycophancy: a feature found, then clamped. Our model's world has risky code. The validation text has too little of it, so we write beginnings of our own, each risky line with a harmless twin; the first half is train, the second held.

# %% id="risk-prompts"
RISKY = {
    "eval, exec": ("eval(", "len(", [
        "x = {}data)", "return {}text)", "y = {}line)", "print({}code))", "r = {}body)", "out = {}user)"]),
    "pickle": ("pickle", "json", [
        "import {}", "d = {}.load(f)", "{}.dump(d, f)",
        "x = {}.loads(b)", "from {} import load", "s = {}.dumps(x)"]),
    "shell=True": ("shell=True", "check=True", [
        "run(cmd, {})", "Popen(args, {})", "call(c, {})",
        "subprocess.run(x, {})", "check_call(a, {})", "p = Popen(cmd, {})"]),
    "SQL joined": ("' + name", "', (name,", [
        "execute('SELECT * FROM t WHERE a = {})", "q('DELETE FROM users WHERE n = {})",
        "run('INSERT INTO t VALUES {})", "db.execute('UPDATE t SET a = {})",
        "c.execute('SELECT x FROM y WHERE z = {})", "cur.execute('DROP TABLE {})"]),
    "key": ("'sk9f3a7c2b81e4d0'", "'a short sentence'", [
        "api_key = {}", "token = {}", "password = {}", "SECRET = {}", "key = {}", "auth = {}"]),
    "bare except": ("except:", "except ValueError:", [
        "try:\n    f()\n{}", "try:\n    x = 1\n{}", "try:\n    import a\n{}",
        "try:\n    g(y)\n{}", "try:\n    return z\n{}", "try:\n    open(p)\n{}"])}

def strongest(snippet):
    """Every latent's and neuron's largest value over the tokens of a snippet."""
    ids = np.array([[lm.boundary] + lm.tokenizer.encode(snippet).ids])
    hidden = activations.harvest(lm, ids)
    return sae.encode(hidden).amax(dim=0).numpy(), hidden.amax(dim=0).numpy()

# %% [markdown] id="risk-find-intro"
# Find the unit whose maximum separates best on the train half (your `most_different`, densest 512 latents against 512 neurons), cut it there (your `best_cut`), and classify the held half. Guessing is right in half the cases:

# %% id="risk-find"
def risk_test(kind, column, units):
    """(unit, share of held snippets put on the right side)."""
    risky, harmless, forms = RISKY[kind]
    x = np.array([strongest(form.format(word))[column][units] for word in (risky, harmless) for form in forms])
    has, seen = np.repeat([True, False], 6), np.tile(np.repeat([True, False], 3), 2)
    unit = most_different(x[seen], has[seen], 1)[0]
    sign = np.sign(x[seen & has, unit].mean() - x[seen & ~has, unit].mean())
    says = sign * x[:, unit] > best_cut(sign * x[seen, unit], has[seen])
    return int(units[unit]), float((says == has)[~seen].mean())

# %% id="risk-table"
dense = np.argsort(-density)[:lm.d_mlp]
verdicts = {kind: (risk_test(kind, 0, dense), risk_test(kind, 1, np.arange(lm.d_mlp))) for kind in RISKY}
print(f"{'held snippets on the right side':32}{'latent':>8}{'neuron':>8}")
for kind, (ours, theirs) in verdicts.items():
    print(f"{kind:32}{ours[1]:8.2f}{theirs[1]:8.2f}")

# %% [markdown] id="risk-clamp-intro"
# Six held snippets a kind: a step in this table is 0.17, so differences of one step mean nothing. Two rows differ by more, both for the latent; with six snippets a row, and six rows to look at, that is a hint and no result. And a unit that separates `eval(` from `len(` may just be the *token* eval.
#
# Can we prevent the risk? After `try: … except`, the model either goes on with `:` (bare) or names an exception. We take the latent that pushes the `:` up most on the train beginnings (among those that fire there), ablate it or clamp it, and measure on the held ones; the rival is a random direction.

# %% id="risk-clamp"
forms = [form.format("except") for form in RISKY["bare except"][2]]
colon = lm.tokenizer.encode("except:").ids[-1]
def p_bare(replacement, forms):
    beginnings = [torch.tensor([[lm.boundary] + lm.tokenizer.encode(one).ids]) for one in forms]
    p = [intervene.next_probabilities(lm, one, 0, replacement)[0, colon] for one in beginnings]
    return float(np.mean(p))

at_except = [sae.encode(activations.harvest(lm, np.array([[lm.boundary] + lm.tokenizer.encode(one).ids])))[-1]
             for one in forms[:3]]
active = {int(i) for values in at_except for i in np.flatnonzero(values)}
suspect = min(active, key=lambda i: p_bare(setting(i, 0.0), forms[:3]))
size = float(usual_top[suspect]) or 1.0
push = control_directions(sae.W_dec[suspect].numpy(), np.random.default_rng(1).normal(size=(1, lm.d_mlp)))[0]

# %% id="risk-clamp-run"
edits = (("as it is", None), ("ablated", setting(suspect, 0.0)), ("clamped to its top", setting(suspect, size)),
         ("random direction, same push", setting(suspect, size, push)))
for name, replacement in edits:
    print(f"{name:28} p(bare except) on held beginnings {p_bare(replacement, forms[3:]):.3f}")

# %% [markdown] id="risk-after"
# **Not by this latent**: without it the chance is what it was. Pushed up, it doubles the chance of the colon, a random push of the same length adds far less; so it *can* write the colon, but others write it too. (Means over three beginnings and one random direction.)
#
# **What this does not show.** Not that the model knows what risk is: it has seen text, and these units may stand for a spelling. Not that ablating makes code safe: other latents carry the rest, and a probability is not a refusal. Not that nothing is missed: six snippets that *we* wrote share our blind spots. Large models' "safety features" need exactly these questions.

# %% id="papers-intro"
print("the papers say / we measured")
def compare(says, measured):
    print(f"{says}\n    here: {measured}")

compare("Bricken et al. 2023: features have interpretable causal effects",
        f"ablating a firing latent: {change.mean():+.3f} nats; random direction {random_change.mean():+.3f}")
compare("Templeton et al. 2024: clamping a feature steers behaviour",
        f"{steered}: {curve[0]:.2f} → {max(curve):.2f} of completions; random {max(rival_curve):.2f}")
compare("Kantamneni et al. 2025: SAE probes rarely beat baselines",
        f"median F1, all units: latents {np.median(table['latents, densest'][n_units]):.2f}, "
        f"neurons {np.median(table['neurons'][n_units]):.2f}")
compare("Paulo et al. 2024: detection and fuzzing tell explanations apart",
        f"fuzzing {np.nanmean(own[:, 1]):.2f}, another's formula {np.nanmean(other[:, 1]):.2f}")

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where |
# |---|---|
# | lecture: the ideal result is a dictionary of monosemantic concepts | an ideal: count the latents with all four marks (8.5) |
# | lecture: ablation and steering change prediction probabilities | steering does (8.3); ablating one latent, on average, no more than a random push of the same length (8.2). Keep the SAE's error |
# | lecture: features are useful for classification | fairly compared, a single latent is one detector among others, and with all units the neurons are hard to beat (8.4) |
# | lecture: a sycophancy feature, clamped | clamping shows what a direction can do, not what it does by itself (8.3, 8.8) |
# | article: human ratings, reliability, protocols | blind lists, κ, intervals; no κ without people (8.7) |
# | reference page: four marks of a good feature | measurable once bounds are chosen; each bound is a choice (8.5) |
#
# ## Common confusions
#
# - *"Steering works, so the label is right."* Any direction that raises the output's logits steers. The label is about when the latent fires *and* what it does.
# - *"F1 is low, so it is no feature."* It may be a feature for which we have no concept.
# - *"p < 0.05 for the best of 4,096."* Whoever chooses on train must score on held.
#
# ## Summary
#
# Change one latent by difference, keep the error, and the null tests hold. Taking away what fires costs loss, but so does any push of that length. Clamping can change what the model writes; here most of that effect comes with broken text. Fair probes give latents no head start; where they lose, the table says so. The four marks depend on bounds that somebody chose.
#
# **Limits.** One small model, one SAE; effects stay at their token because nothing comes after the neurons. Formulas judge only what our concepts and tokens can say. Nobody has rated yet.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · Templeton et al., "Scaling Monosemanticity" (2024) · Gurnee et al., "Finding neurons in a haystack" (2023) · Bills et al., "Language models can explain neurons in language models" (2023) · Paulo et al., "Automatically interpreting millions of features" (2024) · Kantamneni et al., "Are sparse autoencoders useful? A case study in sparse probing" (2025) · Cohen, "A coefficient of agreement for nominal scales" (1960) · Fleiss, "Measuring nominal scale agreement among many raters" (1971).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 9 · Splitting and universality](09_splitting.ipynb).
