function draw() {
  const v = props.value || {}, focused = root().contains(document.activeElement) ? document.activeElement.textContent : null;
  const groups = (v.groups || []).map((group) => {
    const row = make("div", "group"); row.append(make("span", "title", group.title));
    const words = make("span", "words");
    group.words.forEach((w) => {
      const b = make("button", "chip", w.text); b.type = "button"; b.setAttribute("aria-pressed", String(Boolean(w.on)));
      b.onclick = () => trigger("select", {word: w.text}); words.append(b);
    });
    row.append(words); return row;
  });
  let box = root().querySelector(".groups");
  if (!box) { box = make("div", "groups"); root().append(box); }
  const before = box.scrollTop; box.replaceChildren(...groups); box.scrollTop = before;
  if (focused !== null) [...root().querySelectorAll(".chip")].find((b) => b.textContent === focused)?.focus();
}
draw(); watch("value", draw);
