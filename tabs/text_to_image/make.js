const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text; return e; };
const PICTURE = /^data:image\/(jpeg|png|webp);base64,/;
const picture = (src, alt) => { const e = make("img"); if (PICTURE.test(src)) e.src = src; e.alt = alt || ""; return e; };
const root = () => element.querySelector(".piece");
