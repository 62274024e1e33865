// Values of a chart where the pointer is, or where the arrow keys have gone.
for (const chart of document.querySelectorAll(".chart[data-lines]")) {
  const svg = chart.querySelector("svg"), tip = chart.querySelector(".tip"), rule = chart.querySelector(".at");
  const lines = JSON.parse(chart.dataset.lines);
  if (!svg) continue;
  const box = svg.viewBox.baseVal;
  const places = [...new Set(lines.flatMap(line => line.points.map(point => point[0])))].sort((a, b) => a - b);
  let shown = -1;
  const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);

  const show = index => {
    shown = Math.max(0, Math.min(places.length - 1, index));
    const x = places[shown], rows = [];
    for (const line of lines) {
      const point = nearest(line.points, x);
      if (Math.abs(point[0] - x) <= box.width / 60) rows.push([line, point]);
    }
    tip.replaceChildren();
    const head = tip.appendChild(document.createElement("b"));
    head.textContent = `${chart.dataset.x} ${rows[0][1][2].toLocaleString("en")}`;
    for (const [line, point] of rows) {
      const row = tip.appendChild(document.createElement("div"));
      row.appendChild(document.createElement("i")).className = line.colour;
      row.append(`${line.name} ${Number(point[3].toPrecision(5))}`);
    }
    rule.setAttribute("x1", x);
    rule.setAttribute("x2", x);
    rule.removeAttribute("hidden");
    tip.hidden = false;
    const scale = svg.getBoundingClientRect().width / box.width;
    const left = x * scale + 12, room = chart.clientWidth - tip.offsetWidth;
    tip.style.left = `${left <= room ? left : Math.max(0, x * scale - tip.offsetWidth - 12)}px`;
    tip.style.top = `${svg.getBoundingClientRect().top - chart.getBoundingClientRect().top + 8}px`;
  };
  const hide = () => { shown = -1; tip.hidden = true; rule.setAttribute("hidden", ""); };

  svg.addEventListener("pointermove", event => {
    const frame = svg.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width * box.width;
    show(places.indexOf(nearest(places.map(place => [place]), x)[0]));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(shown < 0 ? (step > 0 ? 0 : places.length - 1) : shown + step);
  });
}
