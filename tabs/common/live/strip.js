const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
function draw() {
  const v = props.value || {}, root = element.querySelector(".strip");
  root.replaceChildren();
  if (v.hint) root.append(make("p", "hint", v.hint));
  const row = make("div", "pictures"); row.style.setProperty("--size", (v.size || 128) + "px");
  (v.pictures || []).forEach((p, index) => {
    const box = make(v.pick ? "button" : "figure", "picture"), picture = make("img");
    if (/^data:image\/(jpeg|png|webp);base64,/.test(p.src)) picture.src = p.src;
    picture.alt = p.caption || ""; box.append(picture);
    if (p.caption) box.append(make("span", "caption", p.caption));
    if (v.pick) { box.type = "button"; box.onclick = () => trigger("select", {index}); }
    row.append(box);
  });
  root.append(row);
}
draw(); watch("value", draw);
