// The feature map: every latent's direction as a dot that can be moved, enlarged, pointed at and opened.
// Dots are stamped into a pixel buffer, because one drawing call per dot is ten times slower with 16,384 of them.
"use strict";

const MOVING = 1e6;        // pixels at most while the map moves; at rest it is drawn at the screen's own resolution
const REST = 150;          // milliseconds after which it rests
const SHAPES = [           // by dictionary: is (x, y) inside a mark of radius r? by how many pixels?
  (x, y, r) => 1.35 * r - Math.abs(x) - Math.abs(y),
  (x, y, r) => r - Math.hypot(x, y),
  (x, y, r) => 0.8 * r - Math.max(Math.abs(x), Math.abs(y)),
];
const STRENGTH = [0.12, 0.4, 1, 1];      // faded, outside clusters, inside, found
const chart = { scale: 1, x: 0, y: 0, control: false, query: "", scroll: true, found: null, picked: -1, open: -1,
  sharp: false, stamps: new Map() };

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (chart.canvas) redraw(); });

// ---------------------------------------------------------------- points

// Everything that does not change while the map moves: names, texts to search in, positions.
function chartPoints() {
  if (chart.names) return;
  const { map } = data, several = map.dictionaries.length > 1, n = map.labels.length;
  Object.assign(chart, { n, names: [], rows: [], which: new Uint8Array(n), own: new Int32Array(n).fill(-1) });
  map.dictionaries.forEach((dictionary, j) => {
    const rows = dictionary.own ? data.index : dictionary.rows;
    rows.forEach((row, i) => {
      const place = chart.names.push(several ? `A/${j}/${i}` : String(i)) - 1;
      chart.rows.push(row);
      chart.which[place] = several ? j : 1;
      if (dictionary.own) chart.own[place] = i;
    });
  });
  chart.places = { false: Float32Array.from(unpack(map.xy, 3), fraction),
    true: Float32Array.from(unpack(map.control_xy, 3), fraction) };
  chart.clusters = { false: map.labels, true: map.control_labels };
  chart.members = map.tight.map(() => []);
  map.labels.forEach((label, i) => { if (label >= 0) chart.members[label].push(i); });
  chart.heads = chart.members.map(headOf);
}

// The member nearest the middle of its cluster, where the cluster's name is written.
function headOf(members) {
  const places = chart.places.false, middle = (axis) => {
    const values = members.map((i) => places[2 * i + axis]).sort((a, b) => a - b);
    return values[values.length >> 1];
  };
  const x = middle(0), y = middle(1), far = (i) => Math.hypot(places[2 * i] - x, places[2 * i + 1] - y);
  return members.reduce((best, i) => (far(i) < far(best) ? i : best));
}

const fraction = (level) => (2 * level) / (64 ** 3 - 1) - 1;

// The reader's label, the explanation, the concepts or the tokens of a point.
function textOf(i) {
  const row = chart.rows[i], mine = chart.own[i] >= 0 && labels.get(chart.own[i]);
  return mine || row.text || row.concepts[0] || row.fires.map(word).join("  ") || "never fires on this text";
}

function searchTexts() {
  const mine = labels.all();
  chart.texts = chart.rows.map((row, i) => [chart.names[i], `#${chart.own[i]}`, mine[chart.own[i]] || "",
    row.text || "", ...row.concepts, ...row.fires.map(word)].join("\n").toLowerCase());
}

// Which points the search finds; null while nothing is sought.
function findPoints(query) {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  chart.query = query;
  const fits = (text) => terms.every((term) => text.includes(term));
  chart.found = terms.length ? Uint8Array.from(chart.texts, fits) : null;
  layer();
}

// The order in which points are stamped: what matters comes last. A code is 4 * shape + strength.
function layer() {
  const clusters = chart.clusters[chart.control], sought = !chart.control && chart.found;
  const codes = Uint8Array.from(clusters, (label, i) => {
    const chosen = chart.open < 0 || chart.control || label === chart.open;
    const strength = sought ? (sought[i] ? 3 : 0) : !chosen ? 0 : label >= 0 ? 2 : 1;
    return 4 * (chart.control ? 1 : chart.which[i] % 3) + strength;
  });
  const order = new Int32Array(chart.n);
  for (let strength = 0, k = 0; strength < 4; strength++) {
    for (let i = 0; i < chart.n; i++) if ((codes[i] & 3) === strength) order[k++] = i;
  }
  Object.assign(chart, { order, codes });
}

// ---------------------------------------------------------------- drawing

// Pixels from the mark's centre, with their strength, for one code at the present size.
function stamp(code, radius, width, color) {
  const key = `${code} ${radius} ${width} ${color}`;
  if (chart.stamps.has(key)) return chart.stamps.get(key);
  if (chart.stamps.size > 400) chart.stamps.clear();
  const size = radius * (code % 4 === 3 ? 1.5 : 1) * [1.5, 1, 0.9][code >> 2], reach = Math.ceil(1.4 * size) + 1;
  const offsets = [], pixels = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const cover = Math.max(0, Math.min(1, SHAPES[code >> 2](x, y, size) + 0.5));
      const alpha = Math.round(255 * cover * STRENGTH[code % 4]);
      if (alpha > 0) { offsets.push(y * width + x); pixels.push(((alpha << 24) | color) >>> 0); }
    }
  }
  const made = { offsets: Int32Array.from(offsets), pixels: Uint32Array.from(pixels) };
  chart.stamps.set(key, made);
  return made;
}

function hue(name) {       // a style variable #rrggbb as a canvas keeps it: blue, green, red
  const number = parseInt(getComputedStyle(chart.canvas).getPropertyValue(name).trim().slice(1), 16);
  return ((number & 255) << 16) | (number & 0xff00) | (number >> 16);
}

function fitCanvas() {
  const { canvas } = chart, box = canvas.getBoundingClientRect(), area = Math.max(1, box.width * box.height);
  const screen = Math.min(2, devicePixelRatio || 1);
  const ratio = chart.sharp ? screen : Math.min(screen, Math.sqrt(MOVING / area));
  const width = Math.max(1, Math.round(box.width * ratio)), height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width || canvas.height !== height || !chart.image) {
    Object.assign(canvas, { width, height });
    chart.pen = canvas.getContext("2d");
    chart.image = chart.pen.createImageData(width, height);
    chart.pixels = new Uint32Array(chart.image.data.buffer);
  }
  Object.assign(chart, { width: box.width, height: box.height, ratio: width / Math.max(1, box.width) });
}

// Pixels of the page per unit of the map.
const unit = () => 0.47 * Math.min(chart.width, chart.height) * chart.scale;

function screenPlace(i) {
  const places = chart.places[chart.control], size = unit();
  return [chart.width / 2 + (places[2 * i] - chart.x) * size, chart.height / 2 - (places[2 * i + 1] - chart.y) * size];
}

function drawChart() {
  const began = performance.now();
  fitCanvas();
  const { canvas, pixels, ratio, order, codes } = chart, { width, height } = canvas;
  const places = chart.places[chart.control];
  const size = unit() * ratio, left = width / 2 - chart.x * size, top = height / 2 + chart.y * size;
  const base = Math.min(3.2, Math.max(1.3, 110 / Math.sqrt(chart.n))) * Math.min(3, chart.scale ** 0.4);
  const radius = Math.round(4 * base * ratio) / 4, color = hue(chart.control ? "--noise" : "--latent");
  const stamps = [], edge = Math.ceil(3 * radius) + 3;
  pixels.fill(0);
  for (let k = 0; k < order.length; k++) {
    const i = order[k], x = Math.round(left + places[2 * i] * size), y = Math.round(top - places[2 * i + 1] * size);
    if (x < edge || y < edge || x >= width - edge || y >= height - edge) continue;
    const made = stamps[codes[i]] || (stamps[codes[i]] = stamp(codes[i], radius, width, color));
    const { offsets, pixels: inks } = made, at = y * width + x;
    for (let j = 0; j < offsets.length; j++) {
      if (inks[j] > pixels[at + offsets[j]]) pixels[at + offsets[j]] = inks[j];   // the stronger one stays
    }
  }
  chart.pen.putImageData(chart.image, 0, 0);
  drawTexts();
  chart.took = performance.now() - began;
}

// Names of the clusters in sight, the tightest first, where there is room; a ring around the picked point.
function drawTexts() {
  const { pen, ratio } = chart, taken = [], css = getComputedStyle(chart.canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "12px system-ui, sans-serif";
  Object.assign(pen, { textAlign: "center", lineWidth: 3, lineJoin: "round",
    strokeStyle: css.getPropertyValue("--ground"), fillStyle: css.getPropertyValue("--text") });
  for (const cluster of chart.control ? [] : chart.listed) {
    if (taken.length >= 24) break;
    const text = data.map.traits[cluster] && data.map.traits[cluster][0];
    const [x, y] = text ? screenPlace(chart.heads[cluster]) : [-1, -1];
    const clear = taken.every(([a, b]) => Math.abs(a - x) > 110 || Math.abs(b - y) > 18);
    if (!text || !clear || x < 50 || y < 20 || x > chart.width - 50 || y > chart.height - 8) continue;
    taken.push([x, y]);
    pen.strokeText(text.slice(0, 28), x, y - 8);
    pen.fillText(text.slice(0, 28), x, y - 8);
  }
  if (chart.picked >= 0) {
    const [x, y] = screenPlace(chart.picked);
    pen.lineWidth = 2;
    pen.strokeStyle = css.getPropertyValue("--text");
    pen.beginPath();
    pen.arc(x, y, 8, 0, 7);
    pen.stroke();
  }
  pen.setTransform(1, 0, 0, 1, 0, 0);
}

function redraw() {
  chart.sharp = false;
  clearTimeout(chart.resting);
  chart.resting = setTimeout(() => { chart.sharp = true; if (chart.canvas.isConnected) drawChart(); }, REST);
  if (chart.asked) return;
  chart.asked = requestAnimationFrame(() => { chart.asked = 0; if (chart.canvas.isConnected) drawChart(); });
}

// ---------------------------------------------------------------- moving

function zoomBy(factor, x = chart.width / 2, y = chart.height / 2) {
  const before = unit(), scale = Math.min(200, Math.max(0.5, chart.scale * factor));
  const [dx, dy] = [x - chart.width / 2, chart.height / 2 - y];
  chart.x += (dx / before) * (1 - chart.scale / scale);    // what lies under (x, y) stays there
  chart.y += (dy / before) * (1 - chart.scale / scale);
  chart.scale = scale;
  redraw();
}

function moveBy(dx, dy) {
  const bound = (value) => Math.max(-1.2, Math.min(1.2, value));
  chart.x = bound(chart.x - dx / unit());
  chart.y = bound(chart.y + dy / unit());
  redraw();
}

// Bring some points into sight.
function frame(points) {
  const places = chart.places[chart.control], range = (axis) => {
    const values = points.map((i) => places[2 * i + axis]).sort((a, b) => a - b);
    return [values[Math.floor(0.1 * values.length)], values[Math.ceil(0.9 * values.length) - 1]];  // without strays
  };
  const [[left, right], [bottom, top]] = [range(0), range(1)];
  const span = Math.max(right - left, top - bottom, 0.05);
  Object.assign(chart, { x: (left + right) / 2, y: (bottom + top) / 2, scale: Math.min(40, Math.max(1, 1 / span)) });
  redraw();
}

// The point nearest a place of the canvas, -1 if none is within `reach` pixels.
function nearestPoint(x, y, reach) {
  const places = chart.places[chart.control], size = unit(), sought = chart.found;
  const [u, v] = [chart.x + (x - chart.width / 2) / size, chart.y - (y - chart.height / 2) / size];
  let best = -1, least = (reach / size) ** 2;
  for (let i = 0; i < chart.n; i++) {
    const far = (places[2 * i] - u) ** 2 + (places[2 * i + 1] - v) ** 2;
    if (far < least && (!sought || sought[i])) [best, least] = [i, far];
  }
  return best;
}

function pick(i) {
  const card = document.getElementById("card");
  if (i === chart.picked && card.hidden === (i < 0)) return;
  chart.picked = chart.control ? -1 : i;
  card.hidden = chart.picked < 0;
  if (card.hidden) return redraw();
  card.replaceChildren(pointCard(chart.picked));
  const [x, y] = screenPlace(chart.picked);
  const box = chart.canvas.getBoundingClientRect(), own = card.getBoundingClientRect();
  const below = box.top + y + 14 + own.height < innerHeight;
  card.style.left = `${Math.max(8, Math.min(box.left + x, innerWidth - own.width - 8))}px`;
  card.style.top = `${below ? box.top + y + 14 : Math.max(8, box.top + y - own.height - 14)}px`;
  document.getElementById("said").textContent = `${chart.names[i]}: ${textOf(i)}`;
  redraw();
}

function pointCard(i) {
  const row = chart.rows[i], cluster = data.map.labels[i], trait = data.map.traits[cluster];
  const lines = [["latent", chart.names[i]], ["reads", textOf(i)], ["density", percent(row.density)],
    ["fires on", el("span", {}, row.fires.flatMap((token) => [chip(token), " "]))],
    ["cluster", cluster < 0 ? "none" : `${cluster}: ${trait ? trait[0] : "nothing stands out"}`]];
  if (chart.own[i] < 0) lines.push(["page", "none here: a latent of another dictionary"]);
  return el("dl", {}, lines.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
}

function openPoint(i) {
  if (i >= 0 && !chart.control && chart.own[i] >= 0) location.hash = `#${chart.own[i]}`;
}

function chartKeys(event) {
  const along = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  const act = { "+": () => zoomBy(1.4), "=": () => zoomBy(1.4), "-": () => zoomBy(1 / 1.4), "h": goHome, "Home": goHome,
    "Enter": () => openPoint(chart.picked), "Escape": () => pick(-1) }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey || !(along || act)) return;
  event.preventDefault();
  if (act) return act();
  moveBy(...along);
  pick(nearestPoint(chart.width / 2, chart.height / 2, 1e9));    // the latent nearest the middle
}

// Drag with one pointer, pinch with two, a click opens; on a touch screen the first tap shows.
function chartPointers(canvas) {
  const down = new Map();
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => { const [a, b] = [...down.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    if (!down.size) moved = 0;
    down.set(event.pointerId, place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event), before = down.get(event.pointerId);
    if (!before) return event.pointerType === "mouse" && pick(nearestPoint(...now, 10));
    const apart = down.size === 2 ? spread() : 0;
    down.set(event.pointerId, now);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (moved > 4) pick(-1);
    moveBy((now[0] - before[0]) / down.size, (now[1] - before[1]) / down.size);
    if (apart) {
      const [a, b] = [...down.values()];
      zoomBy(spread() / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!down.delete(event.pointerId) || moved > 4) return;
    const i = nearestPoint(...place(event), event.pointerType === "mouse" ? 10 : 24);
    if (event.pointerType === "mouse" || i === chart.picked) openPoint(i);
    else pick(i);
  });
  canvas.addEventListener("pointercancel", (event) => down.delete(event.pointerId));
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !down.size) pick(-1); });
  canvas.addEventListener("wheel", (event) => {
    if (!chart.scroll) return;
    event.preventDefault();
    zoomBy(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 150), ...place(event));
  }, { passive: false });
}
