// One latent: thirteen panels.
"use strict";

const FELT = 0.01;         // nats; a smaller effect gets no underline
const MEANING = "Δ = loss ablated − loss clean of the next token, in nats. The colours are the lecture's; other viewers "
  + "print a “contribution to the loss” or swap the colours, so read a page's legend first.";

function panel(name, title, ...children) {
  return el("section", { class: `panel ${name}`, "data-panel": name }, el("h2", {}, title), ...children);
}

const note = (text) => el("p", { class: "note" }, text);
const neuron = (n) => el("span", { class: "neuron" }, String(n));
const nearby = (id) => (data.byId[id] ? el("a", { href: `#${id}` }, String(id)) : String(id));
const nameOf = (id) => (data.byId[id] && (labels.get(id) || data.byId[id].text)) || "";

// ---------------------------------------------------------------- examples

function legend() {
  const entry = (sample, text) => el("p", {}, sample, el("span", {}, text));
  return el("aside", { class: "legend", "aria-label": "Legend" },
    entry(el("span", { class: "token", "--on": 0.7 }, "shade"), "how strongly the latent fires on this token"),
    entry(el("span", { class: "token down", "--weight": "3px" }, "blue, dashed"),
      "Δ below 0: without the latent the loss is lower, the next token is predicted better"),
    entry(el("span", { class: "token up", "--weight": "3px" }, "red, solid"),
      "Δ above 0: without the latent the loss is higher, the next token is predicted worse"),
    entry(el("span", { class: "token" }, el("b", {}, "bold")), "the token that selected the example"),
    entry(el("span", { class: "again" }, "◆"), "this example is already shown in another interval"),
    note(MEANING));
}

// Per token: its id, activation, effect, chance of the token that came next, and what the model expected.
function exampleTokens(record) {
  const ex = record.examples, width = data.about.token_width;
  const guesses = unpack(ex.likeliest, width), chances = unpack(ex.chances, 2);
  const on = unpackSparse(ex.activations), effects = unpackSparse(ex.effects);
  let known = 0;
  return unpack(ex.tokens, width).map((id, i) => ({
    id, on: on[i] || 0, activation: (on[i] || 0) * record.peak, guesses: guesses.slice(3 * i, 3 * i + 3),
    effect: effects[i] === null ? null : (2 * effects[i] - 1) * ex.largest,
    chance: effects[i] === null ? null : chances[known++] / LEVELS }));
}

function tokenSpan(info, bold) {
  const size = info.effect === null ? 0 : Math.min(1, Math.abs(info.effect));
  const direction = size < FELT ? "" : info.effect < 0 ? " down" : " up";
  const span = el("span", { class: `token${direction}`, tabindex: bold ? 0 : -1, "--on": info.on.toFixed(3),
    "--weight": `${(1.5 + 2.5 * size).toFixed(1)}px` }, bold ? el("b", {}, word(info.id)) : word(info.id));
  span.info = info;
  return span;
}

function exampleLine(tokens, at, again, file) {
  const following = (i) => tokens[i + 1] && tokens[i + 1].id;
  const spans = tokens.map((info, i) => tokenSpan({ ...info, file, next: following(i) }, i === at));
  const mark = el("span", { class: "again", title: "already shown in another interval" }, "◆",
    el("span", { class: "hidden" }, " already shown in another interval"));
  return el("li", { class: "example" },
    el("span", { class: "value" }, tokens[at].activation.toFixed(2), again && mark),
    el("span", { class: "before" }, el("span", {}, spans.slice(0, at))),
    el("span", { class: "after" }, spans.slice(at)));
}

function exampleLines(record) {
  const ex = record.examples, tokens = exampleTokens(record), again = new Set(ex.again);
  let start = 0;
  return ex.lengths.map((length, i) => {
    const own = tokens.slice(start, start += length);
    return exampleLine(own, ex.at[i], again.has(i), data.files[ex.files[i]]);
  });
}

function examples(record) {
  const ex = record.examples;
  if (!ex) return [panel("top", "Top activations", el("p", {}, "It never fired on this text."))];
  const lines = exampleLines(record), take = (count) => el("ol", {}, lines.splice(0, count));
  const top = panel("top", `Top ${ex.sections[0]} activations`, legend(), take(ex.sections[0]));
  const parts = ex.sections.slice(1).map((count, i) => {
    const [low, high] = [9 - i, 10 - i].map((tenths) => ((tenths / 10) * record.peak).toFixed(2));
    return el("section", { class: "interval" },
      el("h3", {}, `Interval ${i + 1}`, el("small", {}, ` above ${low} to ${high}`)),
      count ? take(count) : note("no token"));
  });
  return [top, panel("intervals", "Ten evenly spaced intervals",
    note("Up to five examples drawn at random from each tenth of the activation range: the top alone flatters."),
    el("div", { class: "grid" }, parts))];
}

// ---------------------------------------------------------------- facts

function logitList(rows) {
  return el("ol", { class: "logits" },
    rows.map(([token, value]) => el("li", {}, chip(token), el("span", {}, signed(value)))));
}

function explanationPanel({ explanation }) {
  return panel("explanation", "Automatic explanation", explanation
    ? [el("p", { class: "formula" }, explanation.text),
      note(`score ${fixed(explanation.score)} (correlation on unseen files), F1 ${fixed(explanation.f1)}`)]
    : note("none: it fires too rarely here"));
}

function logitPanels({ logits }) {
  return [
    el("div", { class: "pair" }, panel("negative", "Negative logits", logitList(logits.low)),
      panel("positive", "Positive logits", logitList(logits.high))),
    panel("logits", "All logits",
      histogram(logits.histogram, logits.range, "logit per unit of activation", "Histogram of all tokens' logits"),
      note("direct path, final norm's mean and scale frozen, centred over tokens"))];
}

function againstPanel({ against }) {
  return panel("against", "Latents of the other run", against
    ? table(`in ${data.about.against}, by token correlation`, ["latent", "Pearson", "cosine"],
      against.map(([id, pearson, cosine]) => [String(id), signed(pearson), signed(cosine)]))
    : note("No second run was given: saekit page RUN --against RUN2."));
}

function facts(record) {
  return [
    explanationPanel(record),
    panel("activations", "Activations",
      histogram(record.histogram, [0, record.peak], "activation", `Histogram of ${record.count} non-zero activations`),
      note(`${whole(record.count)} non-zero activations on a random sample of files`)),
    ...logitPanels(record),
    panel("aligned", "Neuron alignment", table("by how much it activates them", ["neuron", "activation", "% of L1"],
      record.aligned.map(([n, weight, share]) => [neuron(n), signed(weight), percent(share)]))),
    panel("correlated", "Correlated neurons", table("over all tokens", ["neuron", "Pearson", "cosine"],
      record.correlated.map(([n, pearson, cosine]) => [neuron(n), signed(pearson), signed(cosine)]))),
    againstPanel(record),
    panel("nearest", "Nearest latents", table("by cosine of their directions", ["latent", "cosine", ""],
      record.nearest.map(([id, cosine]) => [nearby(id), signed(cosine), nameOf(id)]))),
    panel("concepts", "Ground-truth concepts",
      table("best threshold on training files, scores on unseen files", ["concept", "precision", "recall", "F1"],
        record.concepts.map(([concept, , ...scores]) => [concept, ...scores.map(fixed)]))),
  ];
}

// ---------------------------------------------------------------- the page

function turns(id) {
  if (!order.includes(id)) order = data.index.map((row) => row.id);
  const place = order.indexOf(id);
  const turn = (to, text, rel) => to !== undefined && el("a", { href: `#${to}`, rel }, text);
  return el("nav", { "aria-label": "Latents" }, el("a", { href: "#" }, "All latents"),
    data.about.map && el("a", { href: `#map/${id}` }, "On the map"),
    turn(order[place - 1], "← previous", "prev"), turn(order[place + 1], "next →", "next"));
}

function head(record) {
  const { id } = record, item = (term, text) => el("div", {}, el("dt", {}, term), el("dd", {}, text));
  const input = el("input", { id: "label", value: labels.get(id), maxlength: 200, autocomplete: "off",
    placeholder: "what does it mean? your words, kept in this browser",
    oninput: (event) => labels.set(id, event.target.value.trim()) });
  return el("header", { class: "latent" }, !data.about.single && turns(id),
    el("h1", {}, el("a", { href: `#${id}`, title: "permalink" }, `Latent ${id}`)),
    el("section", { class: "label", "data-panel": "label" }, el("label", { for: "label" }, "Label"), input),
    el("dl", { "data-panel": "density" }, item("density", percent(record.density)),
      item("fires on", `${whole(record.count)} tokens`), item("largest activation", number(record.peak)),
      item("kind", groups[groupOf(record)].toLowerCase())));
}

async function showLatent(id) {
  const record = await readLatent(id);
  if (!data.about.single && location.hash !== `#${id}`) return;   // the reader has gone on
  document.title = `Latent ${id} · ${data.about.name}`;
  show(head(record), el("div", { class: "columns" },
    el("div", { class: "facts" }, facts(record)), el("div", { class: "texts" }, examples(record))));
}
