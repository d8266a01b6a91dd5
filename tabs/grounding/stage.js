// The picture is sent once and stays; boxes come often. What a hand is doing is never touched by what comes.
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"], LEAST = 0.004, SLIP_PX = 4, STEP = 0.01;
const box = root(), value = () => props.value || {}, word = (key) => (value().words || {})[key] || "";
const within = (x) => Math.min(1, Math.max(0, x)), round = (x) => Math.round(x * 1e4) / 1e4;
let own = null, placed = null, only = null, drag = null, shown = "";

const drop = make("div", "drop"), frame = make("div", "frame"), bar = make("div", "bar"), look = make("div", "look");
const picture = make("img", "picture"), heat = make("img", "heat"), found = make("div", "found"), regions = make("div", "regions");
const mine = make("div", "own"), note = make("p", "note"), file = make("input");
note.setAttribute("role", "status"); picture.draggable = false; heat.alt = "";
file.type = "file"; file.accept = "image/*"; file.hidden = true;
mine.tabIndex = 0; mine.setAttribute("role", "group"); mine.append(...HANDLES.map((h) => { const i = make("i", h); i.dataset.handle = h; return i; }));
frame.append(picture, heat, found, regions, mine);
box.append(drop, frame, bar, note, look, file);

// --- the box of one's own ---------------------------------------------------------------------------
const corners = make("span", "corners"); bar.append(corners);
const fields = ["x0", "y0", "x1", "y1"].map((name) => { const l = make("label", "", name), i = make("input"); i.type = "number";
  i.min = 0; i.max = 100; i.step = 0.1; i.dataset.name = name; i.onchange = typed; l.append(i); corners.append(l); return i; });
const verbs = Object.fromEntries(["draw", "identify", "region", "similar", "use", "clear"].map((verb) => [verb, press("verb", "", () => act(verb))]));
bar.append(...Object.values(verbs));

function keep(next, focus) {
  own = next && next.map(round); box.dataset.box = own ? JSON.stringify(own) : "";
  mine.hidden = !own;
  if (own) { lay(mine, own); if (focus) mine.focus({preventScroll: true}); }
  fields.forEach((f, n) => { if (document.activeElement !== f || !own) f.value = own ? Math.round(own[n] * 1000) / 10 : ""; });
  buttons();
}
function lay(e, [x0, y0, x1, y1]) { e.style.left = 100 * x0 + "%"; e.style.top = 100 * y0 + "%"; e.style.width = 100 * (x1 - x0) + "%"; e.style.height = 100 * (y1 - y0) + "%"; }
const sorted = ([a, b, c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)].map(within);
const whole = (b) => b[2] - b[0] >= LEAST && b[3] - b[1] >= LEAST;
function typed() {
  if (fields.some((f) => f.value === "" || !isFinite(f.valueAsNumber))) return;
  const next = sorted(fields.map((f) => f.valueAsNumber / 100));
  if (whole(next)) { say(""); keep(next); fields.forEach((f, n) => { f.value = Math.round(own[n] * 1000) / 10; }); } else say(word("flat"));
}
function act(verb) {
  if (verb === "draw") return keep(own || [0.3, 0.3, 0.7, 0.7], true);
  if (verb === "clear") { keep(null); return; }
  if (verb === "use") { const b = (value().boxes || []).find((b) => b.key === only); if (b) keep(b.box, true); return; }
  const reason = (value().able || {})[verb];
  if (reason) return say(reason);
  if (!own) return;
  const payload = {box: own};
  if (verb === "identify") trigger("identify", payload); else if (verb === "region") trigger("region", payload); else trigger("similar", payload);
}
function buttons() {
  const able = value().able || {}, busy = Boolean(value().busy);
  for (const [verb, b] of Object.entries(verbs)) {
    b.textContent = word(verb); b.title = able[verb] || word(verb + "_title");
    b.setAttribute("aria-disabled", String(Boolean(able[verb])));
  }
  verbs.draw.hidden = Boolean(own); verbs.clear.disabled = !own;
  verbs.identify.disabled = verbs.similar.disabled = !own || busy; verbs.region.disabled = !own;
  verbs.use.hidden = !(value().boxes || []).some((b) => b.key === only);
}
const say = (text) => { note.textContent = text; };

// --- dragging: a new box, a box moved, an edge pulled; without a drag it is a click -----------------
const at = (e) => { const r = frame.getBoundingClientRect(); return [within((e.clientX - r.left) / r.width), within((e.clientY - r.top) / r.height)]; };
frame.onpointerdown = (e) => {
  if (drag || e.button || e.target.closest(".tag")) return;
  const handle = e.target.dataset.handle, mode = handle ? "size" : e.target.closest(".own") ? "move" : "draw";
  drag = {id: e.pointerId, from: at(e), px: [e.clientX, e.clientY], start: own, handle, mode, went: false, hit: e.target.closest(".b")?.dataset.key || null};
  frame.setPointerCapture(e.pointerId);
};
frame.onpointermove = (e) => {
  if (!drag || e.pointerId !== drag.id) return;
  if (!drag.went && Math.hypot(e.clientX - drag.px[0], e.clientY - drag.px[1]) < SLIP_PX) return;
  drag.went = true; frame.classList.add("dragging");
  const [x, y] = at(e), [fx, fy] = drag.from, s = drag.start;
  if (drag.mode === "draw") return keep(sorted([fx, fy, x, y]));
  if (drag.mode === "move") return shift(s, x - fx, y - fy);
  const next = [...s], h = drag.handle;
  if (h.includes("w")) next[0] = x; if (h.includes("e")) next[2] = x; if (h.includes("n")) next[1] = y; if (h.includes("s")) next[3] = y;
  keep(sorted(next));
};
frame.onpointerup = (e) => {
  if (!drag || e.pointerId !== drag.id) return;
  const done = drag; drag = null; frame.classList.remove("dragging");
  if (!done.went) { if (done.mode === "draw") isolate(done.hit); else mine.focus({preventScroll: true}); return; }
  if (own && whole(own)) { say(""); keep(own, true); } else keep(done.start);
};
frame.onpointercancel = () => { if (drag) { keep(drag.start); drag = null; frame.classList.remove("dragging"); } };
function shift(b, dx, dy) {
  const w = b[2] - b[0], h = b[3] - b[1], x = Math.min(1 - w, Math.max(0, b[0] + dx)), y = Math.min(1 - h, Math.max(0, b[1] + dy));
  keep([x, y, x + w, y + h]);
}
mine.onkeydown = (e) => {
  const d = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]}[e.key];
  if (d && own) {
    e.preventDefault();
    if (!e.shiftKey) return shift(own, ...d);
    const next = sorted([own[0], own[1], Math.max(own[0] + LEAST, own[2] + d[0]), Math.max(own[1] + LEAST, own[3] + d[1])]);
    return keep(next);
  }
  if (["Delete", "Backspace"].includes(e.key)) { e.preventDefault(); keep(null); }
};
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || !box.isConnected || !box.offsetParent) return;
  const stop = document.querySelector("#ground-stop");
  if (stop) stop.click(); else if (only) isolate(only); else if (own) { keep(null); }
});

// --- the boxes of an answer -------------------------------------------------------------------------
function boxes() {
  const v = value(), now = JSON.stringify(v.boxes || []);
  if (now === shown) return mark();
  shown = now;
  const old = new Map([...found.children].map((e) => [e.dataset.id, e]));
  const area = (b) => (b.box[2] - b.box[0]) * (b.box[3] - b.box[1]);
  const rank = new Map([...(v.boxes || [])].sort((a, b) => area(b) - area(a)).map((b, n) => [b, n]));
  const count = new Map(), next = (v.boxes || []).map((b, n) => {
    const id = b.key + "/" + n, e = old.get(id) || fresh(id);
    e.dataset.key = b.key; tint(e, b.colour); lay(e, b.box); e.style.zIndex = rank.get(b);  // small ones can be reached
    e.classList.toggle("dashed", Boolean(b.dashed)); e.classList.toggle("low", b.box[1] < 0.07); e.classList.toggle("right", b.box[0] > 0.6);
    e.setAttribute("aria-label", [b.label, b.score].filter(Boolean).join(" "));
    // "four people" stands on the first of the four; the others are counted, so that words do not cover the picture
    const nth = (count.get(b.key) || 0) + 1; count.set(b.key, nth); e.firstChild.textContent = [nth > 1 ? String(nth) : b.label, b.score].filter(Boolean).join(" · ");
    return e;
  });
  if (next.length !== found.children.length || next.some((e, n) => found.children[n] !== e)) found.replaceChildren(...next);
  mark();
}
function fresh(id) {
  const e = make("div", "b"); e.dataset.id = id; e.tabIndex = 0; e.setAttribute("role", "button"); e.append(make("span", "tip"));
  e.onpointerenter = e.onfocus = () => tell("hover", e.dataset.key); e.onpointerleave = e.onblur = () => tell("hover", null);
  e.onkeydown = (event) => { if (["Enter", " "].includes(event.key)) { event.preventDefault(); isolate(e.dataset.key); } };
  return e;
}
const isolate = (key) => tell("only", key === only ? null : key);
hear("only", (key) => { only = key; mark(); });
hear("hover", (key) => { for (const e of found.children) e.classList.toggle("hot", e.dataset.key === key); });
function mark() {
  const some = [...found.children].some((e) => e.dataset.key === only);
  for (const e of found.children) { const it = some && e.dataset.key === only; e.classList.toggle("only", it); e.classList.toggle("dim", some && !it); e.setAttribute("aria-pressed", String(it)); }
  buttons();
}
function names() {
  regions.replaceChildren(...(value().regions || []).map((r) => {
    const e = make("div", "region"), tag = make("span", "tag"); lay(e, r.box);
    const quote = press("", "[" + r.name + "]", () => trigger("quote", {name: r.name})), gone = press("gone", "×", () => trigger("forget", {name: r.name}));
    quote.title = word("quote"); gone.title = word("forget"); gone.setAttribute("aria-label", word("forget") + " " + r.name);
    tag.append(quote, gone); e.append(tag); return e;
  }), ...(value().asked || []).map((b) => { const e = make("div", "region asked"); lay(e, b); return e; }));
}

// --- a picture comes --------------------------------------------------------------------------------
async function send(chosen) {
  if (!chosen) return;
  box.classList.add("sending"); say(word("sending"));
  try { const sent = await upload(chosen); say(""); trigger("upload", {path: sent.path}); }
  catch (fault) { say(word("unsent")); }
  finally { box.classList.remove("sending"); file.value = ""; }
}
file.onchange = () => send(file.files[0]);
drop.onclick = () => file.click(); drop.tabIndex = 0; drop.setAttribute("role", "button");
drop.onkeydown = (e) => { if (["Enter", " "].includes(e.key)) { e.preventDefault(); file.click(); } };
box.ondragover = (e) => { e.preventDefault(); box.classList.add("over"); };
box.ondragleave = () => box.classList.remove("over");
box.ondrop = (e) => { e.preventDefault(); box.classList.remove("over"); send(e.dataTransfer.files[0]); };
document.addEventListener("paste", (e) => {
  const pasted = [...(e.clipboardData?.files || [])].find((f) => f.type.startsWith("image/"));
  if (pasted && box.isConnected && box.offsetParent) { e.preventDefault(); send(pasted); }
});

// --- how it looks ------------------------------------------------------------------------------------
const toggle = (name) => { const b = press("toggle", "", () => { const on = b.getAttribute("aria-pressed") !== "true"; b.setAttribute("aria-pressed", String(on)); frame.classList.toggle("no-" + name, !on); });
  b.setAttribute("aria-pressed", "true"); look.append(b); return b; };
const slide = (name, least, most, step, start, what) => { const l = make("label", name), t = make("span"), i = make("input"); i.type = "range"; i.min = least; i.max = most; i.step = step; i.value = start;
  i.oninput = () => what(i.value); l.append(t, i); look.append(l); what(start); return [l, t]; };
const showBoxes = toggle("boxes"), showLabels = toggle("labels");
const [, widthWord] = slide("width", 1, 8, 0.5, 3, (w) => frame.style.setProperty("--line", w + "px"));
const [heatSlide, heatWord] = slide("heat", 0, 1, 0.05, 0.75, (o) => { heat.style.opacity = o; });
const heatOff = press("verb", "", () => trigger("cool", {})), other = press("verb", "", () => file.click());
look.append(heatOff, other);

function draw() {
  const v = value(), url = (v.picture && v.picture.url) || "";
  if (picture.getAttribute("src") !== url) { if (url) picture.src = url; else picture.removeAttribute("src"); keep(null); only = null; say(""); }
  picture.alt = v.alt || "";
  frame.style.setProperty("--ratio", v.width && v.height ? v.width / v.height : 1);
  for (const e of [frame, bar, look]) e.hidden = !url;
  drop.hidden = Boolean(url); drop.replaceChildren(make("strong", "", word("drop")), make("span", "", word("drop_more")));
  mine.setAttribute("aria-label", word("own"));
  if (v.moved && v.moved !== placed) { placed = v.moved; keep(v.box || null); }
  showBoxes.textContent = word("boxes"); showLabels.textContent = word("labels"); widthWord.textContent = word("width"); heatWord.textContent = word("heat");
  heatOff.textContent = word("cool"); other.textContent = word("other"); fields.forEach((f) => { f.title = word("percent"); f.setAttribute("aria-label", f.dataset.name + " %"); });
  const seen = v.heat && /^data:image\/png;base64,/.test(v.heat.src);
  heat.hidden = heatSlide.hidden = heatOff.hidden = !seen;
  if (seen && heat.getAttribute("src") !== v.heat.src) heat.src = v.heat.src;
  names(); boxes(); buttons();
}
draw(); watch("value", draw);
