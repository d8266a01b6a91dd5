function draw() {
  const v = props.value || {}; const root = element.querySelector(".tokens"); root.replaceChildren();
  if (!v.tokens?.length) { const p = document.createElement(v.text ? "span" : "p"); p.className = v.text ? "" : "hint";
    p.textContent = v.text || v.hint || ""; root.append(p); return; }
  for (const [id, text] of v.tokens) { const s = document.createElement("span"); s.className = "token";
    s.textContent = text.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t"); s.title = "id " + id; root.append(s); }
}
draw(); watch("value", draw);
