// A turn is drawn anew only where it changed: while one answer is written, those before it stand still.
let only = null;
const box = root(), word = (key) => ((props.value || {}).words || {})[key] || "", drawn = new Map();
const near = () => box.scrollHeight - box.scrollTop - box.clientHeight < 60;

function phrase(cls, text, key, colour, turn) {
  const b = tint(press(cls, text, (e) => { e.stopPropagation(); if (turn !== (props.value || {}).shown) { trigger("select", {turn}); tell("only", key); } else tell("only", key === only ? null : key); }), colour);
  b.dataset.key = key;
  b.onpointerenter = b.onfocus = () => tell("hover", key); b.onpointerleave = b.onblur = () => tell("hover", null);
  return b;
}
function open(turn) {
  const e = make("article", "turn"), more = make("details", "more");
  more.append(make("summary"), make("div", "report"));
  e.append(make("div", "asked"), make("div", "text"), make("div", "list"), make("div", "status"), make("div", "verbs"), more);
  e.onclick = (event) => { if (!event.target.closest("button, details") && !String(getSelection())) trigger("select", {turn: turn.key}); };
  return e;
}
function fill(e, t) {
  const [asked, text, list, status, verbs, more] = e.children;
  asked.replaceChildren(...(t.tag ? [make("span", "tag", t.tag)] : []), make("span", "", t.question), make("span", "model", t.model));
  text.replaceChildren(...t.parts.map((p) => (p.key ? phrase("phrase", p.text, p.key, p.colour, t.key) : make("span", "", p.text))));
  if (t.live) text.append(make("i", "caret"));
  list.replaceChildren(...t.list.map((one) => { const b = phrase("chip", one.label, one.key, one.colour, t.key); if (one.said) b.append(make("small", "", one.said)); return b; }));
  status.replaceChildren(...[t.status, ...t.notes].filter(Boolean).map((line) => make("p", "", line)));
  verbs.replaceChildren(...t.verbs.map((v) => press("verb", v.label, () => trigger("again", {turn: t.key, verb: v.verb}))));
  more.hidden = !t.prompt && !t.raw && !t.warnings.length;
  more.firstChild.textContent = t.report; more.classList.toggle("warned", t.warnings.length > 0);
  const rows = [...t.warnings.map((w) => make("p", "warning", w))];
  for (const [name, said] of [["prompt", t.prompt], ["raw", t.raw]]) if (said) rows.push(make("h4", "", word(name)), make("pre", "", said));
  more.lastChild.replaceChildren(...rows);
}
function draw() {
  const v = props.value || {}, turns = v.turns || [], stick = near();
  for (const key of [...drawn.keys()]) if (!turns.some((t) => t.key === key)) { drawn.get(key).e.remove(); drawn.delete(key); }
  box.querySelector(".hint")?.remove();
  if (!turns.length) box.append(make("p", "hint", v.hint || ""));
  turns.forEach((t, n) => {
    let mine = drawn.get(t.key);
    if (!mine) { mine = {e: open(t), now: ""}; drawn.set(t.key, mine); }
    if (box.children[n] !== mine.e) box.insertBefore(mine.e, box.children[n] || null);
    const now = JSON.stringify(t);
    if (now !== mine.now) { mine.now = now; fill(mine.e, t); }
    mine.e.classList.toggle("shown", t.key === v.shown); mine.e.classList.toggle("live", Boolean(t.live));
  });
  mark(); if (stick) box.scrollTop = box.scrollHeight;
}
const mark = () => { for (const b of box.querySelectorAll("[data-key]")) { b.classList.toggle("only", b.dataset.key === only); b.setAttribute("aria-pressed", String(b.dataset.key === only)); } };
hear("only", (key) => { only = key; mark(); });
hear("hover", (key) => { for (const b of box.querySelectorAll("[data-key]")) b.classList.toggle("hot", b.dataset.key === key); });
box.setAttribute("role", "log"); box.tabIndex = 0; box.classList.add("talk");
draw(); watch("value", draw);
