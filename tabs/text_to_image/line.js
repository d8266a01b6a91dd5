const line = make("p", "line"); line.setAttribute("role", "status"); root().append(line);
function draw() { line.textContent = (props.value || {}).text || ""; }
draw(); watch("value", draw);
