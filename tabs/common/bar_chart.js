const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
function draw() {
  const v = props.value || {}, root = element.querySelector(".bars");
  root.replaceChildren();
  if (v.hint) root.append(make("p", "hint", v.hint));
  // Sorted here: a list that changes its order while it is streamed would be patched entry by entry.
  const groups = [...(v.groups || [])].filter((g) => (g.rows || []).length).sort((a, b) => b.rank - a.rank);
  if (groups.length && (v.legend || []).length) { const legend = make("p", "legend");
    v.legend.forEach((text, i) => legend.append(make("i", "bar" + i), make("span", "", text))); root.append(legend); }
  const grid = make("div", groups.length > 1 ? "groups" : "group"); if (groups.length) root.append(grid);
  for (const group of groups) {
    const box = make("section"); if (group.name) box.append(make("h4", "", group.name));
    group.rows.forEach((r, index) => {
      const line = make(v.select ? "button" : "div", "bar-row"), track = make("span", "track");
      r.shares.forEach((share, i) => { const fill = make("i", r.tone || "bar" + i);
        fill.style.width = Math.max(0, Math.min(100, 100 * (Number(share) || 0))) + "%"; track.append(fill); });
      line.append(make("span", "label", r.label), track, make("span", "text", r.text || "")); if (r.title) line.title = r.title;
      if (v.select) { line.type = "button"; line.onclick = () => trigger("select", {index}); }
      box.append(line);
    });
    grid.append(box);
  }
  if (v.note) root.append(make("p", "hint", v.note));
}
draw(); watch("value", draw);
