const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const press = (cls, text, what) => { const b = make("button", cls, text); b.type = "button"; b.onclick = what; return b; };
const tint = (e, colour) => { if (/^#[0-9a-f]{6}$/i.test(colour)) e.style.setProperty("--c", colour); return e; };
const root = () => element.querySelector(".piece");
// Phrases and boxes of an answer speak to each other over the part of the page that holds both.
const home = element.closest(".grounding") || document.body;
const tell = (name, detail) => home.dispatchEvent(new CustomEvent("grounding-" + name, {detail}));
const hear = (name, what) => home.addEventListener("grounding-" + name, (e) => what(e.detail));
