// The map's page: what surrounds the map: search, buttons, the control, the list of clusters with their members.
"use strict";

const STEP = 30;           // rows that a list grows by
const LOOSE = "A cluster counts as tighter than noise if its mean cosine exceeds that of 19 in 20 clusters of the "
  + "shuffled weights. These do not.";

// A list that shows its first rows and grows on request, with the button that asks for it.
function growing(items, row) {
  const list = el("ol"), more = el("button", { type: "button", class: "more", onclick: () => grow(true) }, "Show more");
  const grow = (asked) => {
    const first = list.children.length;
    list.append(...items.slice(first, first + STEP).map(row));
    more.hidden = list.children.length >= items.length;
    if (asked) list.children[first].firstElementChild.focus();
  };
  grow(false);
  return [list, more];
}

function openCluster(cluster, button, list) {
  const open = chart.open !== cluster;
  document.querySelectorAll(".cluster [aria-expanded=true]").forEach((other) => {
    other.setAttribute("aria-expanded", "false");
    other.nextElementSibling.replaceChildren();
  });
  chart.open = open ? cluster : -1;
  pick(-1);
  layer();
  if (!open) return redraw();
  button.setAttribute("aria-expanded", "true");
  list.replaceChildren(...chart.members[cluster].map(memberRow));
  frame(chart.members[cluster]);
}

function memberRow(i) {
  const content = [el("span", { class: "id" }, chart.names[i]), el("span", { class: "name" }, textOf(i))];
  const own = chart.own[i];
  const link = own >= 0 ? el("a", { href: `#${own}` }, content) : el("span", { tabindex: 0 }, content);
  for (const name of ["focus", "mouseenter"]) link.addEventListener(name, () => showPoint(i));
  return el("li", { class: "member" }, link);
}

// Ring a point from the list; the map moves only if the point is out of sight.
function showPoint(i) {
  const [x, y] = screenPlace(i), places = chart.places.false;
  if (x < 0 || y < 0 || x > chart.width || y > chart.height) [chart.x, chart.y] = [places[2 * i], places[2 * i + 1]];
  chart.picked = i;
  redraw();
}

function clusterRow(cluster) {
  const { traits, tight } = data.map, trait = traits[cluster], members = chart.members[cluster];
  const list = el("ul", { class: "members" });
  const size = `${whole(members.length)} latents, mean cosine ${fixed(tight[cluster])}`;
  const share = trait && `; ${trait[0]}: ${whole(trait[1])} of them, ${whole(trait[2])} of all ${whole(chart.n)}`;
  const button = el("button", { type: "button", "aria-expanded": "false",
    onclick: () => openCluster(cluster, button, list) },
    el("span", { class: "id" }, `Cluster ${cluster}`),
    el("span", { class: "trait" }, trait ? trait[0] : "nothing stands out"),
    el("small", {}, size + (share || "")));
  return el("li", { class: "cluster" }, button, list);
}

// Clusters with a member that the search finds: first those that noise does not reach, the tightest on top.
function drawClusters() {
  const { tight, stands } = data.map;
  const holds = (cluster) => !chart.found || chart.members[cluster].some((i) => chart.found[i]);
  chart.listed = [...tight.keys()].filter(holds).sort((a, b) => stands[b] - stands[a] || tight[b] - tight[a]);
  const tighter = chart.listed.filter((cluster) => stands[cluster]);
  const loose = chart.listed.filter((cluster) => !stands[cluster]);
  const rest = el("div");
  document.getElementById("clusters").replaceChildren(...growing(tighter, clusterRow),
    el("details", { ontoggle: () => rest.hasChildNodes() || rest.replaceChildren(...growing(loose, clusterRow)) },
      el("summary", {}, `${whole(loose.length)} clusters no tighter than noise`), note(LOOSE), rest));
  drawFound(tighter.length);
}

function drawFound(tighter) {
  const found = chart.found ? [...chart.found.keys()].filter((i) => chart.found[i]) : [];
  document.getElementById("count").textContent = chart.found
    ? `${whole(found.length)} latents found, in ${whole(chart.listed.length)} clusters`
    : `${whole(tighter)} of ${whole(data.map.tight.length)} clusters are tighter than noise`;
  document.getElementById("found").replaceChildren(...growing(found, memberRow));
}

function seek(query) {
  const began = performance.now();
  chart.open = -1;
  findPoints(query);
  drawClusters();
  chart.sought = performance.now() - began;
  redraw();
}

function goHome() {
  Object.assign(chart, { scale: 1, x: 0, y: 0, open: -1 });
  pick(-1);
  layer();
  drawClusters();
  redraw();
}

function switchControl(control) {
  Object.assign(chart, { control, open: -1 });
  pick(-1);
  layer();
  document.getElementById("side").classList.toggle("faded", control);
  document.getElementById("side").inert = control;
  document.getElementById("noise").hidden = !control;
  chart.canvas.setAttribute("aria-label", canvasLabel());
  redraw();
}

const canvasLabel = () => (chart.control ? "Map of the shuffled weights, noise" : "Feature map")
  + ` with ${whole(chart.n)} points. Arrow keys move it and name the latent nearest the middle, `
  + "Enter opens that latent, plus and minus zoom, H goes home.";

function chartTools() {
  const search = el("input", { id: "search", type: "search", value: chart.query, autocomplete: "off",
    spellcheck: "false", placeholder: "label, token or concept", oninput: (event) => seek(event.target.value) });
  const which = (text, control) => el("label", {}, el("input", { type: "radio", name: "which",
    checked: chart.control === control, onchange: () => switchControl(control) }), text);
  const button = (text, title, act) => el("button", { type: "button", "aria-label": title, title, onclick: act }, text);
  return el("form", { class: "tools", role: "search", onsubmit: (event) => event.preventDefault() },
    el("label", { class: "field" }, el("span", {}, "Search"), search),
    el("fieldset", {}, el("legend", { class: "hidden" }, "Which map"),
      which("Latents", false), which("Shuffled weights", true)),
    el("fieldset", {}, el("legend", { class: "hidden" }, "Wheel"), el("label", {}, el("input", { type: "checkbox",
      checked: chart.scroll, onchange: (event) => { chart.scroll = event.target.checked; } }), "scroll zoom")),
    el("span", { class: "buttons" }, button("−", "zoom out", () => zoomBy(1 / 1.6)),
      button("+", "zoom in", () => zoomBy(1.6)), button("home", "home", goHome)));
}

function chartFacts() {
  const { structure, control, same_concept: same, method, perplexity } = data.map, tsne = method === "tsne";
  const row = (text, name, show) => [text, show(structure[name]), show(control[name])];
  const rows = [row("clusters", "clusters", whole), row("share of points in one", "clustered", percent),
    row("mean cosine inside", "tight", fixed), row("median cosine to the nearest", "nearest", fixed),
    row("10 nearest kept on the map", "kept", percent)];
  if (same) rows.push(["nearest point has the same concept", percent(same[0]), `by chance ${percent(same[1])}`]);
  return el("details", { class: "measured" }, el("summary", {}, "How much of it is noise?"),
    table("The same numbers for the latents and for the shuffled weights", ["", "latents", "shuffled"], rows),
    note("Shuffled: every neuron's weights dealt out anew among the latents, so that any likeness is chance. "
      + "Distances across the map, its axes and the size of its clumps mean nothing; neighbours mostly do. "
      + `Made by ${tsne ? `t-SNE, perplexity ${number(perplexity)}` : "UMAP, 15 neighbours, minimum distance 0.05"}; `
      + `clusters of at least 3 by HDBSCAN ${tsne ? "of the directions themselves" : "on a UMAP of 10 dimensions"}.`));
}

function chartLegend() {
  const marks = ["◆", "●", "■"], several = data.map.dictionaries.length > 1;
  return several && el("p", { class: "note key" }, data.map.dictionaries.map((one, j) =>
    el("span", {}, `${marks[j % 3]} A/${j}: ${one.name}, ${whole(one.size)} latents`,
      one.own && " (their pages are here)")));
}

async function showMap(center) {
  await load("map");
  if (!location.hash.startsWith("#map")) return;   // the reader has gone on
  chartPoints();
  if (center !== undefined) chart.control = false;   // who asks for a latent does not want the noise
  searchTexts();
  chart.listed = [];
  chart.image = null;
  const canvas = chart.canvas = el("canvas", { id: "chart", tabindex: 0, role: "application",
    "aria-label": canvasLabel(), onkeydown: chartKeys });
  document.title = `${data.about.name}: feature map`;
  show(
    el("nav", { "aria-label": "Views" }, el("a", { href: "#" }, "All latents")),
    el("header", { class: "masthead" }, el("div", {}, el("h1", {}, "Feature map"),
      el("p", { class: "about" }, "Every dot is a latent; latents with like directions lie side by side. Strong "
        + "dots are in a cluster, pale ones in none. Look at the shuffled weights before you believe a clump."))),
    chartTools(),
    el("div", { class: "chart" },
      el("div", {}, canvas, el("p", { id: "noise", class: "note", hidden: true }, "Noise: no dot here is a latent. "
        + `HDBSCAN's clusters in it: ${whole(data.map.control.clusters)}.`), chartLegend(), chartFacts()),
      el("section", { id: "side", "aria-label": "Clusters" }, el("p", { id: "count", role: "status" }),
        el("div", { id: "found" }), el("div", { id: "clusters" }))),
    el("p", { id: "said", class: "hidden", role: "status" }), el("div", { id: "card", hidden: true }));
  chartPointers(canvas);
  new ResizeObserver(redraw).observe(canvas);
  findPoints(chart.query);
  drawClusters();
  if (chart.control) switchControl(true);
  const place = center === undefined ? -1 : chart.own.indexOf(center), places = chart.places.false;
  if (place >= 0) Object.assign(chart, { x: places[2 * place], y: places[2 * place + 1], scale: 6 });
  drawChart();
  if (place >= 0) pick(place);
}
