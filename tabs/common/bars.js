const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
function draw() {
  const v = props.value || {}, root = element.querySelector(".bars");
  root.replaceChildren();
  if (v.hint) root.append(make("p", "hint", v.hint));
  (v.rows || []).forEach((r, index) => {
    const row = make(v.pick ? "button" : "div", "bar-row" + (index === v.chosen ? " chosen" : ""));
    const track = make("span", "track"), fill = make("i", r.tone || "");
    fill.style.width = Math.max(0, Math.min(100, 100 * (Number(r.share) || 0))) + "%";
    track.append(fill); row.append(make("span", "label", r.label), track, make("span", "said", r.said || ""));
    if (r.title) row.title = r.title;
    if (v.pick) { row.type = "button"; row.setAttribute("aria-pressed", index === v.chosen); row.onclick = () => trigger("select", {index}); }
    root.append(row);
  });
}
draw(); watch("value", draw);
