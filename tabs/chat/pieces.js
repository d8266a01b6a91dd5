function draw() {
  const v = props.value || {}; const root = element.querySelector(".pieces"); root.replaceChildren();
  if (!v.pieces?.length) { const p = document.createElement(v.text ? "span" : "p"); p.className = v.text ? "" : "hint";
    p.textContent = v.text || v.hint || ""; root.append(p); return; }
  for (const [id, text] of v.pieces) { const s = document.createElement("span"); s.className = "piece";
    s.textContent = text.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t"); s.title = "id " + id; root.append(s); }
}
draw(); watch("value", draw);
