const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const shown = (t) => t === "" ? "·" : t.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t");
const percent = (p) => p === null || p === undefined ? "–" : p >= 0.0995 ? (100 * p).toFixed(0) + " %"
  : p >= 0.001 ? (100 * p).toFixed(1) + " %" : p > 0 ? "<0.1 %" : "0";
const row = (cells, cls) => { const r = make("tr", cls); cells.forEach((c) => r.append(c)); return r; };
const bar = (...ps) => { const c = make("td", "bar"); ps.forEach((p) => { const b = make("b"); b.style.width = (100 * (p || 0)) + "%";
  c.append(b); }); return c; };
const quoted = (t, cls) => { const c = make("td", cls); c.append(make("code", "", shown(t))); return c; };

function alternatives(v, d) {
  const box = make("div"); box.append(make("h4", "", v.words.alternatives));
  const table = make("table"); const head = make("tr");
  ["", v.words.before, v.words.after, "", ""].forEach((w) => head.append(make("th", w ? "number" : "", w))); table.append(head);
  d.alternatives.forEach((a, i) => {
    const last = make("td");
    if (!a.said && a.can) { const b = make("button", "from", "↳");
      b.title = v.words.from_here;
      b.setAttribute("aria-label", v.words.from_here + ": " + a.t);
      b.onclick = () => trigger("input", {place: v.place, token: v.selected, choice: a.n}); last.append(b); }
    if (a.said) last.textContent = "✓";
    table.append(row([quoted(a.t), make("td", "number", percent(a.p)), make("td", "number", percent(a.q)), bar(a.p, a.q), last],
      a.said ? "said" : ""));
  });
  box.append(table);
  for (const note of [d.entropy, d.note, d.missing]) if (note) box.append(make("p", "hint", note));
  return box;
}
function lens(v, d) {
  const box = make("div"); box.append(make("h4", "", v.words.lens));
  const table = make("table"); const head = make("tr");
  [v.words.layer, v.words.lens_top, "", v.words.lens_said].forEach((w, i) => head.append(make("th", i === 1 ? "" : "number", w))); table.append(head);
  [...d.lens].reverse().forEach((l) => table.append(row([make("td", "number", l.layer), quoted(l.t),
    make("td", "number", percent(l.p)), make("td", "number", percent(l.said) + "  #" + l.rank)])));
  const scroll = make("div", "scroll"); scroll.append(table); box.append(scroll); return box;
}
function attention(v, d) {
  const box = make("div", "wide"); box.append(make("h4", "", v.words.attention));
  const strip = make("div", "tokens"); const most = Math.max(d.brightest, 1e-9);
  d.attention.forEach((a) => { const s = make("span", "token", shown(a.t)); s.style.cursor = "default";
    s.style.setProperty("--s", Math.min(100, 100 * a.w / most)); s.title = (100 * a.w).toFixed(1) + " %"; strip.append(s); });
  box.append(strip); return box;
}
function draw() {
  const v = props.value || {}; const root = element.querySelector(".inspector");
  const kept = root.querySelector(".tokens")?.scrollTop || 0;
  root.replaceChildren();
  if (!v.tokens || !v.tokens.length) { root.append(make("p", "hint", v.hint || "")); return; }
  const legend = make("div", "legend"); legend.append(make("span", "", v.words.sure), make("i"), make("span", "", v.words.surprising));
  root.append(legend);
  const strip = make("div", "tokens"); strip.setAttribute("role", "group");
  v.tokens.forEach((t, i) => {
    const known = t.b !== null; const s = make("span", "token" + (known ? "" : " unknown") + (i === v.selected ? " chosen" : ""), shown(t.t));
    s.style.setProperty("--s", known ? Math.min(90, 9 * t.b) : 0);
    if (known) { s.tabIndex = 0; s.setAttribute("role", "button"); s.title = t.b.toFixed(1) + " " + v.words.bits;
      s.onclick = () => trigger("select", {place: v.place, token: i});
      s.onkeydown = (e) => {
        if (e.key === "Enter" || e.key === " ") { e.preventDefault(); s.onclick(); }
        const step = e.key === "ArrowRight" ? "nextElementSibling" : e.key === "ArrowLeft" ? "previousElementSibling" : null;
        if (step) { e.preventDefault(); let n = s[step]; while (n && n.tabIndex < 0) n = n[step]; n?.focus(); } }; }
    strip.append(s); });
  root.append(strip); strip.scrollTop = kept;
  const d = v.detail; if (!d) return;
  const detail = make("div", "detail"); detail.append(alternatives(v, d));
  if (d.lens?.length) detail.append(lens(v, d));
  if (d.attention?.length) detail.append(attention(v, d));
  if (d.wait) detail.append(make("p", "hint", d.wait));
  root.append(detail);
}
draw(); watch("value", draw);
