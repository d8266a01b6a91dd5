const root = element.querySelector(".map"); let box, mark, x = 0.5, y = 0.5, busy = null;
const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };
const place = () => { mark.style.left = 100 * x + "%"; mark.style.top = 100 * y + "%"; };
const go = (nx, ny) => { x = Math.min(1, Math.max(0, nx)); y = Math.min(1, Math.max(0, ny)); place();
  clearTimeout(busy); busy = setTimeout(() => trigger("select", {x, y}), 60); };
const point = (e) => { const r = box.getBoundingClientRect(); go((e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height); };
function draw() {
  const v = props.value || {}; root.replaceChildren();
  if (!v.picture || !/^data:image\/jpeg;base64,/.test(v.picture)) return;
  box = make("div", "land"); box.tabIndex = 0; box.setAttribute("role", "application"); box.setAttribute("aria-label", v.words.map);
  const picture = make("img"); picture.src = v.picture; picture.alt = ""; picture.draggable = false; mark = make("i");
  box.append(picture, mark); x = Number(v.x); y = Number(v.y); place();
  let down = false;
  box.onpointerdown = (e) => { down = true; box.setPointerCapture(e.pointerId); point(e); };
  box.onpointermove = (e) => { if (down) point(e); };
  box.onpointerup = box.onpointercancel = () => { down = false; };
  box.onkeydown = (e) => { const d = {ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02]}[e.key];
    if (d) { e.preventDefault(); go(x + d[0], y + d[1]); } };
  root.append(make("p", "hint", v.words.map), box);
}
draw(); watch("value", draw);
