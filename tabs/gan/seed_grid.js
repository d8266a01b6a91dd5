// What is wanted lives here; what is shown came from the server for the newest request.
const LARGEST_SEED = 4294967295;
const wanted = {seeds: "1-16", judged: false};
const truncation = () => value().truncation ?? 1;
let order = "seed", shown = [], busy = false, next = null, seen = false, model = null, asked_psi = null, focused = 0;

const value = () => props.value || {};
const words = () => { const all = value().words || {};
  const language = (navigator.languages || []).map((l) => l.slice(0, 2)).find((l) => all[l]); return all[language] || all.en || {}; };
const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const root = () => element.querySelector(".seeds");
const part = (name) => root()?.querySelector("." + name);
const button = (text, title, act) => { const b = make("button", "", text); b.type = "button"; b.title = title;
  b.setAttribute("aria-label", title); b.onclick = act; return b; };

function build() {
  const w = words(), bar = make("div", "bar");
  const seeds = make("input", "range"); seeds.type = "text"; seeds.value = wanted.seeds; seeds.maxLength = 400; seeds.spellcheck = false;
  seeds.setAttribute("aria-label", w.seeds); seeds.title = w.seeds_hint;
  seeds.onchange = () => { wanted.seeds = seeds.value; ask(); };
  const named = make("label", "named"); named.append(make("span", "", w.seeds), seeds);
  bar.append(named, button("‹", w.previous, () => page(-1)), button("›", w.next, () => page(1)), button("⚄", w.random, random));

  const judge = make("input"); judge.type = "checkbox"; judge.checked = wanted.judged;
  const sort = make("select", "sort"); sort.setAttribute("aria-label", w.sort);
  for (const [key, text] of [["seed", w.by_seed], ["best", w.best_first], ["worst", w.worst_first]]) {
    const o = make("option", "", text); o.value = key; sort.append(o); }
  sort.value = order;
  sort.onchange = () => { order = sort.value; if (order !== "seed" && !wanted.judged) { judge.checked = wanted.judged = true; ask(); } else paint(); };
  judge.onchange = () => { wanted.judged = judge.checked; if (!wanted.judged) { order = sort.value = "seed"; } ask(); };
  const opinion = make("label", "named"); opinion.title = w.judged_hint; opinion.append(judge, make("span", "", w.judged));
  const second = make("div", "bar"); second.append(opinion, sort);
  const tiles = make("div", "tiles"); tiles.setAttribute("role", "listbox"); tiles.setAttribute("aria-label", w.grid);
  tiles.onkeydown = keys;
  const note = make("p", "note"); note.setAttribute("role", "status");
  root().replaceChildren(bar, tiles, second, note);
  paint();
}
function page(step) {
  const numbers = shown.map((t) => t.seed); const count = numbers.length || 16;
  const from = step > 0 ? Math.max(...numbers, 0) + 1 : Math.min(...numbers, count) - count;
  range(Math.min(Math.max(from, 0), LARGEST_SEED - count + 1), count);
}
function random() { const count = shown.length || 16; range(Math.floor(Math.random() * (LARGEST_SEED - count)), count); }
function range(from, count) { wanted.seeds = from + "-" + (from + count - 1); part("range").value = wanted.seeds; ask(); }

async function ask() {
  asked_psi = truncation(); next = {model: value().model, truncation: asked_psi, ...wanted};
  if (busy) return;
  busy = true; root()?.setAttribute("aria-busy", "true");
  while (next) {
    const asked = next; next = null;
    let answer; try { answer = await server.tiles(asked); } catch { answer = {error: words().unreachable}; }
    if (asked.model !== value().model) continue;
    if (answer.error) { part("note").textContent = answer.error; continue; }
    part("note").textContent = "";
    if (asked.seeds === wanted.seeds) { wanted.seeds = answer.seeds; if (document.activeElement !== part("range")) part("range").value = answer.seeds; }
    shown = answer.tiles; paint();
  }
  busy = false; root()?.removeAttribute("aria-busy");
}
function paint() {
  const tiles = part("tiles"); if (!tiles) return;
  const w = words(), rank = {best: -1, worst: 1}[order];
  const list = [...shown]; if (rank) list.sort((a, b) => rank * ((a.realness ?? 0) - (b.realness ?? 0)));
  while (tiles.children.length > list.length) tiles.lastChild.remove();
  focused = Math.min(focused, Math.max(0, list.length - 1));
  list.forEach((tile, i) => {
    let box = tiles.children[i];
    if (!box) { box = make("button", "tile"); box.type = "button"; box.setAttribute("role", "option");
      const picture = make("img"); picture.alt = ""; picture.draggable = false; box.append(picture, make("span", "seed"), make("span", "real")); tiles.append(box); }
    box.children[0].src = tile.image; box.children[1].textContent = tile.seed;
    const known = tile.realness !== null && tile.realness !== undefined;
    box.children[2].textContent = known ? Math.round(100 * tile.realness) + " %" : "";
    box.children[2].title = known ? w.judged_hint : "";
    box.setAttribute("aria-label", w.seed + " " + tile.seed + (known ? ", " + box.children[2].textContent + " " + w.judged : ""));
    box.setAttribute("aria-selected", String(tile.seed === value().chosen)); box.tabIndex = i === focused ? 0 : -1;
    box.onfocus = () => { tiles.children[focused].tabIndex = -1; focused = i; box.tabIndex = 0; };
    box.onclick = () => trigger("select", {seed: tile.seed});
  });
}
function keys(event) {
  const tiles = part("tiles"); const columns = getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
  const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -focused, End: shown.length}[event.key];
  if (step === undefined) return;
  event.preventDefault();
  tiles.children[Math.min(Math.max(focused + step, 0), shown.length - 1)]?.focus();
}
function update() {
  if (!root()?.firstChild) build();
  if (seen && (value().model !== model || truncation() !== asked_psi)) { model = value().model; ask(); } else paint();
}
// The first look is what loads a model: a tab nobody opens costs nothing.
new IntersectionObserver((entries, observer) => { if (entries.some((e) => e.isIntersecting)) { observer.disconnect(); seen = true; update(); } })
  .observe(element);
update(); watch("value", update);
