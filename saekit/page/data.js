// Data, labels and elements. Data arrive as scripts that call saekit.receive(name, value), because a page opened from a
// folder may load scripts but not fetch files. Text from the corpus only ever becomes text nodes: no markup is built
// from strings.
"use strict";

const PACK = 16;           // latents per data file
const LEVELS = 64 ** 2 - 1;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUE = Object.fromEntries([...DIGITS].map((digit, i) => [digit, i]));
const data = {}, waiting = {};

const saekit = {
  receive(name, value) {
    data[name] = value;
    (waiting[name] || []).forEach((go) => go(value));
    delete waiting[name];
    if (name === "index") start();
  },
};

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

async function readLatent(id) {
  const pack = await load(`latents-${String(Math.floor(id / PACK)).padStart(4, "0")}`);
  return pack.find((one) => one.id === id);
}

function unpack(text, width) {
  const out = [];
  for (let i = 0; i < text.length; i += width) {
    let number = 0;
    for (let j = i; j < i + width; j++) number = number * 64 + VALUE[text[j]];
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

function groupOf(latent) {
  return latent.density === 0 ? "dead" : latent.density < data.about.ultra_low ? "low" : "live";
}

// Labels are kept in this browser.
const labels = {
  key: () => `saekit labels ${data.about.id}`,
  all() {
    try {
      return JSON.parse(localStorage.getItem(this.key())) || this.kept || {};
    } catch {
      return this.kept || {};
    }
  },
  get(id) {
    return this.all()[id] || "";
  },
  set(id, text) {
    const { [id]: _, ...others } = this.all();
    this.store(text ? { ...others, [id]: text } : others);
  },
  store(all) {
    this.kept = all;     // where the browser keeps nothing, until the page is closed
    try {
      localStorage.setItem(this.key(), JSON.stringify(all));
    } catch { /* a private window */ }
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

// An element with attributes ("on…" are listeners, "--…" style variables) and children.
function el(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "line"].includes(tag) && "http://www.w3.org/2000/svg";
  const node = svg ? document.createElementNS(svg, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

const word = (token) => data.vocabulary[token] ?? "";
const chip = (token) => el("span", { class: "token chip" }, word(token));
const whole = (x) => x.toLocaleString("en");
const signed = (x) => (x < 0 ? "−" : "+") + Math.abs(x).toFixed(2);

function fixed(x) {
  return x == null ? "–" : x.toFixed(2).replace("-0.00", "0.00").replace("-", "−");
}

function number(x, digits = 3) {
  return Number(x).toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "−");
}

function percent(x) {
  return x >= 0.001 || x === 0 ? `${number(100 * x, 2)} %` : `${(100 * x).toPrecision(2)} %`;
}

function histogram(counts, [low, high], unit, title) {
  const width = 320, height = 76, top = Math.max(...counts, 1), step = width / counts.length;
  const bars = counts.map((count, i) => el("rect", {
    x: i * step + 0.5, width: step - 1, y: height - (height * count) / top, height: (height * count) / top }));
  const zero = (width * -low) / (high - low);
  return el("figure", { class: "histogram" },
    el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, preserveAspectRatio: "none" },
      bars, low < 0 && high > 0 && el("line", { x1: zero, x2: zero, y1: 0, y2: height })),
    el("figcaption", {}, el("span", {}, number(low)), el("span", {}, unit), el("span", {}, number(high))));
}

function table(caption, head, rows) {
  return el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) =>
      (i ? el("td", {}, cell) : el("th", { scope: "row" }, cell)))))));
}
