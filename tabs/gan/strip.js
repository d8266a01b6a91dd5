const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
function draw() {
  const v = props.value || {}, root = element.querySelector(".strip");
  root.replaceChildren(); root.classList.toggle("wide", Boolean(v.wide));
  const pictures = v.pictures || [];
  if (!pictures.length) { if (v.hint) root.append(make("p", "hint", v.hint)); return; }
  pictures.forEach((p, place) => {
    const box = make("figure"), picture = make("img"); picture.src = p.image; picture.alt = p.caption || ""; picture.draggable = false;
    if (v.choose) { const b = make("button", "choose"); b.type = "button"; b.title = v.choose;
      b.setAttribute("aria-label", v.choose + ": " + (p.caption || place + 1));
      b.onclick = () => trigger("select", {place}); b.append(picture); box.append(b); }
    else box.append(picture);
    if (v.remove) { const x = make("button", "remove", "×"); x.type = "button"; x.title = v.remove;
      x.setAttribute("aria-label", v.remove + ": " + (p.caption || place + 1)); x.onclick = () => trigger("delete", {place}); box.append(x); }
    if (p.caption) box.append(make("figcaption", "", p.caption));
    if (v.download) { const a = make("a", "save", v.save); a.href = p.image; a.download = v.download; box.append(a); }
    root.append(box);
  });
}
draw(); watch("value", draw);
