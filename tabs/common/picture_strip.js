const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const button = (cls, title, event, index) => { const b = make("button", cls); b.type = "button"; b.title = title;
  b.onclick = () => trigger(event, {index}); return b; };
function draw() {
  const v = props.value || {}, root = element.querySelector(".strip");
  root.replaceChildren();
  if (v.hint) root.append(make("p", "hint", v.hint));
  const row = make("div", "pictures"); row.style.setProperty("--size", (v.size || 128) + "px");
  (v.pictures || []).forEach((p, index) => {
    const box = make("figure", "picture"), picture = make("img"), named = p.caption || index + 1;
    if (/^data:image\/(jpeg|png|webp);base64,/.test(p.src)) picture.src = p.src;
    picture.alt = p.caption || ""; picture.draggable = false;
    const face = v.pick ? button("pick", v.pick === true ? "" : v.pick, "select", index) : box;
    face.append(picture);
    if (p.caption) face.append(make("span", "caption", p.caption));
    if (face !== box) { if (v.pick !== true) face.setAttribute("aria-label", v.pick + ": " + named); box.append(face); }
    if (v.remove) { const x = button("remove", v.remove, "delete", index); x.textContent = "×";
      x.setAttribute("aria-label", v.remove + ": " + named); box.append(x); }
    if (v.download) { const a = make("a", "save", v.save); a.href = p.src; a.download = v.download; box.append(a); }
    row.append(box);
  });
  root.append(row);
}
draw(); watch("value", draw);
