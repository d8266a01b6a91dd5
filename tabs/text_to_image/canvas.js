// The pictures are changed in place: a preview that is replaced ten times a second must not flicker.
function draw() {
  const v = props.value || {}, box = root();
  let frame = box.querySelector(".frame"), foot = box.querySelector(".foot");
  if (!frame) {
    frame = make("div", "frame"); foot = make("div", "foot"); const track = make("div", "track"); track.append(make("i"));
    const said = make("span", "said"); said.setAttribute("role", "status");
    foot.append(track, said); box.replaceChildren(frame, foot);
  }
  const pictures = v.pictures || [], shown = frame.querySelectorAll("img");
  if (!pictures.length) frame.replaceChildren(make("p", "hint", v.hint || ""));
  else if (shown.length !== pictures.length) frame.replaceChildren(...pictures.map((src) => picture(src, v.alt)));
  else pictures.forEach((src, n) => { if (PICTURE.test(src) && shown[n].getAttribute("src") !== src) shown[n].src = src; shown[n].alt = v.alt || ""; });
  frame.style.setProperty("--across", Math.ceil(Math.sqrt(pictures.length || 1)));
  frame.classList.toggle("empty", !pictures.length);
  const going = typeof v.share === "number";
  frame.classList.toggle("going", going);
  foot.querySelector(".track").style.visibility = going ? "visible" : "hidden";
  foot.querySelector("i").style.width = 100 * Math.min(1, Math.max(0, v.share || 0)) + "%";
  foot.querySelector(".said").textContent = v.text || "";
}
draw(); watch("value", draw);
