# %% [markdown] id="title"
# # Lesson 7 · Read the features
#
# **You will be able to**: read every panel of a feature page, and say what each cannot show · tell dead from rare · show how far the strongest examples flatter · compute a logit lens and test it against derivatives · count the latents that are no neuron · explain a unit without a language model, score the explanation on unseen files, and give every rival the same search.
#
# **60 minutes.** (With every exercise, 90.) You know the transformer (lesson 5) and the SAE (lesson 6).

# %% [markdown] id="setup-intro"
# Run this first. It puts our version of every exercise in place until yours passes.

# %% id="setup"
import numpy as np
from saekit import (activations, autointerp, concepts, corpus, explain, interpret, intervene, plots, probing,
                    readout, sae as saes, scores, strips, survey, transformer)
from saekit.course import begin, budget, claim, exercise, predict, progress
from saekit.course.widgets import explore
begin("07_read_features")

# %% [markdown] id="load-intro"
# ## 7.1 One page
#
# Training gave us thousands of latents and no names. The lecture shows what people look at to name one: a page of panels. We build it and take it apart. Our text: Python files that neither model nor SAE was trained on, in two halves by a hash of the file's name. On **train** we choose (concepts, thresholds, formulas), on **held** we score.

# %% id="load"
lm = transformer.load_lm("python-1l")
sae = saes.load_sae(transformer.data_folder() / "saes" / "python-1l-topk-4096").requires_grad_(False)
text = corpus.load_corpus("validation", lm.tokenizer, lm.boundary)
every = corpus.contexts(text, lm.n_ctx, lm.boundary)
which = np.linspace(0, len(every) - 1, budget(smoke=40, laptop=240)).astype(int)         # spread over all files
contexts = every[which]
keep = contexts != lm.boundary
file_of_row = explain.file_of_rows(text, contexts, lm.boundary, which)
train = explain.train_half(text, file_of_row)                                            # (tokens,) True or False

# %% id="data"
overview = survey.survey(sae, lm, contexts)                                 # what every latent does on every token
latents, neurons = overview.latents.tocsr(), activations.harvest(lm, contexts).numpy()
grid = concepts.label_stream(text, lm.tokenizer, lm.n_ctx, which)           # what Python says of every token
labels, names = grid[keep], list(concepts.CONCEPTS)
properties = explain.make_properties(contexts, grid, lm.tokenizer,          # concepts, tokens, previous tokens
                                     lm.boundary)
seen, held = (latents[train].tocsc(), labels[train]), (latents[~train].tocsc(), labels[~train])
alive = np.flatnonzero(overview.counts)
print(f"{len(train):,} tokens, {100 * train.mean():.0f} % of them in train files; "
      f"{len(alive):,} of {sae.d_sae:,} latents fire")

# %% [markdown] id="specimen-intro"
# Which latent do we read? Whoever picks the prettiest learns nothing about the others. So two, by rule. The **specimen**: among latents that fire on 0.2 to 2 % of tokens, the one with the best F1 on train for a concept that *the token at hand does not spell* (no single token, as its detector, reaches an F1 of 0.3). And one **drawn** at random from the same densities, which we keep for the end.

# %% id="specimen"
tokens_of = properties.matrix[train][:, [name.startswith("token ") for name in properties.names]]
n_both = tokens_of.T @ seen[1].astype(np.float32)                                             # (tokens, concepts)
n_either = np.asarray(tokens_of.sum(axis=0)).T + seen[1].sum(axis=0)
spelled = (2 * n_both / np.maximum(n_either, 1)).max(axis=0)                                  # best token's F1
on_train = interpret.concept_scores(seen, seen, n=1)
band = [i for i in alive if 0.002 <= overview.density[i] <= 0.02 and on_train[i]]
specimen = max((i for i in band if spelled[on_train[i][0].concept] < 0.3), key=lambda i: on_train[i][0].f1)
drawn = next(i for i in np.random.default_rng(7).permutation(band) if i != specimen)
subject = names[on_train[specimen][0].concept]
print(f"specimen: latent {specimen}, for {subject!r} ({concepts.CONCEPTS[subject]}); drawn: latent {drawn}")

# %% [markdown] id="page-intro"
# Its page. The examples come from files that the *model* was trained on; scores from other files, not quite ours, so they differ from those below. `saekit.page.show_feature(sae, i)` makes one page; for two we gather once and view each. Scroll inside it, point at a token. **Before you go on: which panel convinces you most?**

# %% id="page"
from saekit.page import view
from saekit.page.findings import Findings
other = saes.load_sae(transformer.data_folder() / "saes" / "python-1l-topk-2048-seed1").requires_grad_(False)
page = Findings(sae, lm, tokens=budget(smoke=8_000, laptop=40_000), against=other, chosen=[specimen, drawn])
view(page, specimen)

# %% [markdown] id="panels"
# | the lecture's screenshot | panel here | section |
# |---|---|---|
# | feature number, human explanation | latent with permalink; **label**, yours, kept in your browser | 7.12 |
# | "density" in the title | **density**, count, kind | 7.2 |
# | histogram of randomly sampled non-zero activations | **activations** | 7.3 |
# | top 20 activating examples; ten intervals | **top 20**; **intervals**; ◆ marks a repeated example | 7.3 |
# | top 10 negative and positive logits | **negative**, **positive**, **all logits** | 7.4 |
# | blue and red underlines; bold token; hover | the same; hovering also shows what the model expected | 7.5 |
# | top 3 neurons by activation; by token correlation | **neuron alignment**; **correlated neurons** | 7.6 |
# | top 3 features of another seed | **latents of the other run**; and **nearest latents** | 7.8 |
# | autointerp explanation and score | **automatic explanation**; and **ground-truth concepts** | 7.9 |
#
# `saekit page` writes this for all latents, with a list to search; the lecture's clusters are lesson 9.

# %% [markdown] id="nonzero-intro"
# ## 7.2 How often?
#
# One slide calls a feature "activated only when its value is zero": a misprint. It is silent at zero:

# %% id="nonzero" tags=["nbval-check-output"]
print("smallest activation that we counted as firing is above 0:", bool(overview.latents.data.min() > 0))

# %% [markdown] id="ex-kinds-task"
# A latent's **density** is the share of tokens on which it fires. Never: *dead*. Hardly ever: *ultra-low*. Otherwise *alive*.
#
# ### Exercise 7.1 · Dead, ultra-low, alive
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# `counts[i]` is the number of tokens, of `n_tokens`, on which latent i fires. Return 0 for each dead latent, 1 for each whose density is below `low` but not zero, and 2 for all others.
#
# <details><summary>Hint 1 of 3</summary><code>low</code> is a density. What turns counts into densities?</details>
# <details><summary>Hint 2 of 3</summary>Two questions add up: does it fire at all? is its density at least <code>low</code>?</details>
# <details><summary>Hint 3 of 3</summary>True counts as 1: <code>(counts &gt; 0).astype(int)</code> plus one more comparison.</details>

# %% id="ex-kinds" exercise="density_kinds" difficulty=1 minutes=5 points=2
@exercise
def density_kinds(counts, n_tokens, low):
    """0 where a latent never fires, 1 where its density is above 0 and below low, 2 elsewhere: (d_sae,) ints
    from counts (d_sae,).

    >>> print(density_kinds(np.array([0, 3, 40]), 1_000_000, 1e-5))
    [0 1 2]
    """
    ### BEGIN SOLUTION
    density = counts / n_tokens
    return np.where(counts == 0, 0, np.where(density < low, 1, 2))
    ### END SOLUTION

# %% id="kinds-hand" tags=["nbval-check-output"]
print("in a million tokens:   ", density_kinds(np.array([0, 1, 9, 10, 400]), 1_000_000, 1e-5))
print("in ten thousand tokens:", density_kinds(np.array([0, 1, 9, 10, 400]), 10_000, 1e-5))

# %% [markdown] id="kinds-intro"
# In ten thousand tokens nothing *can* look ultra-low: one firing is already more. So a kind is a statement about a latent **and a text**. How much does it say about more text of the same kind? We judge by every fourth context (with a bound that fits so few tokens), and look whether the latent fires in the other three quarters. **Which share of the "dead" will wake?**

# %% id="kinds"
context_of = overview.cells // lm.n_ctx                                    # (tokens,) which context each stands in
quarter = context_of % 4 == 0
early = np.diff(latents[quarter].tocsc().indptr)
kinds = density_kinds(early, quarter.sum(), low=3 / quarter.sum())
for kind, name in enumerate(("dead", "ultra-low: fires once or twice", "alive")):
    n, later = (kinds == kind).sum(), (overview.counts > early)[kinds == kind].sum()
    print(f"{name:32}{n:5} latents, of which {100 * later / max(1, n):3.0f} % fire in the rest")

# %% [markdown] id="spectrum-intro"
# "Dead" on a short text is "rare". Were tokens independent, a latent of density p would stay silent on n of them with probability about exp(−pn): 0.05 at p = 3/n. They come in files, so silence says still less than that p is hardly above 3/n. Lesson 6 drew the spectrum of densities beside the neurons'. Here is the same spectrum as texts of three lengths show it:

# %% id="spectrum-lengths"
silent, spectra = {}, {}
for every_nth in (16, 4, 1):
    part = context_of % every_nth == 0
    counts = np.diff(latents[part].tocsc().indptr)
    silent[every_nth] = (counts == 0).mean()
    label = f"{part.sum():,} tokens: {(counts == 0).sum():,} silent"
    spectra[label] = np.log10(counts[counts > 0] / part.sum())

# %% id="spectrum"
fig, ax = plots.panels(height=2.6)
for (label, spectrum), style in zip(spectra.items(), (":", "--", "-")):
    ax.hist(spectrum, bins=np.arange(-5, 0.01, 0.2), histtype="step",
            color=plots.LATENT, linestyle=style, label=label)
ax.set(title="The longer the text, the more rare latents it shows",
       xlabel="density: log10 of the share of tokens", ylabel="latents")
ax.legend(loc="upper right")
plots.show(fig, alt="Histograms of log density of the same latents on a sixteenth, a quarter and all of the text: the longer the text, the farther the left end reaches and the fewer latents are silent.")

# %% id="spectrum-claim"
claim("share of silent latents, a sixteenth of the text minus all of it", silent[16] - silent[1], at_least=0.05)
print(f"with fewer than 3 firings in all: {100 * (overview.counts < 3).mean():.0f} % of the latents; "
      f"on more than a tenth of all tokens: {(overview.density > 0.1).sum()} latents")

# %% [markdown] id="spectrum-after"
# What the spectrum says: few firings are few examples to read and unsure scores; very many cannot stand for a rare thing. What it does not say: whether anything is *meant* (7.10 looks at both ends).
#
# ## 7.3 Where?
#
# The next panel is the most persuasive: the places of strongest activation. Here are the specimen's, in held-out files:

# %% id="top"
def fires(i):
    """Rows of the held text on which latent i fires, and its activations there."""
    column = slice(*held[0].indptr[i:i + 2])
    return held[0].indices[column], held[0].data[column]

def excerpts(i, chosen):
    """The held firings of latent i numbered `chosen`, as examples with 8 tokens before and 4 after."""
    rows = np.flatnonzero(~train)[fires(i)[0][chosen]]
    return interpret.examples(rows, latents[:, [i]].toarray()[:, 0], contexts, text, lm.tokenizer,
                              before=8, after=4, which=which)

strongest = np.argsort(-fires(specimen)[1])
strips.TokenStrips(excerpts(specimen, strongest[:6]), f"latent {specimen}: its strongest places")

# %% [markdown] id="ex-interval-task"
# Convincing? A claim about a latent is about *all* its firings. So the page also draws examples from ten equal parts of its range, from 0 to the largest activation.
#
# ### Exercise 7.2 · Which interval?
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Number each activation's interval: 1 for those above 0.9 of the largest, 2 for those above 0.8 up to 0.9, … 10 for those up to 0.1.
#
# <details><summary>Hint 1 of 3</summary>First express each activation as a share of the largest.</details>
# <details><summary>Hint 2 of 3</summary>Ten times the share, rounded <em>up</em>, is 10 for the top and 1 for the bottom interval.</details>
# <details><summary>Hint 3 of 3</summary>Which number minus that makes 10 into 1 and 1 into 10? Make it integers with <code>.astype(int)</code>.</details>

# %% id="ex-interval" exercise="interval_of" difficulty=2 minutes=8 points=3
@exercise
def interval_of(activations):
    """The interval of each activation (n,) > 0, as ints:
    s where (10 - s)/10 < activation / largest <= (11 - s)/10.

    >>> print(interval_of(np.array([2.0, 1.5, 0.1])))
    [ 1  3 10]
    """
    ### BEGIN SOLUTION
    share = activations / activations.max()
    return (11 - np.ceil(10 * share)).astype(int)
    ### END SOLUTION

# %% id="interval-strips"
rows, values = fires(specimen)
interval = interval_of(values)
one_each = [np.flatnonzero(interval == s)[0] for s in range(1, 11) if (interval == s).any()]
strips.TokenStrips(excerpts(specimen, one_each),
                   f"latent {specimen}: the first place of each of its intervals "
                   + ", ".join(str(s) for s in range(1, 11) if (interval == s).any()))

# %% [markdown] id="flatter-intro"
# Now in numbers, for all latents with enough firings. Each has a best concept, chosen on train. Which share of its **held** firings has that concept: of the 20 strongest, of each interval, of all? **From interval 1 down to 10, averaged over latents, this share …** `"a"`: stays about the same. `"b"`: falls. `"c"`: rises.

# %% id="predict-flatter"
predict("flatter", "b")

# %% id="flatter"
enough = budget(smoke=15, laptop=50)
readable = [i for i in alive
            if on_train[i] and min(np.diff(part.indptr)[i] for part in (seen[0], held[0])) >= enough]
def shares(i):
    """Of latent i's held firings: share with its concept among the top 20, all, each interval;
    share of firings in each interval."""
    rows, values = fires(i)
    has, interval = held[1][rows, on_train[i][0].concept], interval_of(values)
    inside = [interval == s for s in range(1, 11)]
    right = [has[where].mean() if where.any() else np.nan for where in inside]
    return [has[np.argsort(-values)[:20]].mean(), has.mean(), *right, *np.mean(inside, axis=1)]

table = np.array([shares(i) for i in readable])
top, all_firings, right, size = table[:, 0], table[:, 1], table[:, 2:12], table[:, 12:]

# %% id="flatter-figure"
fig, axes = plots.panels(2, height=2.6)
axes[0].bar(range(1, 11), np.nanmean(right, axis=0), color=plots.LATENT)
for value, name, above in ((top.mean(), "the 20 strongest", 0.02), (all_firings.mean(), "all firings", -0.07)):
    axes[0].axhline(value, color=plots.TRUTH, linewidth=0.8)
    axes[0].text(10.6, value + above, name, ha="right", fontsize=8)
axes[0].set(title="The top flatters …", xlabel="interval (1: the strongest)",
            ylabel="share with its concept", ylim=(0, 1))
axes[1].bar(range(1, 11), size.mean(axis=0), color=plots.LATENT)
axes[1].set(title="… and is a small part", xlabel="interval (1: the strongest)", ylabel="share of its firings")
plots.show(fig, alt="Left: share of firings that have the latent's concept, falling from the strongest to the weakest interval, with lines for the 20 strongest and for all. Right: share of firings in each interval, most in the weak ones.")

# %% id="flatter-claims"
print(f"{len(readable)} latents: right {100 * top.mean():.0f} % of the 20 strongest, "
      f"{100 * all_firings.mean():.0f} % of all; "
      f"weakest four intervals hold {100 * size[:, 6:].sum(axis=1).mean():.0f} % of firings")
claim("share with the concept, 20 strongest minus all firings", top.mean() - all_firings.mean(), at_least=0.03)
claim("share of firings in the five weaker intervals", size[:, 5:].sum(axis=1).mean(), at_least=0.5)

# %% [markdown] id="explore-intro"
# Others were fooled by top examples before us (Bolukbasi et al. 2021). Now single latents, ranked by their F1 on train: black firings have the best concept, grey ones do not.

# %% id="explore"
by_f1 = sorted(readable, key=lambda i: -on_train[i][0].f1)
def firings(ax, rank):
    i = by_f1[rank - 1]
    rows, values = fires(i)
    concept = on_train[i][0].concept
    has, interval = held[1][rows, concept], interval_of(values)
    with_it, without = (np.bincount(interval[has == yes], minlength=11)[1:] for yes in (True, False))
    ax.bar(range(1, 11), with_it, color=plots.TRUTH)
    ax.bar(range(1, 11), without, bottom=with_it, color=plots.BASELINE)
    ax.set(title=f"{rank}: {names[concept]}", xlabel=f"interval of latent {i}", ylabel="held firings")

explore(firings, stills=[{"rank": 1}, {"rank": len(by_f1) // 2}, {"rank": len(by_f1)}], rank=(1, len(by_f1)),
        alt="Held-out firings of three latents by interval, black with and grey without the latent's best "
            "concept: the best, a middling and the worst latent by F1 on train.")

# %% [markdown] id="ex-lens-task"
# A latent whose lower intervals turn grey may fire too easily, or be several things; of one that is grey throughout, our list lacks the concept, or there is none. Examples alone do not tell.
#
# ## 7.4 What does it write?
#
# Examples show when a latent fires. Its direction also *writes*: through W_down into the residual stream, through the final norm and a last matrix W_U (the *unembedding*) onto every token's **logit**; exp of a logit, divided by the sum over all tokens, is the token's probability (*softmax*). The norm takes off the stream's mean, divides by its standard deviation σ and multiplies by a weight γ, one number per dimension. Mean and σ differ from token to token; the **logit lens** freezes them at their averages, so that all is linear:
#
# `logits = (direction @ W_down) · γ / σ @ W_U`, minus their mean over the vocabulary (softmax does not feel a constant).
#
# ### Exercise 7.3 · The logit lens
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Return these logits for one direction; `sigma` is σ.
#
# <details><summary>Hint 1 of 3</summary>Follow the shapes: (d_mlp,) → (d_model,) → (d_vocab,).</details>
# <details><summary>Hint 2 of 3</summary>γ has one number per dimension of the residual stream; multiply entry by entry, before W_U.</details>
# <details><summary>Hint 3 of 3</summary>Write the formula as it stands, then subtract <code>.mean()</code> of the result.</details>

# %% id="ex-lens" exercise="logit_lens" difficulty=2 minutes=8 points=3
@exercise
def logit_lens(direction, W_down, gamma, sigma, W_U):
    """Logits per unit of activation that a direction in the neurons writes, centred over the tokens: (d_vocab,).

    direction (d_mlp,), W_down (d_mlp, d_model), gamma (d_model,) and sigma (a number) of the final norm,
    W_U (d_model, d_vocab).
    """
    ### BEGIN SOLUTION
    written = direction @ W_down
    logits = written * gamma / sigma @ W_U
    return logits - logits.mean()
    ### END SOLUTION

# %% [markdown] id="lens-hand-intro"
# By hand: two neurons, two dimensions, three tokens. The direction (1, 0) writes (1, 2); γ/σ makes it (1, 4); the tokens read 1, 4 and 1 + 4.

# %% id="lens-hand" tags=["nbval-check-output"]
W_hand, U_hand = np.array([[1.0, 2.0], [5.0, 5.0]]), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
by_hand = logit_lens(np.array([1.0, 0.0]), W_hand, np.array([0.5, 1.0]), 0.5, U_hand)
print(by_hand.round(2) + 0, "= (1, 4, 5) minus their mean")

# %% id="lens"
W_dec, W_down = sae.W_dec.numpy(), readout.down_weight(lm.model).numpy()
norm, W_U = readout.final_norm(lm.model), lm.model.get_output_embeddings().weight.numpy().T
gamma, scale = norm.weight.numpy(), readout.final_scale(lm, contexts[::8])
strings = [strips.visible(string) for string in interpret.token_strings(lm.tokenizer, range(lm.d_vocab))]
def ends(logits, n=8):
    order = np.argsort(-logits)
    up, down = ("  ".join(strings[t] for t in end) for end in (order[:n], order[:-n - 1:-1]))
    return f"up: {up}\n  down: {down}"

lens = logit_lens(W_dec[specimen], W_down, gamma, scale, W_U)
print(f"latent {specimen}, {subject}\n  {ends(lens)}")

# %% [markdown] id="derivative-intro"
# Does the lens tell the truth? A second route: push the residual stream of real tokens a little along what the latent writes, and see how all logits move. With mean and σ frozen the two must agree; the **true** derivative also moves mean and σ. We try 200 tokens, each with one of the latents that fire there:

# %% id="derivative"
stream = readout.final_residual(lm, contexts[:8]).double().numpy()[keep[:8]]
beta, U64 = norm.bias.double().numpy(), W_U.astype(np.float64)
def unembed(x, about):
    """Logits of a residual stream x, with the norm's mean and σ taken from `about`."""
    return ((x - about.mean()) / (about.var() + norm.eps) ** 0.5 * gamma + beta) @ U64

def slope(f, x, step, h=1e-3):
    rise = (f(x + h * step) - f(x - h * step)) / (2 * h)
    return rise - rise.mean()

# %% id="derivative-run"
rng, errors, cosines = np.random.default_rng(0), [], []
for row in rng.permutation(len(stream))[:budget(smoke=30, laptop=200)]:
    x, direction = stream[row], W_dec[rng.choice(latents[row].indices)]
    here = logit_lens(direction.astype(np.float64), W_down, gamma, (x.var() + norm.eps) ** 0.5, W_U)
    frozen = slope(lambda y: unembed(y, x), x, direction @ W_down)
    true = slope(lambda y: unembed(y, y), x, direction @ W_down)
    errors.append(np.linalg.norm(here - frozen) / np.linalg.norm(frozen))
    cosines.append(here @ true / np.linalg.norm(here) / np.linalg.norm(true))

claim("relative error of the lens against the frozen derivative", max(errors), at_most=1e-3)
print("cosine with the true derivative: 5 %, median, 95 %:", np.quantile(cosines, [0.05, 0.5, 0.95]).round(3))

# %% [markdown] id="lens-rival-intro"
# So the lens is exact for a frozen norm and nearly right for the real one. But does such a list mean anything? Every direction has one. Here is that of a random direction of the same length; then, for each kind of direction, how far its largest logit stands out, in standard deviations of its own logits. **Which kind will stand out most?**

# %% id="lens-directions"
noise = np.random.default_rng(1).normal(size=(512, lm.d_mlp)).astype(np.float32)
noise /= np.linalg.norm(noise, axis=1, keepdims=True)
kinds_of_directions = {"random directions": noise, "neurons": np.eye(lm.d_mlp), "latents that fire": W_dec[alive]}

# %% id="lens-rival"
print(f"a random direction\n  {ends(logit_lens(noise[0], W_down, gamma, scale, W_U))}\n")
print("largest logit in standard deviations: 5 %, median, 95 %")
peaks = {}
for name, directions in kinds_of_directions.items():
    written = readout.logit_lens(lm, directions, scale).numpy()
    peaks[name] = written.max(axis=1) / written.std(axis=1)
    beyond = (peaks[name] > np.quantile(peaks["random directions"], 0.95)).mean()
    quantiles = np.quantile(peaks[name], [0.05, 0.5, 0.95]).round(1)
    print(f"  {name:20}{quantiles}   beyond 95 % of the random ones: {100 * beyond:.0f} %")
print(f"  latent {specimen} by itself: {lens.max() / lens.std():.1f}")

# %% [markdown] id="lens-rival-after"
# Neurons stand out most, and even of them only one in five exceeds what one in twenty random directions does; of the latents one in nine. A list is evidence only as far as it stands out from the first row. The specimen's largest logit might be a random direction's, so its list is no evidence.
#
# ## 7.5 Blue and red
#
# The underlines answer: what if the latent were taken away *here*? Δ = loss without it − loss with it, of the token that really came next. The lecture: "blue underline means a lower ablation loss (better token prediction)". **So on a blue token the latent …** `"a"`: helped. `"b"`: was in the way. `"c"`: did nothing.

# %% id="predict-blue"
predict("blue", "b")

# %% id="underlines"
rows_here, effects = page.effects[specimen]                     # every firing in the page's excerpts
rows_here, effects = rows_here[np.isfinite(effects)], effects[np.isfinite(effects)]
blue, red = (effects < -0.01).sum(), (effects > 0.01).sum()
print(f"latent {specimen}: {blue} blue, {red} red, {len(effects) - blue - red} neither; "
      f"mean Δ {effects.mean():+.3f} nats")

# %% [markdown] id="underline-hand-intro"
# The largest of them by a second route: run the model with the latent ablated, and subtract.

# %% id="underline-hand"
import torch
place = np.abs(effects).argmax()
context, position = divmod(page.fit.survey.cells[rows_here[place]], lm.n_ctx)
block = torch.from_numpy(page.fit.survey.contexts[[context]].astype(int))
again = float(intervene.loss_change(lm, block, 0, intervene.ablate(sae, specimen))[0, position])
p = np.exp(-page.predictions.loss[rows_here[place]])
print(f"{strings[block[0, position]]!r}, then {strings[block[0, position + 1]]!r}: Δ {effects[place]:+.3f}; "
      f"chance of that token {p:.2g} with the latent, {p * np.exp(-again):.2g} without")
claim("difference between the page's Δ and the model's (nats)", abs(again - effects[place]), at_most=1e-3)

# %% [markdown] id="underline-after"
# Expect both colours: what is written helps some continuations and hurts others. A red token proves no meaning, since any push costs something; and other authors' pages may turn the sign round. Lesson 8 tests effects against pushes of the same size.
#
# ## 7.6 Is it just a neuron?
#
# Two panels ask. **Alignment**: how much of the latent's direction lies on a single neuron?
#
# ### Exercise 7.4 · Nearest neuron
#
# Difficulty 1 of 5 · 5 minutes · 2 points
#
# Return for every row of `W` the largest cosine with an axis: with a direction that is 1 in one entry and 0 elsewhere. Signs count: pushing a neuron *down* is not being that neuron.
#
# <details><summary>Hint 1 of 3</summary>What is the dot product of a row with the j-th axis?</details>
# <details><summary>Hint 2 of 3</summary>An axis has length 1, so only the row's own length is to be divided by.</details>
# <details><summary>Hint 3 of 3</summary><code>W.max(axis=1)</code> and <code>np.linalg.norm(W, axis=1)</code>.</details>

# %% id="ex-axis" exercise="nearest_neuron" difficulty=1 minutes=5 points=2
@exercise
def nearest_neuron(W):
    """Largest cosine of each row of W (n, d_mlp) with a single neuron's axis: (n,).

    >>> print(nearest_neuron(np.array([[0.0, 2.0], [3.0, 4.0]])))
    [1.  0.8]
    """
    ### BEGIN SOLUTION
    return W.max(axis=1) / np.linalg.norm(W, axis=1)
    ### END SOLUTION

# %% [markdown] id="ex-pearson-task"
# **Correlation**: does a neuron rise and fall with the latent over tokens, whatever their directions?
#
# ### Exercise 7.5 · Correlations, all at once
#
# Difficulty 3 of 5 · 10 minutes · 4 points
#
# Return the Pearson correlation of every column of `a` with every column of `b` over the rows; 0 where a column never varies.
#
# <details><summary>Hint 1 of 3</summary>Take off each column's mean. Which product of the two matrices sums over rows?</details>
# <details><summary>Hint 2 of 3</summary>Of centred columns, correlation is the cosine: divide by both lengths.</details>
# <details><summary>Hint 3 of 3</summary>Scale each centred column to length 1, but divide by 1 where its length is 0; then <code>a.T @ b</code>.</details>

# %% id="ex-pearson" exercise="pearson" difficulty=3 minutes=10 points=4
@exercise
def pearson(a, b):
    """Pearson correlation over rows of each column of a (n, p) with each column of b (n, q): (p, q);
    0 for a constant column.

    >>> print(pearson(np.array([[0.0], [1.0], [2.0]]), np.array([[1.0, 5.0], [2.0, 3.0], [3.0, 1.0]])).round(6))
    [[ 1. -1.]]
    """
    ### BEGIN SOLUTION
    def unit(x):
        centred = x - x.mean(axis=0)
        length = np.linalg.norm(centred, axis=0)
        return centred / np.where(length > 0, length, 1)
    return unit(a).T @ unit(b)
    ### END SOLUTION

# %% id="pearson-check" tags=["nbval-check-output"]
some = band[:8]
every_r, _ = overview.neuron_correlations()                              # the same from running sums, all latents
yours = pearson(latents[:, some].toarray(), neurons)
print("yours and the survey's agree within 1e-3:", bool(np.abs(yours - every_r[some]).max() < 1e-3))
unrelated = np.random.default_rng(0).random((10_000, 2))
correlation = abs(pearson(unrelated[:, :1], unrelated[:, 1:])[0, 0])
cosine = np.dot(*unrelated.T) / np.prod(np.linalg.norm(unrelated, axis=0))
print(f"two unrelated columns, both positive: Pearson {correlation:.1f}, but cosine {cosine:.2f}")

# %% id="neurons-figure"
def histogram(ax, values, **style):
    """Draw which share of the values, all from 0 to 1, falls into each of 40 bins."""
    ax.hist(values, bins=np.linspace(0, 1, 41), weights=np.full(len(values), 1 / len(values)), **style)

axis, r = nearest_neuron(W_dec[alive]), every_r[alive].max(axis=1)
fig, axes = plots.panels(2, height=2.6)
histogram(axes[0], axis, color=plots.LATENT, alpha=0.7, label="latents")
histogram(axes[0], nearest_neuron(noise), color=plots.BASELINE, alpha=0.7, label="random directions")
axes[0].set(title="Most latents are not a neuron", xlabel="cosine with the nearest neuron's axis", ylabel="share")
axes[0].legend()
histogram(axes[1], r, color=plots.LATENT)
axes[1].set(title="… nor move like one", xlabel="largest correlation with a neuron", ylabel="share")
plots.show(fig, alt="Left: histogram of the cosine with the nearest neuron's axis for latents and for random directions. Right: histogram of each latent's largest correlation with a neuron.")

# %% id="neurons-claims"
for bound in (0.5, 0.7, 0.9):
    print(f"above {bound}: direction {100 * (axis > bound).mean():3.0f} %, "
          f"correlation {100 * (r > bound).mean():3.0f} %, "
          f"both {100 * ((axis > bound) & (r > bound)).mean():3.0f} % of {len(alive):,} latents")
claim("share of living latents that are no neuron (cosine and correlation both at most 0.9)",
      ((axis <= 0.9) & (r <= 0.9)).mean(), at_least=0.7)

# %% [markdown] id="inputs-intro"
# The few above 0.9 in both are neurons that the SAE has passed on under another number.
#
# ## 7.7 Inputs and outputs
#
# A latent stands between what came and what comes. Is it about the token *at hand*, the one *before*, or the one the model should say *next*? The simplest predictor can tell: a table of each token's mean activation.
#
# ### Exercise 7.6 · A table of tokens
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# Return the mean of `activations` over the rows of each token id, for ids 0 to `d_vocab` − 1. A token that does not occur gets the mean over all rows.
#
# <details><summary>Hint 1 of 3</summary>Two sums per id: of activations, and of rows.</details>
# <details><summary>Hint 2 of 3</summary><code>np.bincount(tokens, minlength=d_vocab)</code> counts; with <code>weights=activations</code> it sums.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>np.maximum(counts, 1)</code>, and choose the overall mean with <code>np.where</code> where the count is 0.</details>

# %% id="ex-table" exercise="token_means" difficulty=2 minutes=8 points=3
@exercise
def token_means(tokens, activations, d_vocab):
    """Mean activation on each token id, the overall mean for ids that do not occur: (d_vocab,);
    tokens, activations (n,).

    >>> print(token_means(np.array([0, 2, 2]), np.array([1.0, 4.0, 4.0]), 4))
    [1. 3. 4. 3.]
    """
    ### BEGIN SOLUTION
    counts = np.bincount(tokens, minlength=d_vocab)
    sums = np.bincount(tokens, weights=activations, minlength=d_vocab)
    return np.where(counts > 0, sums / np.maximum(counts, 1), activations.mean())
    ### END SOLUTION

# %% [markdown] id="inputs-run-intro"
# The table is made on train, and used to predict the activation on held tokens; the score is the correlation. For latents drawn among those with enough firings:

# %% id="inputs"
# the last token's next is its context's first
place_in = {"at hand": contexts, "before": np.roll(contexts, 1, axis=1), "next": np.roll(contexts, -1, axis=1)}
tokens = {name: shifted[keep].astype(int) for name, shifted in place_in.items()}
def predicted_by(name, values):
    table = token_means(tokens[name][train], values[train], lm.d_vocab)
    return scores.correlation(table[tokens[name][~train]], values[~train])

sample = np.random.default_rng(2).permutation(readable)[:budget(smoke=20, laptop=300)]
known = np.array([[predicted_by(name, latents[:, [i]].toarray()[:, 0]) for name in tokens] for i in sample])
for column, name in enumerate(tokens):
    print(f"token {name:8}: median correlation {np.nanmedian(known[:, column]):.2f}; the best of the three "
          f"for {100 * (np.nanargmax(known, axis=1) == column).mean():.0f} % of {len(sample)} latents")

# %% id="inputs-figure"
fig, ax = plots.panels(height=3.0)
ax.plot(known[:, 0], known[:, 2], ".", color=plots.LATENT)
ax.plot([0, 1], [0, 1], color=plots.BASELINE, linewidth=0.8)
ax.set(title="Most latents follow the token at hand, not the one to come",
       xlabel="correlation with a table of the token at hand", ylabel="… of the next token",
       xlim=(-0.05, 1), ylim=(-0.05, 1))
plots.show(fig, alt="One dot per latent: correlation of its activation with a table of the current token against that with a table of the next token; most lie below the diagonal.")

# %% id="inputs-claim"
claim("share of latents better known from the token at hand than from the next",
      np.mean(known[:, 0] > known[:, 2]), at_least=0.6)

# %% id="inputs-words"
values = latents[:, [specimen]].toarray()[:, 0]
often = np.bincount(tokens["at hand"], minlength=lm.d_vocab) >= 5
on_token = token_means(tokens["at hand"], values, lm.d_vocab) * often
fires_on, promotes = ("  ".join(strings[t] for t in np.argsort(-per_token)[:8]) for per_token in (on_token, lens))
print(f"latent {specimen} as an input, fires most on:  {fires_on}")
print(f"          as an output, promotes most: {promotes}")
W_enc = sae.W_enc.numpy().T[alive]
cosine = (W_enc * W_dec[alive]).sum(axis=1) / np.linalg.norm(W_enc, axis=1) / np.linalg.norm(W_dec[alive], axis=1)
print("cosine of what it listens to (W_enc) with what it writes (W_dec): 5 %, median, 95 %:",
      np.quantile(cosine, [0.05, 0.5, 0.95]).round(2))

# %% [markdown] id="inputs-after"
# Near the left edge lie latents that the token at hand does not explain: these take reading. And a latent's two faces need not match: it may fire on one thing *in order to* announce another. (Of the specimen we cannot say so: its list did not stand out in 7.4.)
#
# ## 7.8 Its relatives
#
# A latent whose neighbours mean the same is a part of something. And does another SAE of the same neurons (here a smaller one, from another seed; lesson 9 shows why the same seed would flatter) know it too?

# %% id="relatives"
similar, near = (columns[specimen] for columns in page.nearest)
twins, twin_r, _ = (columns[specimen] for columns in page.against)
concept_of = {i: f", {names[on_train[i][0].concept]}" if on_train[i] else "" for i in similar}
print("nearest in the same SAE:",
      ", ".join(f"{i} ({value:.2f}{concept_of[i]})" for i, value in zip(similar, near)))
print("in the other SAE, by correlation over tokens:",
      ", ".join(f"{i} ({value:.2f})" for i, value in zip(twins, twin_r)))

# %% [markdown] id="ex-formula-task"
# ## 7.9 Explain without a language model
#
# Python itself can tell us of every token whether it is a keyword, stands in a docstring, follows `def`. So an explanation can be a **formula** that is true or false on each token: one property, or two joined by *and*, *or*, *and not*; properties are our concepts, the token, and the token before. How well does a formula go with activations `a`? If it holds on n of N tokens, where the activations sum to s, Pearson's correlation needs nothing more of it:
#
# r = (s/N − n/N · mean(a)) / (sd(a) · √(n/N · (1 − n/N)))
#
# ### Exercise 7.7 · A formula's correlation
#
# Difficulty 3 of 5 · 8 minutes · 3 points
#
# Return r for many formulas at once: `n` and `s` have one entry each. A formula that holds nowhere or everywhere gets 0.
#
# <details><summary>Hint 1 of 3</summary>With <code>share = n / n_rows</code> the formula has four parts; write each on a line of its own.</details>
# <details><summary>Hint 2 of 3</summary>share · (1 − share) is 0 exactly for those that hold nowhere or everywhere.</details>
# <details><summary>Hint 3 of 3</summary>Divide by <code>np.where(spread > 0, spread, 1)</code>; the numerator is 0 there already, up to rounding.</details>

# %% id="ex-formula" exercise="formula_correlation" difficulty=3 minutes=8 points=3
@exercise
def formula_correlation(n, s, n_rows, mean, sd):
    """(s/N - n/N mean) / (sd sqrt(n/N (1 - n/N))) for formulas that hold on n (m,) of N = n_rows rows,
    where activations sum to s (m,).

    mean, sd > 0: of the activations over all rows. 0 where n is 0 or N.
    """
    ### BEGIN SOLUTION
    share = n / n_rows
    spread = sd * np.sqrt(share * (1 - share))
    covariance = s / n_rows - share * mean
    return np.where(spread > 0, covariance / np.where(spread > 0, spread, 1), 0.0)
    ### END SOLUTION

# %% id="formula-hand" tags=["nbval-check-output"]
a, holds = np.array([3.0, 2.0, 0.0, 0.0, 1.0, 0.0]), np.array([1, 1, 0, 0, 0, 0])
from_sums = formula_correlation(np.array([2]), np.array([5.0]), 6, a.mean(), a.std())
print("from sums:", from_sums.round(4), " by np.corrcoef:", np.corrcoef(a, holds)[0, 1].round(4))

# %% [markdown] id="properties-intro"
# One sparse product gives all sums. The specimen's five best single properties, on train:

# %% id="properties"
values = latents[train][:, [specimen]].toarray()[:, 0]
n_holds, sums = np.asarray(properties.matrix[train].sum(axis=0)).ravel(), properties.matrix[train].T @ values
r_train = formula_correlation(n_holds, sums, train.sum(), values.mean(), values.std())
for i in np.argsort(-r_train)[:5]:
    print(f"{properties.names[i]:24} holds on {n_holds[i]:5.0f} tokens, r = {r_train[i]:.2f}")

# %% [markdown] id="search-intro"
# `explain.explain` tries every single property and every pair that begins with one of the best; a second property must earn 0.02 of correlation, so that length is not free. Then the formula is scored on the **held** files. But with thousands of formulas, something will fit anything. The test: columns of pure noise.

# %% id="search"
(reading,) = explain.explain(latents[:, [specimen]], properties, train)
print(f"latent {specimen}: {reading.text}; "
      f"r {reading.train_correlation:.2f} on train, {reading.correlation:.2f} on held; "
      f"precision {reading.precision:.2f}, recall {reading.recall:.2f}")
nothing = explain.explain(np.random.default_rng(3).normal(size=(len(train), 20)), properties, train, signed=True)
fitted = np.mean([one.train_correlation for one in nothing])
honest = np.mean([one.correlation for one in nothing])
print(f"pure noise, e.g. {nothing[0].text!r}: mean r {fitted:.3f} on train, {honest:+.3f} on held")
claim("noise: r on train minus r on held", fitted - honest, at_least=0.005)

# %% [markdown] id="table-intro"
# ## 7.10 A fair table
#
# Are latents easier to explain than neurons? Only a fair comparison can say: equally many units of each kind; the same search, both signs, for all; thresholds and formulas from train, scores from held. Latents are chosen by density, never by score: the densest, and any that fire. Their rivals are neurons and random directions. The control that matters is an SAE of the **untrained** transformer (2,048 latents, 10 million tokens; ours has 4,096 and 50 million, so compare roughly). **Guess the order.** (For speed, every other token.)

# %% id="table"
n_units, every_other = budget(smoke=24, laptop=512), np.arange(0, len(train), 2)
def densest(density):
    return np.argsort(-density, kind="stable")[:n_units]

any_that_fire = np.random.default_rng(4).permutation(alive)[:n_units]
kinds_of_units = {"latents, densest": latents[every_other][:, densest(overview.density)],
                  "latents, any that fire": latents[every_other][:, any_that_fire],
                  "neurons": neurons[every_other][:, densest((neurons > 0).mean(axis=0))],
                  "random directions": neurons[every_other] @ noise[:n_units].T}
control = transformer.data_folder() / "saes" / "python-1l-untrained-topk-2048"
if (control / "sae.safetensors").is_file():
    blank = survey.survey(saes.load_sae(control).requires_grad_(False),
                          transformer.load_lm("python-1l:untrained"), contexts)
    kinds_of_units["latents, untrained model"] = blank.latents.tocsr()[every_other][:, densest(blank.density)]

# %% id="table-run"
split, labels_part = train[every_other], labels[every_other]
properties_part = explain.Properties(properties.names, properties.matrix[every_other])
n_each = np.minimum(labels_part[split].sum(axis=0), labels_part[~split].sum(axis=0))
common = (n_each >= budget(smoke=10, laptop=60)) & (labels_part.mean(axis=0) < 0.25)
def quality(units):
    """Of every unit: F1 of its best concept on held files, r of its formula on train and on held files."""
    single = probing.single(units.toarray() if hasattr(units, "toarray") else units,
                            labels_part[:, common], split, explain.SHARES)
    found = explain.explain(units, properties_part, split, signed=True, beam=2)
    best = single.f1[np.arange(units.shape[1]), single.train_f1.argmax(axis=1)]
    return best, np.array([one.train_correlation for one in found]), np.array([one.correlation for one in found])

qualities = {name: quality(units) for name, units in kinds_of_units.items()}

# %% id="table-show"
print(f"{n_units} units of each kind; {common.sum()} concepts, {len(properties.names):,} properties")
print(f"{'':26}{'best-concept F1':>18}{'explanation r, median':>24}{'r, held':>12}")
print(f"{'':26}{'median':>9}{'90 %':>9}{'train':>12}{'held':>12}{'90 %':>12}{'explained':>12}")
for name, (f1, fit, score) in qualities.items():
    print(f"{name:26}{np.median(f1):9.2f}{np.quantile(f1, 0.9):9.2f}"
          f"{np.nanmedian(fit):12.2f}{np.nanmedian(score):12.2f}{np.nanquantile(score, 0.9):12.2f}"
          f"{np.isfinite(score).sum():12}")
if "latents, untrained model" not in qualities:
    print("(no SAE of the untrained model lies in data/saes: its row is missing)")

# %% id="table-verdict"
columns = {"F1, median": lambda q: np.median(q[0]), "F1, 90 %": lambda q: np.quantile(q[0], 0.9),
           "r, median": lambda q: np.nanmedian(q[2]), "r, 90 %": lambda q: np.nanquantile(q[2], 0.9)}
for title, of in columns.items():
    order = sorted(qualities, key=lambda name: -of(qualities[name]))
    shown = [f"{name.removeprefix('latents, ')} {of(qualities[name]):.2f}" for name in order]
    print(f"{title:11}" + " > ".join(shown).replace("random directions", "random"))
densest_r, random_r = (columns["r, 90 %"](qualities[name]) for name in ("latents, densest", "random directions"))
claim("r at the 90 % mark, densest latents minus random directions", densest_r - random_r, at_least=0.03)

# %% [markdown] id="table-after"
# (*explained* counts the units that fire often enough for a search: the others are missing from r, but not from F1.) Read who leads in *each* column, and whether the typical unit (median) and the best tenth (90 %) agree: an SAE may give a few very clear units and leave the typical one no clearer than a neuron. Latents of the untrained model score well, at the 90 % mark of r best of all (0.92): clarity also comes from the *text*, which any wide random layer passes on (Heap et al. 2025). So a clear latent is no proof that the model has *learned* what it stands for. And the columns measure different things: F1 rewards a unit that fires often, as any frequent concept is partly hit by chance; a rare one has no frequent concept to be good at.
#
# **Are frequent features the interpretable ones?** The reference page says so of "the top SAE features (by activation frequency)", and that rare ones are harder "because there are fewer examples". Both can be tested: all latents with ten or more firings on train (rarer ones are not even searched), in ten groups of rising density.

# %% id="deciles"
explained = np.flatnonzero(np.diff(seen[0].indptr) >= explain.MIN_FIRES)[::budget(smoke=8, laptop=1)]
formulas = explain.explain(latents[:, explained], properties, train, beam=2)
r_fit = np.array([one.train_correlation for one in formulas])
r_held = np.array([one.correlation for one in formulas])
tenths = np.array_split(np.argsort(overview.density[explained], kind="stable"), 10)
middle = [np.median(overview.density[explained[tenth]]) for tenth in tenths]
by_tenth = np.array([[np.nanmedian(values[tenth]) for tenth in tenths] for values in (r_fit, r_held)])
best_tenth = int(by_tenth[1].argmax())

# %% id="deciles-figure"
fig, ax = plots.panels(height=2.8)
ax.plot(middle, by_tenth[1], "o-", color=plots.LATENT, label="held files")
ax.plot(middle, by_tenth[0], "o:", color=plots.LATENT, label="train files, where the formula was found")
ax.set(xscale="log", ylim=(0, 1), xlabel="density (median of each tenth of the latents)",
       ylabel="explanation's r, median",
       title="Middling densities are explained best, both ends worse")
ax.legend()
plots.show(fig, alt="Median correlation of the explanation against density, for ten groups of latents: on held files and, dotted and higher, on the train files where formulas were found.")

# %% [markdown] id="few-intro"
# And the *because*? Take the best-explained group, and let it be as poor in examples as the rarest: search again on so few train contexts that it fires about as often there. (A formula must hold on 20 train tokens or more, here on 5; so the rarest group is searched again with 5 too.) If its score falls to that of the rarest group, scarcity is all; if it stays above, few *train* examples are not all. The dotted curve gives a hint: where it is low as well, no formula of ours fits even the files in which it was looked for.

# %% id="few-search"
n_seen = np.diff(seen[0].indptr)[explained]
poor = np.median(n_seen[tenths[0]]) / np.median(n_seen[tenths[best_tenth]])
train_contexts = np.random.default_rng(5).permutation(np.unique(context_of[train]))
few = ~train | np.isin(context_of, train_contexts[:max(3, round(poor * len(train_contexts)))])
properties_few = explain.Properties(properties.names, properties.matrix[few])
again = explain.explain(latents[few][:, explained[tenths[best_tenth]]], properties_few, train[few],
                        beam=2, min_count=5)
rarest = explain.explain(latents[:, explained[tenths[0]]], properties, train, beam=2, min_count=5)
r_rarest = np.nanmedian([one.correlation for one in rarest])

# %% id="few"
r_few = np.array([one.correlation for one in again])
both = np.isfinite(r_few)
print(f"group {best_tenth + 1}, the {both.sum()} of {len(tenths[best_tenth])} latents that can be explained from "
      f"{(train & few).sum():,} of {train.sum():,} train tokens: "
      f"{np.median(r_held[tenths[best_tenth]][both]):.2f} with all, {np.median(r_few[both]):.2f} with few")
print(f"rarest group {by_tenth[1, 0]:z.2f} (on train {by_tenth[0, 0]:.2f}; "
      f"formulas on 5 tokens allowed: {r_rarest:z.2f}), "
      f"most frequent {by_tenth[1, -1]:.2f} (on train {by_tenth[0, -1]:.2f})")
claim("r of the best-explained group minus r of the rarest and of the most frequent",
      by_tenth[1, best_tenth] - max(by_tenth[1, 0], by_tenth[1, -1]), at_least=0.05)

# %% [markdown] id="writer-intro"
# So not the *frequent* ones, but those in the middle. Few *train* examples cost something, but do not bring the group down to the rarest (only latents that still fire often enough could be searched, which flatters the second number); nor do formulas on 5 tokens lift those. What sinks them is open: on held, which was not thinned, they fire about ten times, and one that never fires there scores 0.
#
# ## 7.11 With a language model, and the article's categories
#
# The usual route replaces our search: show a large language model the top **and** interval examples, ask for one sentence, and let a second model predict activations from it (Bills et al. 2023). The article's "LM(examples, explanations)" is this score. It must be validated against people, as the article says: a fluent sentence is not a measured one. `autointerp.prompt` builds the question from any unit's examples:

# %% id="writer"
# the top three, and one of each interval
shown = excerpts(specimen, list(dict.fromkeys([*strongest[:3], *one_each])))
peak = fires(specimen)[1].max()
question = autointerp.prompt(shown, peak)
print(question[:420], "\n[…]\n", question[-160:])

# %% [markdown] id="writer-run-intro"
# `autointerp.load_writer(folder)` takes any text model in `transformers`' format, from a folder on your disk or the hub. Ours has one block and has read only Python; it cannot explain anything. Running it shows the plumbing:

# %% id="writer-run"
write = autointerp.load_writer("python-1l")
print("it writes:", repr(autointerp.explain_in_words(write, shown, peak, n_tokens=16)))

# %% [markdown] id="categories-intro"
# The article lists what kinds of features large models have: scripts, syntax, semantics, code, security, emotion, safety. What *can* exist here? First the letters of our text:

# %% id="scripts"
import unicodedata
from collections import Counter
characters = Counter(lm.tokenizer.decode(text.tokens.tolist()))
scripts = Counter()
for character, n in characters.items():
    if character.isalpha():
        scripts[unicodedata.name(character, "?").split()[0]] += n
looked_for = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
print(", ".join(f"{script.lower()} {scripts[script]:,}" for script in looked_for))

# %% [markdown] id="categories-rule"
# Then, for each of the article's examples that Python text can hold: the latent with the best F1 on train (of all, firing above 0), its F1 on held; beside it the best neuron, which may choose threshold and sign (on every other token). Concepts with fewer than 20 tokens in either half are too rare to score.

# %% id="categories"
HERE = {"syntax: brackets": "depth_2", "syntax: clause boundaries": "block_colon",
        "semantics: numbers": "number", "semantics: named entities": "module_name",
        "code: definitions": "def_name", "code: calls": "call_name", "code: assignments": "assigned_name",
        "code: control flow": "keyword_control", "code: error handling": "exception_name",
        "language: SQL within Python": "sql",
        "security: SQL injection": "sql_built", "security: keys, base64": "key_like",
        "security: eval, exec": "eval_exec", "security: shells": "shell_true",
        "security: unsafe loading": "pickle"}
columns = [names.index(concept) for concept in HERE.values()]
def f1_of(half):
    """F1 of every latent as a detector of every one of these concepts: (d_sae, n_concepts)."""
    both = (half[0] > 0).astype(np.float32).T @ half[1][:, columns].astype(np.float32)
    return 2 * both / np.maximum(np.diff(half[0].indptr)[:, None] + half[1][:, columns].sum(axis=0), 1)

f1_train, f1_held = f1_of(seen), f1_of(held)
best_neuron = probing.single(neurons[every_other], labels_part[:, columns], split)

# %% id="categories-table"
print(f"{'category':30}{'concept':18}{'latent':>7}{'F1':>6}{'neuron':>9}{'F1':>6}")
for j, (category, concept) in enumerate(HERE.items()):
    n = min(seen[1][:, columns[j]].sum(), held[1][:, columns[j]].sum())
    i, neuron = f1_train[:, j].argmax(), best_neuron.train_f1[:, j].argmax()
    result = f"{i:7}{f1_held[i, j]:6.2f}{neuron:9}{best_neuron.f1[neuron, j]:6.2f}"
    if n < 20:
        own = "; lesson 8 writes its own" if category.startswith("security") else ""
        result = f"   too rare: {n} in one half{own}"
    print(f"{category:30}{concept:18}{result}")

# %% [markdown] id="categories-absent"
# | cannot exist in Python text | how to look on a hub model |
# |---|---|
# | scripts: Arabic, Hebrew | train or load an SAE of a multilingual model; score latents on lines in that script against others, as above |
# | syntax of sentences: verb tense, questions | the same sentences in two tenses; a tagger in place of our parser |
# | semantics: places, dates, people | lists of names in neutral sentences, half of the list held out |
# | security: buffer overflows, malware | C code with and without the fault, paired line by line |
# | emotion: sadness, anger, joy, fear | labelled sentences; beware of the mere *words* (compare with a token table) |
# | safety: deception, bias, harm, power-seeking | paired prompts, and lesson 8's questions about what a detector does not show |
#
# `saekit train --model EleutherAI/pythia-70m --layer 3 --out runs/p` and `saekit page runs/p` do for such a model what we did here; concepts of your own are one True or False per token.

# %% [markdown] id="drawn-intro"
# ## 7.12 Read one yourself
#
# Now the latent that chance gave us. Its page, with the automatic explanation in plain sight: cover it, and write your label first.

# %% id="drawn"
view(page, drawn)

# %% [markdown] id="q-label" question="label" minutes=8 points=4
# ### Your label
#
# In words · 8 minutes · 4 points
#
# Write a label for the drawn latent in one sentence. Then: (a) which of its intervals does the label *not* cover? (b) Name one observation on new text that would refute it. (c) Is it about what came, or about what comes next? Say which panels you used.
#
# ### BEGIN SOLUTION
# - One point for a label that says when the latent fires, so precisely that someone else could mark tokens with it ("code" is too wide, a list of the top tokens too narrow unless it holds in the lower intervals).
# - One point for (a): names intervals by number and what stands there instead, or shows that the label holds to the bottom. "I cannot tell" is right if reasons are given.
# - One point for (b): something that could really happen, such as "it stays silent on X in a file of another package".
# - One point for (c): compares examples (inputs) with positive logits (outputs), and does not take a top ten as proof.
# ### END SOLUTION

# %% id="drawn-formula"
(machine,) = explain.explain(latents[:, [drawn]], properties, train)
print(f"latent {drawn}: {machine.text or '(too few firings)'}; "
      f"r {machine.train_correlation:.2f} on train, {machine.correlation:.2f} on held; "
      f"precision {machine.precision:.2f}, recall {machine.recall:.2f}")

# %% [markdown] id="sources"
# ## The sources say / what is true
#
# | the sources | what is true, and where |
# |---|---|
# | lecture: activated "only when its value is zero" | a misprint: when it is **not** zero (7.2) |
# | lecture: informative and dead features, by their distribution | "dead" is a statement about a text of some length (7.2) |
# | lecture: maximally activating prompts | the most flattering part of a latent; read the intervals (7.3) |
# | lecture: logit lens | exact with the final norm frozen, nearly so for the true derivative; compare a list with a random direction's (7.4) |
# | lecture: "blue underline means a lower ablation loss (better token prediction)" | better *without* the latent: blue is where it is in the way (7.5) |
# | article: automated scores from a language model | possible without one where the truth is known; unseen files, and the same search for rivals (7.9, 7.10) |
# | article: categories of features | only those that the text can hold (7.11) |
# | reference page: frequent features are the interpretable ones; rare ones lack examples | both ends are hard (7.10); few train examples explain a part of it, how much in all is open |
#
# ## Common confusions
#
# - *"Twenty out of twenty!"* Of the strongest. How many of all?
# - *"Its top logits name it."* They name what it writes, and a random direction writes a top ten too.
# - *"r = 0.4, so it means nothing we know."* Our formulas have at most two properties. No formula found is not no meaning.
# - *"The best of 4,096 beats the best neuron."* Eight times as many candidates. Give both the same number, or score on what did not choose.
#
# ## Summary
#
# A page is evidence of five kinds: how often, where, what it writes, what it costs, what it resembles. Each has its flatterer: short texts, top examples, top tens, single colours, the best of many. The cures are the same: intervals, random rivals, equal numbers, unseen files.
#
# **Limits.** One small model, one SAE, Python text. Formulas see the token, the one before, and what a parser knows; meaning beyond that scores as noise. Everything here is correlation: what a latent *does* is the next lesson.
#
# **References.** Bricken et al., "Towards Monosemanticity" (2023) · nostalgebraist, "Interpreting GPT: the logit lens" (2020) · Bills et al., "Language models can explain neurons in language models" (2023) · Bolukbasi et al., "An interpretability illusion for BERT" (2021) · Templeton et al., "Scaling Monosemanticity" (2024) · Heap et al., "Sparse autoencoders can interpret randomly initialized transformers" (2025).

# %% id="progress"
progress()

# %% [markdown] id="next"
# Next: [Lesson 8 · Test the features](08_test_features.ipynb).
