const row = make("div", "tasks"), hint = make("p", "hint"); hint.setAttribute("role", "status"); root().append(row, hint);
function draw() {
  const v = props.value || {}, focused = row.contains(document.activeElement) ? document.activeElement.dataset.ask : null;
  row.replaceChildren(...(v.tasks || []).map((t) => {
    const b = press("task", t.label, () => { if (t.reason) hint.textContent = t.reason; else trigger("select", {ask: t.ask}); });
    b.dataset.ask = t.ask; b.title = t.reason || t.hint; b.setAttribute("aria-pressed", String(Boolean(t.on))); b.setAttribute("aria-disabled", String(Boolean(t.reason)));
    return b;
  }));
  hint.textContent = v.hint || "";
  if (focused) [...row.children].find((b) => b.dataset.ask === focused)?.focus();
}
draw(); watch("value", draw);
