// The list of all latents: search, sorting, groups, labels in and out.
"use strict";

const ROWS = 100;          // that are drawn at once
const view = { query: "", sort: "number", group: "live", shown: ROWS };
let order = [];            // ids of the list as it stands, for "previous" and "next"

const sorts = {
  number: ["number", (a, b) => a.id - b.id],
  density: ["density, highest first", (a, b) => b.density - a.density],
  rare: ["density, lowest first", (a, b) => a.density - b.density],
  score: ["explanation score", (a, b) => (b.score ?? -2) - (a.score ?? -2)],
  similar: ["similar ones side by side", (a, b) => a.position - b.position],
};
const groups = { live: "Live", low: "Ultra-low density", dead: "Dead" };

function matches() {
  const terms = view.query.toLowerCase().split(/\s+/).filter(Boolean), mine = labels.all();
  const fits = (row) => {
    const texts = [`#${row.id}`, mine[row.id] || "", row.text || "", ...row.concepts,
      ...row.fires.map(word), ...row.writes.map(word)];
    const text = texts.join("\n").toLowerCase();
    return terms.every((term) => text.includes(term));
  };
  return data.index.filter((row) => groupOf(row) === view.group && fits(row)).sort(sorts[view.sort][1]);
}

function listRow(row) {
  const mine = labels.get(row.id), decades = row.density ? Math.max(0, 1 + Math.log10(row.density) / 6) : 0;
  return el("li", {}, el("a", { class: "row", href: `#${row.id}` },
    el("span", { class: "id" }, String(row.id)),
    el("span", { class: mine ? "name mine" : "name" }, mine || row.text || "no explanation"),
    el("span", { class: "fires" }, row.fires.map(chip)),
    el("span", { class: "density" }, el("span", { class: "bar", "--share": decades }), percent(row.density)),
    el("span", { class: "score" }, fixed(row.score))));
}

function drawList() {
  const rows = matches();
  order = rows.map((row) => row.id);
  document.getElementById("count").textContent = `${whole(rows.length)} latents`;
  document.getElementById("list").replaceChildren(...rows.slice(0, view.shown).map(listRow));
  document.getElementById("more").hidden = rows.length <= view.shown;
}

function change(name, value) {
  Object.assign(view, { shown: ROWS, [name]: value });
  drawList();
}

function spectrum() {
  const counts = new Array(36).fill(0);
  for (const { density } of data.index) {
    if (density > 0) counts[Math.min(35, Math.max(0, Math.floor((Math.log10(density) + 6) * 6)))]++;
  }
  return histogram(counts, [-6, 0], "density, log10", "Histogram of the density of all latents that fire");
}

function groupChoice() {
  const counts = { live: 0, low: 0, dead: 0 };
  data.index.forEach((row) => counts[groupOf(row)]++);
  const choice = (group) => el("label", {},
    el("input", { type: "radio", name: "group", checked: view.group === group,
      onchange: () => change("group", group) }),
    `${groups[group]} `, el("small", {}, whole(counts[group])));
  return el("fieldset", {}, el("legend", { class: "hidden" }, "Which latents"), Object.keys(groups).map(choice));
}

function labelButtons() {
  const refuse = () => { document.getElementById("count").textContent = "that file holds no labels"; };
  const upload = el("input", { type: "file", accept: ".json", class: "hidden", tabindex: -1,
    "aria-label": "labels file", onchange: (event) => labels.load(event.target.files[0]).then(drawList, refuse) });
  return el("span", { class: "buttons" },
    el("button", { type: "button", onclick: () => labels.save() }, "Export labels"),
    el("button", { type: "button", onclick: () => upload.click() }, "Import"), upload);
}

function tools() {
  const search = el("input", { id: "search", type: "search", value: view.query, autocomplete: "off",
    spellcheck: "false", placeholder: "label, token or concept",
    oninput: (event) => change("query", event.target.value) });
  const options = Object.entries(sorts).map(([key, [name]]) =>
    el("option", { value: key, selected: key === view.sort }, name));
  const sort = el("select", { onchange: (event) => change("sort", event.target.value) }, options);
  return el("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() },
    el("label", { class: "field" }, el("span", {}, "Search"), search),
    el("label", { class: "field" }, el("span", {}, "Sort by"), sort), groupChoice(), labelButtons());
}

function aboutRun() {
  const { model, layer, arch, tokens, held_out, against, ultra_low } = data.about;
  return el("p", { class: "about" },
    `${whole(data.index.length)} latents (${arch}) of layer ${layer} of ${model}. Densities and examples: `
    + `${whole(tokens)} tokens of training files; scores: ${whole(held_out)} tokens of files unseen in training. `
    + `Ultra-low: fires on fewer than 1 in ${whole(Math.round(1 / ultra_low))} tokens.${against ? ` Compared with ${against}.` : ""}`);
}

function showList() {
  const heads = ["latent", "label or automatic explanation", "fires on", "density", "score"];
  document.title = `${data.about.name}: latents`;
  show(
    el("header", { class: "masthead" }, el("div", {}, el("h1", {}, data.about.name), aboutRun(),
      data.about.map && el("p", { class: "about" }, el("a", { href: "#map" }, "Feature map: all latents in one picture"))), spectrum()),
    tools(),
    el("p", { id: "count", role: "status" }),
    el("div", { class: "row heads", "aria-hidden": "true" }, heads.map((name) => el("span", {}, name))),
    el("ol", { id: "list" }),
    el("button", { id: "more", type: "button", onclick: () => { view.shown += ROWS; drawList(); } }, "Show more"));
  drawList();
}
