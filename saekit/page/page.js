// The feature page. Data arrive as scripts that call saekit.receive(name, value), because a page opened from a folder may
// load scripts but not fetch files. Text from the corpus only ever becomes text nodes: no markup is built from strings.
"use strict";

const saekit = (() => {
  const PAGE = 100;          // rows of the list that are drawn at once
  const PACK = 16;           // latents per data file
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const LEVELS = 64 ** 2 - 1;
  const data = {}, waiting = {};
  const view = { query: "", sort: "number", group: "live", shown: PAGE };
  let order = [];            // ids of the list as it stands, for "previous" and "next"

  // ---------------------------------------------------------------- data

  function receive(name, value) {
    data[name] = value;
    (waiting[name] || []).forEach((go) => go(value));
    delete waiting[name];
    if (name === "index") start();
  }

  function load(name) {
    return new Promise((go, fail) => {
      if (name in data) return go(data[name]);
      (waiting[name] = waiting[name] || []).push(go);
      const script = document.createElement("script");
      script.src = `data/${name}.js`;
      script.onerror = () => fail(new Error(`data/${name}.js is missing`));
      document.head.append(script);
    });
  }

  async function latent(id) {
    const pack = await load(`latents-${String(Math.floor(id / PACK)).padStart(4, "0")}`);
    return pack.find((one) => one.id === id);
  }

  function unpack(text, width) {
    const out = [];
    for (let i = 0; i < text.length; i += width) {
      let number = 0;
      for (let j = i; j < i + width; j++) number = number * 64 + DIGITS.indexOf(text[j]);
      out.push(number);
    }
    return out;
  }

  function unpackSparse(text) {   // shares from 0 to 1; null where there is a "."
    const out = [];
    for (let i = 0; i < text.length; i++) {
      if (text[i] === ".") out.push(null);
      else out.push(unpack(text.slice(i, ++i + 1), 2)[0] / LEVELS);
    }
    return out;
  }

  const word = (token) => data.vocabulary[token] ?? "";

  // ---------------------------------------------------------------- labels, kept in this browser

  const labels = {
    key: () => `saekit labels ${data.about.id}`,
    all() {
      try { return JSON.parse(localStorage.getItem(this.key()) || "{}"); } catch { return this.kept || {}; }
    },
    get(id) { return this.all()[id] || ""; },
    set(id, text) {
      const all = this.all();
      if (text) all[id] = text; else delete all[id];
      this.store(all);
    },
    store(all) {
      this.kept = all;     // where the browser keeps nothing, until the page is closed
      try { localStorage.setItem(this.key(), JSON.stringify(all)); } catch { /* private window */ }
    },
    save() {
      const text = JSON.stringify({ run: data.about.name, id: data.about.id, labels: this.all() }, null, 1);
      const link = el("a", { href: `data:application/json,${encodeURIComponent(text)}`, download: "labels.json" });
      document.body.append(link);
      link.click();
      link.remove();
    },
    async load(file) {
      const read = JSON.parse(await file.text()).labels || {};
      const clean = Object.entries(read).filter(([id, text]) => id in data.byId && typeof text === "string");
      this.store({ ...this.all(), ...Object.fromEntries(clean) });
    },
  };

  // ---------------------------------------------------------------- elements

  function el(tag, attributes = {}, ...children) {
    const svg = ["svg", "rect", "line", "text", "title", "g"].includes(tag);
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) node.style.setProperty(name, value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.flat().filter((child) => child != null && child !== false));
    return node;
  }

  const token = (id) => el("span", { class: "token chip" }, word(id));
  const number = (x, digits = 3) => Number(x).toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−");
  const signed = (x) => (x < 0 ? "−" : "+") + Math.abs(x).toFixed(2);
  const percent = (x) => (x >= 0.001 || x === 0 ? `${number(100 * x, 2)} %` : `${(100 * x).toPrecision(2)} %`);
  const link = (id) => el("a", { href: `#${id}` }, String(id));

  function histogram(counts, [low, high], unit, title) {
    const width = 320, height = 76, top = Math.max(...counts, 1), step = width / counts.length;
    const bars = counts.map((count, i) => el("rect", {
      x: i * step + 0.5, width: step - 1, y: height - (height * count) / top, height: (height * count) / top }));
    const zero = low < 0 && high > 0 ? (width * -low) / (high - low) : null;
    return el("figure", { class: "histogram" },
      el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, preserveAspectRatio: "none" },
        bars, zero !== null && el("line", { x1: zero, x2: zero, y1: 0, y2: height })),
      el("figcaption", {}, el("span", {}, number(low)), el("span", {}, unit), el("span", {}, number(high))));
  }

  function table(caption, head, rows, note) {
    return el("table", {}, el("caption", {}, caption, note && el("small", {}, note)),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) =>
        el(i ? "td" : "th", i ? {} : { scope: "row" }, cell))))));
  }

  function panel(name, title, ...children) {
    return el("section", { class: `panel ${name}`, "data-panel": name }, el("h2", {}, title), ...children);
  }

  // ---------------------------------------------------------------- the list

  const sorts = {
    number: ["number", (a, b) => a.id - b.id],
    density: ["density, highest first", (a, b) => b.density - a.density],
    rare: ["density, lowest first", (a, b) => a.density - b.density],
    score: ["explanation score", (a, b) => (b.score ?? -2) - (a.score ?? -2)],
    similar: ["similar ones side by side", (a, b) => a.position - b.position],
  };
  const groups = { live: "Live", low: "Ultra-low density", dead: "Dead" };

  function groupOf(row) {
    return row.density === 0 ? "dead" : row.density < data.about.ultra_low ? "low" : "live";
  }

  function matches() {
    const terms = view.query.toLowerCase().split(/\s+/).filter(Boolean), mine = labels.all();
    const fits = (row) => {
      const text = [`#${row.id}`, mine[row.id] || "", row.text || "", ...row.concepts,
        ...row.fires.map(word), ...row.writes.map(word)].join("\n").toLowerCase();
      return terms.every((term) => text.includes(term));
    };
    return data.index.filter((row) => groupOf(row) === view.group && fits(row)).sort(sorts[view.sort][1]);
  }

  function listRow(row) {
    const mine = labels.get(row.id);
    const share = row.density ? 1 + Math.log10(row.density) / 6 : 0;
    return el("li", {}, el("a", { class: "row", href: `#${row.id}` },
      el("span", { class: "id" }, String(row.id)),
      el("span", { class: mine ? "name mine" : "name" }, mine || row.text || "no explanation"),
      el("span", { class: "fires" }, row.fires.map(token)),
      el("span", { class: "density" }, el("span", { class: "bar", "--share": Math.max(0, share) }), percent(row.density)),
      el("span", { class: "score" }, row.score == null ? "–" : row.score.toFixed(2))));
  }

  function drawList() {
    const rows = matches(), list = document.getElementById("list");
    order = rows.map((row) => row.id);
    document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} latents`;
    list.replaceChildren(...rows.slice(0, view.shown).map(listRow));
    document.getElementById("more").hidden = rows.length <= view.shown;
  }

  function spectrum() {
    const alive = data.index.filter((row) => row.density > 0), counts = new Array(36).fill(0);
    for (const row of alive) counts[Math.min(35, Math.max(0, Math.floor((Math.log10(row.density) + 6) * 6)))]++;
    return histogram(counts, [-6, 0], "density, log10", "Histogram of the density of all latents that fire");
  }

  function radio(group, counts) {
    const input = el("input", { type: "radio", name: "group", value: group, checked: view.group === group,
      onchange: () => { view.group = group; view.shown = PAGE; drawList(); } });
    return el("label", {}, input, `${groups[group]} `, el("small", {}, counts[group].toLocaleString("en")));
  }

  function tools() {
    const counts = { live: 0, low: 0, dead: 0 };
    data.index.forEach((row) => counts[groupOf(row)]++);
    const search = el("input", { id: "search", type: "search", value: view.query, autocomplete: "off", spellcheck: "false",
      placeholder: "label, token or concept", oninput: (event) => {
        view.query = event.target.value; view.shown = PAGE; drawList(); } });
    const options = Object.entries(sorts).map(([key, [name]]) => el("option", { value: key, selected: key === view.sort }, name));
    const upload = el("input", { type: "file", accept: ".json,application/json", class: "hidden", tabindex: -1, "aria-label": "labels file",
      onchange: (event) => labels.load(event.target.files[0]).then(drawList,
        () => { document.getElementById("count").textContent = "that file holds no labels"; }) });
    return el("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() },
      el("label", { class: "field" }, el("span", {}, "Search"), search),
      el("label", { class: "field" }, el("span", {}, "Sort by"), el("select", { id: "sort", onchange: (event) => {
        view.sort = event.target.value; drawList(); } }, options)),
      el("fieldset", {}, el("legend", { class: "hidden" }, "Which latents"), Object.keys(groups).map((group) => radio(group, counts))),
      el("span", { class: "buttons" }, el("button", { type: "button", id: "export", onclick: () => labels.save() }, "Export labels"),
        el("button", { type: "button", onclick: () => upload.click() }, "Import"), upload));
  }

  function about() {
    const { model, layer, arch, tokens, held_out, against } = data.about;
    return el("p", { class: "about" }, `${data.index.length.toLocaleString("en")} latents (${arch}) of layer ${layer} of ${model}. `
      + `Densities and examples: ${tokens.toLocaleString("en")} tokens of training files; scores: ${held_out.toLocaleString("en")} tokens of files unseen in training. `
      + `Ultra-low: fires on fewer than 1 in ${Math.round(1 / data.about.ultra_low).toLocaleString("en")} tokens.`
      + (against ? ` Compared with ${against}.` : ""));
  }

  function showList() {
    document.title = `${data.about.name}: latents`;
    show(el("header", { class: "masthead" }, el("div", {}, el("h1", {}, data.about.name), about()), spectrum()), tools(),
      el("p", { id: "count", role: "status", "aria-live": "polite" }),
      el("div", { class: "row heads", "aria-hidden": "true" }, ["latent", "label or automatic explanation", "fires on", "density", "score"]
        .map((name) => el("span", {}, name))),
      el("ol", { id: "list" }),
      el("button", { id: "more", type: "button", onclick: () => { view.shown += PAGE; drawList(); } }, "Show more"));
    drawList();
  }

  // ---------------------------------------------------------------- one latent

  const ABOUT_DELTA = "Δ = loss ablated − loss clean of the next token, in nats";

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
      el("p", { class: "note" }, `${ABOUT_DELTA}. The colours are the lecture's; other viewers print a “contribution to the loss” `
        + "or swap the colours, so read a page's legend first."));
  }

  // Per token: its id, activation, effect, chance of the token that came next, and what the model expected.
  function exampleTokens(record) {
    const ex = record.examples, width = data.about.token_width;
    const ids = unpack(ex.tokens, width), guesses = unpack(ex.likeliest, width), chances = unpack(ex.chances, 2);
    const on = unpackSparse(ex.activations), effects = unpackSparse(ex.effects);
    let known = 0;
    return ids.map((id, i) => ({ id, next: ids[i + 1], on: on[i] || 0, activation: (on[i] || 0) * record.peak,
      effect: effects[i] === null ? null : (2 * effects[i] - 1) * ex.largest,
      chance: effects[i] === null ? null : chances[known++] / LEVELS, guesses: guesses.slice(3 * i, 3 * i + 3) }));
  }

  function tokenSpan(info, bold) {
    const size = info.effect === null ? 0 : Math.min(1, Math.abs(info.effect));
    const direction = size < 0.01 ? "" : info.effect < 0 ? " down" : " up";
    const span = el("span", { class: `token${direction}`, tabindex: bold ? 0 : -1, "--on": info.on.toFixed(3),
      "--weight": `${(1.5 + 2.5 * size).toFixed(1)}px` }, bold ? el("b", {}, word(info.id)) : word(info.id));
    span.info = info;
    return span;
  }

  function exampleLine(tokens, at, again, file) {
    const spans = tokens.map((info, i) => tokenSpan({ ...info, file, next: i + 1 < tokens.length ? info.next : null }, i === at));
    return el("li", { class: "example" },
      el("span", { class: "value" }, tokens[at].activation.toFixed(2), again && el("span", { class: "again", title: "already shown in another interval" },
        "◆", el("span", { class: "hidden" }, " already shown in another interval"))),
      el("span", { class: "before" }, el("span", {}, spans.slice(0, at))), el("span", { class: "after" }, spans.slice(at)));
  }

  function examples(record) {
    const ex = record.examples;
    if (!ex) return [panel("top", "Top activations", el("p", {}, "It never fired on this text."))];
    const tokens = exampleTokens(record), lines = [], again = new Set(ex.again);
    let start = 0;
    ex.lengths.forEach((length, i) => {
      lines.push(exampleLine(tokens.slice(start, start + length), ex.at[i], again.has(i), data.files[ex.files[i]]));
      start += length;
    });
    const take = (count) => el("ol", {}, lines.splice(0, count));
    const top = panel("top", `Top ${ex.sections[0]} activations`, legend(), take(ex.sections[0]));
    const parts = ex.sections.slice(1).map((count, i) => {
      const [high, low] = [(10 - i) / 10, (9 - i) / 10].map((share) => (share * record.peak).toFixed(2));
      return el("section", { class: "interval" }, el("h3", {}, `Interval ${i + 1}`, el("small", {}, ` above ${low} to ${high}`)),
        count ? take(count) : el("p", { class: "note" }, "no token"));
    });
    return [top, panel("intervals", "Ten evenly spaced intervals", el("p", { class: "note" },
      "Up to five examples drawn at random from each tenth of the activation range: the top alone flatters."), el("div", { class: "grid" }, parts))];
  }

  function logitPanel(name, title, rows, record) {
    return panel(name, title, el("ol", { class: "logits" }, rows.map(([id, value]) => el("li", {}, token(id), el("span", {}, signed(value))))));
  }

  function facts(record) {
    const { logits, explanation } = record, score = (x) => (x == null ? "–" : x.toFixed(2));
    return [
      panel("explanation", "Automatic explanation", explanation
        ? [el("p", { class: "formula" }, explanation.text), el("p", { class: "note" }, `score ${score(explanation.score)} (correlation on unseen files), F1 ${score(explanation.f1)}`)]
        : el("p", { class: "note" }, "none: it never fires here")),
      panel("activations", "Activations", histogram(record.histogram, [0, record.peak], "activation", `Histogram of ${record.count} non-zero activations`),
        el("p", { class: "note" }, `${record.count.toLocaleString("en")} non-zero activations on a random sample of files`)),
      el("div", { class: "pair" }, logitPanel("negative", "Negative logits", logits.low), logitPanel("positive", "Positive logits", logits.high)),
      panel("logits-histogram", "All logits", histogram(logits.histogram, logits.range, "logit per unit of activation", "Histogram of the logits of all tokens"),
        el("p", { class: "note" }, "direct path, final norm's mean and scale frozen, centred over tokens")),
      panel("aligned", "Neuron alignment", table("by how much the latent activates them", ["neuron", "activation", "% of L1"],
        record.aligned.map(([n, weight, share]) => [neuron(n), signed(weight), bar(share, "neuron-bar")]))),
      panel("correlated", "Correlated neurons", table("over all tokens", ["neuron", "Pearson", "cosine"],
        record.correlated.map(([n, r, cosine]) => [neuron(n), signed(r), signed(cosine)]))),
      panel("against", "Latents of the other run", record.against
        ? table(`in ${data.about.against}, by token correlation`, ["latent", "Pearson", "cosine"], record.against.map(([n, r, cosine]) => [String(n), signed(r), signed(cosine)]))
        : el("p", { class: "note" }, "No second run was given: saekit page RUN --against RUN2.")),
      panel("nearest", "Nearest latents", table("by cosine of their directions", ["latent", "cosine", ""],
        record.nearest.map(([n, cosine]) => [nearby(n), signed(cosine), name(n)]))),
      panel("concepts", "Ground-truth concepts", table("best threshold on training files, scores on unseen files", ["concept", "precision", "recall", "F1"],
        record.concepts.map(([concept, , ...scores]) => [concept, ...scores.map((x) => x.toFixed(2))]))),
    ];
  }

  const neuron = (n) => el("span", { class: "neuron" }, String(n));
  const bar = (share, kind) => el("span", {}, el("span", { class: `bar ${kind}`, "--share": share }), percent(share));
  const nearby = (n) => (data.byId[n] ? link(n) : String(n));
  const name = (n) => el("span", { class: "other" }, (data.byId[n] && (labels.get(n) || data.byId[n].text)) || "");

  function step(id, by) {
    if (!order.includes(id)) order = data.index.map((row) => row.id);
    return order[order.indexOf(id) + by];
  }

  function head(record) {
    const { id } = record, turn = (other, text, rel) => (other === undefined ? el("span", {}) : el("a", { href: `#${other}`, rel }, text));
    const input = el("input", { id: "label", value: labels.get(id), maxlength: 200, autocomplete: "off",
      placeholder: "what does it mean? your words, kept in this browser", oninput: (event) => labels.set(id, event.target.value.trim()) });
    const item = (term, text) => el("div", {}, el("dt", {}, term), el("dd", {}, text));
    return el("header", { class: "latent" },
      !data.single && el("nav", { "aria-label": "Latents" }, el("a", { href: "#" }, "All latents"), turn(step(id, -1), "← previous", "prev"), turn(step(id, 1), "next →", "next")),
      el("h1", {}, el("a", { href: `#${id}`, title: "permalink" }, `Latent ${id}`)),
      el("section", { class: "label", "data-panel": "label" }, el("label", { for: "label" }, "Label"), input),
      el("dl", { "data-panel": "density" }, item("density", percent(record.density)), item("fires on", `${record.count.toLocaleString("en")} tokens`),
        item("largest activation", number(record.peak)), item("kind", groups[groupOf(record)].toLowerCase())));
  }

  async function showLatent(id) {
    const record = await latent(id);
    if (!data.single && location.hash !== `#${id}`) return;   // the reader has gone on
    document.title = `Latent ${id} · ${data.about.name}`;
    show(head(record), el("div", { class: "columns" }, el("div", { class: "facts" }, facts(record)), el("div", { class: "texts" }, examples(record))));
  }

  // ---------------------------------------------------------------- what a token says when pointed at

  function detailOf({ id, next, activation, effect, chance, guesses, file }) {
    const lines = [["token", token(id)], ["activation", number(activation)]];
    if (effect !== null) {
      lines.push(["Δ", `${signed(effect)} nats: without the latent the next token is predicted ${effect < 0 ? "better" : "worse"}`]);
      lines.push(["chance of the next", el("span", {}, next == null ? "" : token(next), ` ${percent(chance)} → ${percent(Math.min(1, chance * Math.exp(-effect)))} without it`)]);
    } else if (activation > 0) lines.push(["Δ", "unknown: the context ends here"]);
    lines.push(["model expects", el("span", {}, guesses.map((guess) => [token(guess), " "]).flat())], ["file", file]);
    return el("dl", {}, lines.map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]).flat());
  }

  function point(span) {
    const detail = document.getElementById("detail");
    document.querySelectorAll("[aria-describedby=detail]").forEach((other) => other.removeAttribute("aria-describedby"));
    detail.hidden = !span;
    if (!span) return;
    span.setAttribute("aria-describedby", "detail");
    detail.replaceChildren(detailOf(span.info));
    const box = span.getBoundingClientRect(), own = detail.getBoundingClientRect();
    const below = box.bottom + 8 + own.height < innerHeight;
    detail.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
    detail.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - own.height - 8)}px`;
  }

  function tokenOf(event) {
    const span = event.target.closest && event.target.closest(".token");
    return span && span.info ? span : null;
  }

  function keys(event) {
    if (event.key === "Escape") point(null);
    if (event.key === "/" && !event.target.closest("input, select") && document.getElementById("search")) {
      event.preventDefault();
      document.getElementById("search").focus();
    }
    const span = tokenOf(event), line = span && span.closest(".example");
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!line || !(along || down)) return;
    const all = along ? [...line.querySelectorAll(".token")] : [...document.querySelectorAll(".example b")].map((b) => b.parentNode);
    const from = along ? all.indexOf(span) : all.indexOf(line.querySelector("b").parentNode);
    const to = all[from + (along || down)];
    if (to) { event.preventDefault(); to.focus(); }
  }

  // ---------------------------------------------------------------- which page

  function show(...children) {
    point(null);
    document.getElementById("main").replaceChildren(...children);
  }

  function route() {
    const id = Number(location.hash.slice(1));
    if (data.single) return showLatent(data.index[0].id);
    if (location.hash.length > 1 && data.byId[id]) {
      showLatent(id).then(() => scrollTo(0, 0), (error) => show(el("p", {}, error.message)));
    } else {
      showList();
    }
  }

  function start() {
    data.byId = Object.fromEntries(data.index.map((row) => [row.id, row]));
    data.single = data.about.single;
    addEventListener("hashchange", route);
    addEventListener("keydown", keys);
    for (const name of ["mouseover", "focusin"]) addEventListener(name, (event) => point(tokenOf(event)));
    addEventListener("focusout", () => point(null));
    addEventListener("scroll", () => { if (!document.activeElement.info) point(null); }, { passive: true });
    route();
  }

  return { receive };
})();
