const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const percent = (p) => (100 * p).toFixed(p < 0.0995 ? 1 : 0) + " %";
function draw() {
  const v = props.value || {}, root = element.querySelector(".bars");
  root.replaceChildren();
  if (!v.groups || !v.groups.length) { if (v.hint) root.append(make("p", "hint", v.hint)); return; }
  const legend = make("p", "legend"); legend.append(make("i", "here"), v.here, make("i", "world"), v.world); root.append(legend);
  const groups = make("div", "groups"); root.append(groups);
  for (const group of v.groups) {
    const box = make("section"); box.append(make("h4", "", group.name));
    const most = Math.max(0.01, ...group.bars.flatMap((b) => [b.here, b.world ?? 0]));
    for (const bar of group.bars) {
      const row = make("div", "row"); row.append(make("span", "label", bar.label));
      const lines = make("div", "lines");
      for (const [cls, share] of [["here", bar.here], ["world", bar.world]]) if (share !== null && share !== undefined) {
        const line = make("b", cls); line.style.width = (100 * share / most) + "%"; lines.append(line); }
      const number = make("span", "number", percent(bar.here)); row.append(lines, number);
      row.title = bar.label + ": " + percent(bar.here) + " " + v.here + (bar.world === null || bar.world === undefined ? "" : ", " + percent(bar.world) + " " + v.world);
      box.append(row);
    }
    groups.append(box);
  }
  if (v.note) root.append(make("p", "hint", v.note));
}
draw(); watch("value", draw);
