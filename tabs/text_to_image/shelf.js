function draw() {
  const v = props.value || {}, pictures = v.pictures || [], shelf = make("div", "shelf");
  if (!pictures.length) { root().replaceChildren(make("p", "hint", v.hint || "")); return; }
  const focused = root().contains(document.activeElement) ? document.activeElement.dataset.key : null;
  pictures.forEach((p) => {
    const b = make("button", "tile"); b.type = "button"; b.dataset.key = p.key;
    b.classList.toggle("chosen", p.key === v.chosen); b.setAttribute("aria-pressed", String(p.key === v.chosen));
    b.append(picture(p.src, p.caption)); if (p.best) b.append(make("span", "best", "★ " + p.best));
    b.append(make("span", "caption", p.caption)); b.onclick = () => trigger("select", {key: p.key});
    shelf.append(b);
  });
  shelf.onkeydown = (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key]; if (!by) return;
    const tiles = [...shelf.children], next = tiles[tiles.indexOf(document.activeElement) + by];
    if (next) { next.focus(); next.click(); event.preventDefault(); }
  };
  root().replaceChildren(shelf);
  if (focused !== null) shelf.querySelector(`[data-key="${Number(focused)}"]`)?.focus();
}
draw(); watch("value", draw);
