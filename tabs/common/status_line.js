const line = document.createElement("p"); line.className = "line"; line.setAttribute("role", "status");
element.querySelector(".piece").append(line);
function draw() { line.textContent = (props.value || {}).text || ""; }
draw(); watch("value", draw);
