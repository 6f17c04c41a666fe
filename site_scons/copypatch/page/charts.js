// The charts, drawn by uPlot in the colours of the page, and drawn again when those change.

const charts = [];
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(label, more) {
  return {
    label, labelSize: 20, size: 38, font: "11px system-ui", labelFont: "11px system-ui", stroke: colour("--soft"),
    grid: {stroke: colour("--line"), width: 1}, ticks: {stroke: colour("--line"), width: 1}, ...more,
  };
}

// How many uops are of which size: bars in steps of a round number of bytes.
function histogram(uops) {
  const largest = Math.max(1, ...uops.map(uop => uop.sizes[0]));
  const step = [8, 16, 32, 64, 128, 256, 512, 1024].find(size => largest / size <= 40) ?? 2048;
  const bars = Math.floor(largest / step) + 1;
  const counted = pick => {
    const counts = new Array(bars).fill(0);
    for (const uop of uops) counts[Math.min(bars - 1, Math.floor(pick(uop) / step))]++;
    return counts;
  };
  const data = [counted(uop => uop.sizes[0]).map((_, index) => (index + 0.5) * step), counted(uop => uop.sizes[0])];
  if (overview.base !== null) data.push(counted(uop => (uop.before ?? uop.sizes)[0]));
  return {data, step};
}

function drawSizes() {
  const host = find("sizes"), {data, step} = histogram(target().uops);
  const series = [{}, {label: "now", fill: colour("--process"), paths: uPlot.paths.bars({size: [0.86]}), points: {show: false}}];
  // The base as an outline, so that both can be told apart without colour.
  if (data.length > 2) series.push({label: "base", stroke: colour("--hole"), width: 1.5, dash: [4, 3], paths: uPlot.paths.bars({size: [0.96]}), points: {show: false}});
  return new uPlot({
    width: host.clientWidth, height: 250, legend: {show: false}, cursor: {y: false, points: {show: false}}, series,
    scales: {x: {time: false, range: (_, low, high) => [0, high + step / 2]}, y: {range: (_, low, high) => [0, Math.max(1, high * 1.06)]}},
    axes: [axis(data.length > 2 ? "bytes of code (dashed: the base)" : "bytes of code"), axis("uops", {incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]})],
    hooks: {setCursor: [chart => {
      const index = chart.cursor.idx;
      host.title = index === null || index === undefined ? ""
        : `${plural(data[1][index], "uop")} of ${number(index * step)} to ${number((index + 1) * step - 1)} bytes`;
    }]},
  }, data, host);
}

// Every uop as a point. The nearest to the pointer is named, and opened by a click.
function drawHoles() {
  const host = find("holes"), note = find("nearest");
  const uops = [...target().uops].sort((a, b) => a.sizes[0] - b.sizes[0]);
  const data = [uops.map(uop => uop.sizes[0]), uops.map(uop => uop.sizes[3])];
  let nearest = null;
  const chart = new uPlot({
    width: host.clientWidth, height: 250, legend: {show: false}, cursor: {points: {show: false}, drag: {x: false, y: false}},
    series: [{}, {paths: () => null, points: {show: true, size: 6, width: 1, stroke: colour("--process"), fill: colour("--accent-soft")}}],
    scales: {x: {time: false, range: (_, low, high) => [0, high * 1.04 + 1]}, y: {range: (_, low, high) => [0, Math.max(1, high * 1.08)]}},
    axes: [axis("bytes of code"), axis("holes")],
    hooks: {setCursor: [drawn => {
      const {left, top} = drawn.cursor;
      nearest = null;
      let best = 24 * 24;
      if (left >= 0) uops.forEach((uop, index) => {
        const x = drawn.valToPos(data[0][index], "x") - left, y = drawn.valToPos(data[1][index], "y") - top;
        if (x * x + y * y < best) { best = x * x + y * y; nearest = uop; }
      });
      note.textContent = nearest ? `${nearest.name}: ${plural(nearest.sizes[0], "byte")}, ${plural(nearest.sizes[3], "hole")}` : "\u00a0";
      drawn.over.style.cursor = nearest ? "pointer" : "";
    }]},
  }, data, host);
  chart.over.addEventListener("click", () => { if (nearest) location.hash = uopLink(nearest.name); });
  return chart;
}

function drawCharts() {
  for (const chart of charts.splice(0)) chart.destroy();
  if (find("overview").hidden) return;
  charts.push(drawSizes(), drawHoles());
}

function resizeCharts() {
  for (const chart of charts) chart.setSize({width: chart.root.parentElement.clientWidth, height: 250});
}
