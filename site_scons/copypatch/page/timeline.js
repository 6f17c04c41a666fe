// What ran when: a lane a thread, and in it a line for each depth of what ran inside of what.

const KINDS = [["step", "a step of the build"], ["process", "a process"], ["uop", "a uop in a shard's process (as fine as file times)"], ["cache", "from the cache"]];
const event = ([name, kind, start, duration, lane, count, uop, plan]) => ({name, kind, start, duration, lane, count, uop, plan});
const events = overview.events.map(event);
const shown = {selected: -1, nodes: []};

// Give each event a line: inside of what contains it, below what overlaps it.
function linesOf(all) {
  const lines = [];
  for (const lane of [...new Set(all.map(one => one.lane))].sort((a, b) => a - b)) {
    const rows = [];
    for (const one of all.filter(other => other.lane === lane)) {
      // What the clock's grain makes overlap does not need a line of its own.
      const free = row => one.start >= row.end - (one.kind === "uop" ? 0.5 : 0.02);
      const depth = one.kind === "step" || one.kind === "cache" ? 0 : one.kind === "process" ? 1 : 2;
      let row = rows.find(other => other.depth === depth && free(other));
      if (!row) { row = {depth, end: 0, events: []}; rows.push(row); }
      row.events.push(one);
      row.end = one.start + one.duration;
    }
    lines.push(...rows.sort((a, b) => a.depth - b.depth));
  }
  return lines;
}

const about = one => [
  make("strong", {}, one.name),
  terms([
    ["what", KINDS.find(([kind]) => kind === one.kind)?.[1]],
    ["took", milliseconds(one.duration)],
    ["began", `after ${milliseconds(one.start)}`],
    ["uops", one.count > 1 ? number(one.count) : ""],
    ["uop", one.kind === "uop" ? "" : one.uop],
    ["target", one.plan],
  ]),
];

function drawTimeline() {
  find("closing").textContent = overview.closing.replace(/^copypatch: /, "");
  const host = find("lanes");
  if (!events.length) {
    host.replaceChildren(make("p", {class: "hint"}, "Nothing is remembered of a build in this folder yet."));
    return;
  }
  const total = Math.max(...events.map(one => one.start + one.duration)), zoom = Number(find("zoom").value);
  const part = value => `${(100 * value / total).toFixed(4)}%`;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 60000].find(size => total / size <= (host.clientWidth * zoom) / 90) ?? total;
  const ticks = make("div", {class: "ticks", "aria-hidden": "true"});
  for (let time = 0; time < total; time += step) ticks.append(make("span", {style: `left:${part(time)}`}, milliseconds(time)));
  shown.nodes = [];
  const inner = make("div", {class: "inner", style: `width:${100 * zoom}%`}, ticks);
  for (const line of linesOf(events)) {
    const row = make("div", {class: "lane"});
    for (const one of line.events) {
      const node = make("div", {class: `event ${one.kind}`, style: `left:${part(one.start)};width:max(2px, ${part(one.duration)})`,
        onmouseenter: () => showTip(node, ...about(one)), onmouseleave: hideTip,
        onclick: () => { if (one.uop && isUop(one.uop)) location.hash = uopLink(one.uop); }},
        one.kind === "uop" ? "" : one.name);
      shown.nodes.push([node, one]);
      row.append(node);
    }
    inner.append(row);
  }
  shown.nodes.sort((a, b) => a[1].start - b[1].start);
  host.replaceChildren(inner);
  find("legend").replaceChildren(...KINDS.filter(([kind]) => events.some(one => one.kind === kind)).map(([kind, text]) =>
    make("span", {}, make("i", {class: `event ${kind}`, style: "position:static;padding:0;height:.8rem"}), text)));
}

// With the keyboard: the arrows go from one event to the next, Enter opens its uop.
function moveInTimeline(key) {
  shown.nodes[shown.selected]?.[0].classList.remove("selected");
  if (key === "Enter") {
    const one = shown.nodes[shown.selected]?.[1];
    if (one?.uop && isUop(one.uop)) location.hash = uopLink(one.uop);
    return;
  }
  const step = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  shown.selected = Math.max(0, Math.min(shown.nodes.length - 1, shown.selected + step));
  const [node, one] = shown.nodes[shown.selected];
  node.classList.add("selected");
  node.scrollIntoView({block: "nearest", inline: "nearest"});
  showTip(node, ...about(one));
}

const isUop = name => target().uops.some(uop => uop.name === name);

function drawReasons() {
  const groups = overview.reasons;
  find("reasons").replaceChildren(...groups.map((group, index) => make(
    "details", {open: groups.length <= 3 && group.uops.length <= 40 || undefined},
    make("summary", {}, make("b", {}, `${plural(group.uops.length, "uop")}: `), `${group.why} `, make("span", {class: "hint"}, `(${group.how})`)),
    make("p", {}, ...group.uops.flatMap(name => [make("a", {href: uopLink(name)}, name), " "])),
  )));
  if (!groups.length) find("reasons").append(make("p", {class: "hint"}, "Nothing is remembered of a build in this folder yet."));
}
