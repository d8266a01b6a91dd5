function draw() {
  const v = props.value || {}, rows = v.cells || [];
  if (!rows.length) { root().replaceChildren(make("p", "hint", v.hint || "")); return; }
  const table = make("table", "cells"), head = make("tr"), body = make("tbody"), top = make("thead");
  if (v.rows.some(Boolean)) head.append(make("th", "corner", v.corner || ""));
  v.columns.forEach((name) => { const th = make("th", "", name); th.scope = "col"; head.append(th); });
  top.append(head);
  rows.forEach((cells, row) => {
    const line = make("tr");
    if (v.rows.some(Boolean)) { const th = make("th", "side", v.rows[row]); th.scope = "row"; line.append(th); }
    cells.forEach((cell, column) => {
      const td = make("td");
      if (cell) { const b = make("button", "cell"); b.type = "button"; b.title = cell.caption; b.append(picture(cell.src, cell.caption));
        b.onclick = () => trigger("select", {row, column}); td.append(b); }
      else { const wait = make("span", "wait"); const now = v.now || []; wait.classList.toggle("now", now[0] === row && now[1] === column); td.append(wait); }
      line.append(td);
    });
    body.append(line);
  });
  const box = make("div", "scroll"); box.tabIndex = 0; table.append(top, body); box.append(table); 
  const before = root().querySelector(".scroll")?.scrollLeft || 0; root().replaceChildren(box); box.scrollLeft = before;
}
draw(); watch("value", draw);
