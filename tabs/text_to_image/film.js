const NS = "http://www.w3.org/2000/svg";
const svg = (tag, attributes, text) => { const e = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value); if (text !== undefined) e.textContent = text; return e; };
const W = 600, H = 132, LEFT = 8, RIGHT = 8, TOP = 8, BOTTOM = 22;
const X = (x) => LEFT + x * (W - LEFT - RIGHT), Y = (y) => TOP + (1 - y) * (H - TOP - BOTTOM);

function schedule(s) {
  const drawing = svg("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": s.words.title, class: "schedule"});
  drawing.append(svg("title", {}, s.words.title));
  for (const y of [0, 0.5, 1]) drawing.append(svg("line", {x1: X(0), x2: X(1), y1: Y(y), y2: Y(y), class: "rule"}));
  for (const mark of s.marks) drawing.append(svg("line", {x1: X(mark.x), x2: X(mark.x), y1: Y(0), y2: Y(1), class: "mark"}));
  for (const name of ["signal", "noise"]) {
    drawing.append(svg("polyline", {points: s[name].map(([x, y]) => `${X(x).toFixed(1)},${Y(y).toFixed(1)}`).join(" "), class: "line " + name}));
    for (const mark of s.marks) drawing.append(svg("circle", {cx: X(mark.x), cy: Y(mark[name]), r: 3.2, class: "dot " + name}));
  }
  drawing.append(svg("text", {x: X(0.5), y: H - 5, class: "axis", "text-anchor": "middle"}, s.words.axis));
  const key = make("div", "key");
  for (const name of ["signal", "noise"]) { const item = make("span", "item " + name); item.append(make("i"), make("span", "", s.words[name])); key.append(item); }
  const box = make("div", "chart"); box.append(key, drawing); return box;
}
function draw() {
  const v = props.value || {}, rows = v.rows || [];
  if (!rows.length) { root().replaceChildren(make("p", "hint", v.hint || "")); return; }
  const box = make("div", "scroll"), film = make("div", "film"); box.tabIndex = 0;
  rows.forEach((row) => {
    film.append(make("div", "name", row.name));
    const line = make("div", "frames");
    row.frames.forEach((f) => { const figure = make("figure"); figure.title = f.title || "";
      if (f.src) figure.append(picture(f.src, f.title)); else figure.append(make("span", "gap"));
      figure.append(make("figcaption", "", f.label)); line.append(figure); });
    film.append(line);
  });
  box.append(film);
  const parts = [make("p", "hint", v.hint || ""), box];
  if (v.schedule && v.schedule.signal.length) parts.push(schedule(v.schedule));
  root().replaceChildren(...parts);
}
draw(); watch("value", draw);
