// The page's half of the protocol that stage.py describes. `element`, `props`, `server`, `trigger` and `watch` are Gradio's.
const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const button = (cls, text, title, act) => { const b = make("button", cls, text); b.type = "button";
  if (title) { b.title = title; b.setAttribute("aria-label", title); } b.onclick = act; return b; };
const root = element.querySelector(".stage");

let v = {};                        // the value as Python gave it
let base = null, basePicture = ""; // the latent every movement starts from, and its picture
let latent = null, values = {};    // what is on show
let moved = new Map();             // control -> value, in the order of the movements
let locked = new Set();
let inactive = {};                 // control -> why it changes nothing now
const off = (c) => locked.has(c.name) || Boolean(inactive[c.name]);
let fresh = new Map();             // control -> the request that carries its newest movement, until that is answered
let underWay = 0, sent = 0, answered = 0, quick = false, good = false;  // requests; whether the last answer came at once, and was a picture
const QUICK_MS = 60;
let pending = false, scheduled = false, released = false, epoch = 0, active = null;
let frames = 0, times = [], parts = {}, rows = new Map(), showFps = false;

// ---- newest wins: the newest state goes next, the last one is never lost, an older answer never follows a newer one ----
// One request is under way at a time; a server that answers at once draws the next picture while this page shows the last.
const room = () => base !== null && quick ? 2 : 1;
function want() {
  pending = true; state("busy");
  if (underWay < room() && !scheduled) { scheduled = true; requestAnimationFrame(send); }
}
async function send() {
  scheduled = false;
  if (underWay >= room() || !pending) return;
  const mine = epoch, first = base === null, order = ++sent, began = performance.now();
  pending = first && moved.size > 0; underWay += 1;
  if (!parts.picture.src) hide(parts.wait, false);
  const slow = setTimeout(() => hide(parts.wait, false), 700);
  let answer;
  try { answer = await server.frame({model: v.model, latent: base, values: first ? {} : Object.fromEntries(moved), extra: v.extra || {}}); }
  catch { answer = undefined; }
  clearTimeout(slow); hide(parts.wait, true); underWay -= 1; quick = performance.now() - began < QUICK_MS;
  if (pending && !first && mine === epoch) send();  // no frame to wait for: the newest state is known
  if (mine !== epoch) good = false; else if (order > answered) good = show(answer, first, order);
  if (mine === epoch && first && !good) pending = false;
  if (pending) send(); else if (underWay === 0) rest(epoch);
}
// What hears of the end of a movement keeps the page busy for a while: the last picture comes first.
async function rest(mine) {
  const painted = parts.picture.decode().catch(() => {});  // there is none yet, or another is coming: nothing to wait for
  await Promise.race([painted, new Promise((go) => setTimeout(go, 200))]);
  await new Promise(requestAnimationFrame);
  setTimeout(() => { if (mine === epoch && !pending && underWay === 0) settle(); });
}
function show(answer, first, order) {
  answered = order;
  if (!first) for (const [name, carried] of fresh) if (carried <= order) fresh.delete(name);
  if (!answer || answer.error) { note(answer ? answer.error : v.words.lost); return false; }
  note(""); latent = answer.latent; values = {...values, ...answer.values}; inactive = answer.inactive || {};
  if (first) { base = latent; released = true; }
  if (first || moved.size === 0) basePicture = answer.picture;
  parts.picture.src = answer.picture;
  refresh();
  return true;
}
function settle() {
  if (active !== null) return;
  const ended = released && good; released = false;
  if (latent !== null && !parts.note.textContent) {
    const state = {latent, values: current(), moved: Object.fromEntries(moved), locked: [...locked]};
    props.value = {...v, ...state, picture: null};
    if (ended) trigger("release", {model: v.model, ...state});
  }
  state("idle");
}
function current() {
  const all = {};
  for (const c of v.controls) { const at = standing(c); if (at !== undefined && at !== null) all[c.name] = at; }
  return all;
}
const standing = (c) => fresh.has(c.name) || !(c.name in values) ? (moved.get(c.name) ?? values[c.name] ?? c.value) : values[c.name];
function note(text) { if (text || !parts.note.hidden) { parts.note.textContent = text; hide(parts.note, !text); } }
// What stays as it is is not written: at thirty pictures a second the page pays for every word.
function hide(part, hidden) { if (part.hidden !== hidden) part.hidden = hidden; }
function state(now) { if (element.dataset.state !== now) element.dataset.state = now; }

// ---- movements ----
function move(c, value, done) {
  if (off(c)) return;
  if (c.group) for (const other of v.controls) if (other.group === c.group) { moved.delete(other.name); fresh.delete(other.name); }
  moved.delete(c.name); moved.set(c.name, value); fresh.set(c.name, sent + 1);
  rows.get(c.name).draw(value);
  if (done) released = true;
  want();
}
function released_() { active = null; released = true; if (underWay === 0 && !pending) want(); }
function reset(c) { if (locked.has(c.name)) return; if (c.home !== undefined) { move(c, c.home, true); return; } moved.delete(c.name); delete values[c.name]; released = true; want(); }
function resetAll() {
  for (const c of v.controls) if (!locked.has(c.name)) { if (c.home !== undefined) { move(c, c.home, true); continue; } moved.delete(c.name); delete values[c.name]; }
  released = true; want();
}
function randomise() {
  const groups = new Map();
  for (const c of v.controls) if (c.random !== false) { const g = c.group || c.name; groups.set(g, [...(groups.get(g) || []), c]); }
  for (const group of groups.values()) {
    if (group.some(off)) continue;
    const c = group[Math.floor(Math.random() * group.length)], others = c.others || [];
    const other = Math.floor(Math.random() * (others.length + count(c))) - count(c);  // as likely as the values of the scale
    move(c, others.length && other >= 0 ? others[other][0] : c.kind === "chips" ? c.values[Math.floor(Math.random() * c.values.length)]
      : Number((c.minimum + Math.random() * (c.maximum - c.minimum)).toFixed(2)), true);
  }
}
function toggleLock(c, lock) {
  if (locked.has(c.name)) locked.delete(c.name); else locked.add(c.name);
  drawLock(c, lock); rows.get(c.name).draw(standing(c)); if (underWay === 0 && !pending) { good = false; settle(); }
}
function drawLock(c, lock) {
  const on = locked.has(c.name); lock.textContent = on ? "🔒" : "🔓"; lock.setAttribute("aria-pressed", on);
  const title = (on ? v.words.unlock : v.words.lock) + ": " + c.label; lock.title = title; lock.setAttribute("aria-label", title);
}

// ---- the controls ----
const count = (c) => (c.values || []).length;
function said(c, x) {
  if (typeof x === "string") return (c.others || []).find(([value]) => value === x)?.[1] ?? c.labels?.[c.values.indexOf(x)] ?? x;
  const number = Number(x).toFixed(c.step >= 1 ? 0 : c.digits ?? (count(c) ? 1 : 2));
  if (!count(c)) return number + (c.unit ? " " + c.unit : "");
  const labels = c.labels || c.values, low = Math.floor(x), near = Math.round(x);
  if (Math.abs(x - near) < 0.05) return labels[near % count(c)];
  return labels[low % count(c)] + " → " + labels[(low + 1) % count(c)] + " " + number;
}
function range(c, box, says) {
  const input = make("input"); input.type = "range"; input.min = c.minimum; input.max = c.maximum;
  input.step = c.step || 0.01; input.setAttribute("aria-label", c.label);
  if (c.colours) { input.classList.add("coloured"); input.style.setProperty("--track", "linear-gradient(90deg," + c.colours.join(",") + ")"); }
  input.oninput = () => { active = c.name; move(c, Number(input.value), false); };
  input.onchange = released_; input.onpointercancel = released_;
  // Let go where it was taken: for the browser nothing has changed, and yet the movement has ended.
  input.onpointerup = () => setTimeout(() => { if (active === c.name) released_(); });
  box.append(input);
  if (count(c)) {
    const ticks = make("div", "ticks"); ticks.setAttribute("aria-hidden", "true");
    c.values.forEach((value, i) => { const t = button("tick", c.labels?.[i] ?? value, "", () => move(c, i, true));
      t.tabIndex = -1; t.style.setProperty("--at", i / Math.max(1, count(c) - 1));
      if (i === 0) t.classList.add("first"); if (i === count(c) - 1) t.classList.add("last"); ticks.append(t); });
    box.append(ticks);
  }
  const chips = (c.others || []).map(([value, text]) => { const chip = button("chip", text, "", () => move(c, value, true));
    chip.setAttribute("aria-pressed", "false"); return chip; });
  if (chips.length) { const group = make("div", "row"); group.setAttribute("role", "group"); group.setAttribute("aria-label", c.label); group.append(...chips); box.append(group); }
  return (x) => { if (x === undefined || x === null) return;
    const word = typeof x === "string";  // a value beside the scale
    chips.forEach((chip, i) => { chip.setAttribute("aria-pressed", String(c.others[i][0] === x)); chip.disabled = off(c); });
    input.classList.toggle("beside", word); input.disabled = off(c);
    if (word) { says.textContent = said(c, x); input.setAttribute("aria-valuetext", says.textContent); return; }
    if (Number(input.value) !== Number(x)) input.value = x;
    says.textContent = said(c, Number(x)); input.setAttribute("aria-valuetext", says.textContent);
    input.style.setProperty("--fill", (100 * (input.value - c.minimum) / (c.maximum - c.minimum)) + "%"); };
}
function circle(c, box, says) {
  const ring = make("div", "ring"), knob = make("i"); ring.append(knob); ring.tabIndex = 0; ring.setAttribute("role", "slider");
  ring.setAttribute("aria-label", c.label); ring.setAttribute("aria-valuemin", c.minimum); ring.setAttribute("aria-valuemax", c.maximum);
  if (c.colours) ring.style.setProperty("--ring", "conic-gradient(" + [...c.colours, c.colours[0]].join(",") + ")");
  const span = c.maximum - c.minimum; let at = c.minimum;
  const go = (x, done) => move(c, Number((c.minimum + (((x - c.minimum) % span) + span) % span).toFixed(2)), done);
  const point = (e) => { const r = ring.getBoundingClientRect();
    const turn = Math.atan2(e.clientX - r.left - r.width / 2, r.top + r.height / 2 - e.clientY) / (2 * Math.PI);
    go(c.minimum + span * turn, false); };
  ring.onpointerdown = (e) => { if (off(c)) return; e.preventDefault(); ring.focus(); ring.setPointerCapture(e.pointerId); active = c.name; point(e); };
  ring.onpointermove = (e) => { if (active === c.name) point(e); };
  ring.onpointerup = ring.onpointercancel = () => { if (active === c.name) released_(); };
  ring.onkeydown = (e) => { const step = {ArrowRight: 0.1, ArrowUp: 0.1, ArrowLeft: -0.1, ArrowDown: -0.1, PageUp: 1, PageDown: -1}[e.key];
    if (step) { e.preventDefault(); go(at + step, true); } else if (e.key === "Home") { e.preventDefault(); go(c.minimum, true); } };
  const around = make("div", "around"); around.append(ring);
  const ticks = make("div", "wrap"); c.values.forEach((value, i) => { const t = button("tick", c.labels?.[i] ?? value, "", () => go(i, true));
    t.tabIndex = -1; t.setAttribute("aria-hidden", "true"); ticks.append(t); });
  around.append(ticks); box.append(around);
  return (x) => { if (x === undefined || x === null) return; at = Number(x); ring.style.setProperty("--turn", (at - c.minimum) / span + "turn");
    says.textContent = said(c, at); ring.setAttribute("aria-valuenow", at); ring.setAttribute("aria-valuetext", says.textContent);
    ring.setAttribute("aria-disabled", off(c));
    [...ticks.children].forEach((t, i) => t.classList.toggle("on", Math.round(at) % count(c) === i)); };
}
function chipRow(c, box, says) {
  const group = make("div", "row"); group.setAttribute("role", "radiogroup"); group.setAttribute("aria-label", c.label);
  const all = c.values.map((value, i) => { const chip = button("chip", "", "", () => move(c, value, true));
    if (c.colours?.[i]) { const dot = make("i"); dot.style.background = c.colours[i]; chip.append(dot); }
    chip.append(c.labels?.[i] ?? value); chip.setAttribute("role", "radio"); group.append(chip); return chip; });
  group.onkeydown = (e) => { const at = all.indexOf(document.activeElement); if (at < 0) return;
    const to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[e.key];
    if (to === undefined) return; e.preventDefault(); const next = all[(to + all.length) % all.length]; next.focus(); next.click(); };
  box.append(group);
  return (x) => { const at = c.values.indexOf(x); says.textContent = at < 0 ? "" : said(c, x);
    all.forEach((chip, i) => { chip.setAttribute("aria-checked", i === at); chip.disabled = off(c);
      chip.tabIndex = i === Math.max(0, at) ? 0 : -1; }); };
}
function control(c) {
  const box = make("div", "control"), head = make("div", "name"), says = make("output");
  const lock = button("small", "", "", () => toggleLock(c, lock)); drawLock(c, lock);
  head.append(make("span", "", c.label), says, lock, button("small", "↺", v.words.reset_one + ": " + c.label, () => reset(c)));
  box.append(head); box.dataset.name = c.name;
  const paint = {slider: range, cycle: circle, chips: chipRow}[c.kind](c, box, says);
  let last;  // a control that stands where it stood costs the page nothing
  const reason = make("p", "reason"); reason.hidden = true; box.append(reason);
  const draw = (x) => { const why = inactive[c.name] || "", now = x + "|" + locked.has(c.name) + "|" + why; if (now === last) return;
    last = now; paint(x); box.classList.toggle("inactive", Boolean(why)); reason.textContent = why; hide(reason, !why); };
  rows.set(c.name, {draw}); return box;
}
function refresh() { for (const c of v.controls) if (active !== c.name && !fresh.has(c.name)) rows.get(c.name).draw(standing(c)); }

// Two columns of about the same height, in their order. (CSS columns would lay out every control several times a movement.)
function columns() {
  const height = (c) => (c.kind === "cycle" ? 3 : c.kind === "chips" ? 1 + count(c) / 4 : count(c) ? 1.4 : 1) + (c.others || []).length / 4;
  const half = v.controls.reduce((sum, c) => sum + height(c), 0) / 2; let sum = 0;
  const parts = [[], []]; for (const c of v.controls) { parts[sum + height(c) / 2 < half ? 0 : 1].push(c); sum += height(c); }
  return parts;
}

// ---- the whole ----
function build() {
  root.replaceChildren(); rows = new Map();
  const left = make("div", "left"), frame = make("div", "frame");
  const picture = make("img"); picture.alt = v.words.picture; picture.draggable = false; picture.tabIndex = 0; picture.title = v.words.hold;
  picture.onload = () => { hide(picture, false); frames += 1; element.dataset.frames = frames; times.push(performance.now()); drawFps(); };
  picture.hidden = true;
  let kept = null;  // pressed: the picture before any control was moved
  picture.onpointerdown = () => { if (basePicture && kept === null) { kept = picture.src; frames -= 1; picture.src = basePicture; } };
  picture.onpointerup = picture.onpointerleave = picture.onpointercancel = () => { if (kept !== null) { if (picture.src === basePicture) { frames -= 1; picture.src = kept; } kept = null; } };
  const wait = make("div", "wait", v.words.loading); wait.hidden = true; wait.setAttribute("role", "status");
  const fps = make("div", "fps"); fps.hidden = true;
  const words = make("p", "note"); words.hidden = true; words.setAttribute("role", "alert");
  frame.append(picture, wait, fps); parts = {picture, wait, fps, note: words};
  const tools = make("div", "tools");
  const speed = button("tool quiet", "fps", v.words.fps, () => { showFps = !showFps; speed.setAttribute("aria-pressed", showFps); drawFps(); });
  speed.setAttribute("aria-pressed", showFps);
  tools.append(button("tool", "🎲 " + v.words.random, "", randomise), button("tool", "↺ " + v.words.reset, "", resetAll), speed);
  left.append(frame, words, tools);
  const right = make("div", "controls"); right.append(...columns().map((part) => {
    const column = make("div", "column"); column.append(...part.map(control)); return column; }));
  root.append(left, right);
}
function drawFps() {
  const now = performance.now(); times = times.filter((t) => now - t < 1000);
  hide(parts.fps, !showFps); if (showFps) parts.fps.textContent = times.length + " fps";
}
let drawn = "";
function take() {
  const next = props.value;
  if (!next || !next.controls) { root.replaceChildren(); drawn = ""; return; }
  epoch += 1; v = next; base = latent = v.latent ?? null; values = {...v.values}; moved = new Map(); fresh.clear();
  locked = new Set(v.locked || []); inactive = v.inactive || {}; active = null; released = false;
  const shape = JSON.stringify([v.controls, v.words, v.locked]);
  if (shape !== drawn) { const before = drawn && parts.picture?.src; build(); drawn = shape; if (before) parts.picture.src = before; }
  note(""); refresh(); for (const c of v.controls) rows.get(c.name).draw(standing(c));
  element.dataset.frames = frames;
  if (v.picture) { basePicture = v.picture; parts.picture.src = v.picture; pending = false; state(underWay ? "busy" : "idle"); }
  else want();
}
element.dataset.frames = 0; state("idle");
take(); watch("value", take);
