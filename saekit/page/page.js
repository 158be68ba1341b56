// Which view is shown, and what a token says when it is pointed at or focused.
"use strict";

function effectText(effect) {
  if (Math.abs(effect) < FELT) return `${signed(effect)} nats: hardly any difference`;
  return `${signed(effect)} nats: without the latent the next token is predicted ${effect < 0 ? "better" : "worse"}`;
}

function detailOf({ id, next, activation, effect, chance, guesses, file }) {
  const lines = [["token", chip(id)], ["activation", number(activation)]];
  if (effect !== null) {
    const without = Math.min(1, chance * Math.exp(-effect));
    lines.push(["Δ", effectText(effect)]);
    lines.push(["chance of the next", el("span", {}, next === undefined ? "" : chip(next),
      ` ${percent(chance)} → ${percent(without)} without it`)]);
  } else if (activation > 0) {
    lines.push(["Δ", "unknown: the context ends here"]);
  }
  lines.push(["model expects", el("span", {}, guesses.flatMap((guess) => [chip(guess), " "]))], ["file", file]);
  return el("dl", {}, lines.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
}

function point(span) {
  const detail = document.getElementById("detail");
  document.querySelectorAll("[aria-describedby]").forEach((other) => other.removeAttribute("aria-describedby"));
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

// Left and right go along an example, up and down from one example's bold token to the next one's.
function move(event, span) {
  const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key], down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!along && !down) return;
  const line = span.closest(".example"), boldOf = (example) => example.querySelector("b").parentNode;
  const all = along ? [...line.querySelectorAll(".token")] : [...document.querySelectorAll(".example")].map(boldOf);
  const to = all[all.indexOf(along ? span : boldOf(line)) + (along || down)];
  if (!to) return;
  event.preventDefault();
  to.focus();
}

function keys(event) {
  const search = document.getElementById("search"), span = tokenOf(event);
  if (event.key === "Escape") point(null);
  if (event.key === "/" && search && !event.target.closest("input, select")) {
    event.preventDefault();
    search.focus();
  }
  if (span) move(event, span);
}

function show(...children) {
  point(null);
  document.getElementById("main").replaceChildren(...children.filter(Boolean));
}

function route() {
  const id = Number(location.hash.slice(1));
  const missing = (error) => show(el("p", {}, error.message)), onMap = location.hash.match(/^#map(?:\/(\d+))?$/);
  if (data.about.single) return showLatent(data.index[0].id);
  if (onMap && data.about.map) return showMap(onMap[1] && Number(onMap[1])).then(() => scrollTo(0, 0), missing);
  if (location.hash.length < 2 || !data.byId[id]) return showList();
  return showLatent(id).then(() => scrollTo(0, 0), missing);
}

function start() {
  data.byId = Object.fromEntries(data.index.map((row) => [row.id, row]));
  addEventListener("hashchange", route);
  addEventListener("keydown", keys);
  for (const name of ["mouseover", "focusin"]) addEventListener(name, (event) => point(tokenOf(event)));
  addEventListener("focusout", () => point(null));
  addEventListener("scroll", () => { if (!document.activeElement.info) point(null); }, { passive: true });
  route();
}
