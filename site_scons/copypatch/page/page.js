// What is shown: the address after # says it, so that a view can be linked to and the browser's back works.

function drawOverview() {
  const one = target(), names = ["bytes of code", "bytes of data", "instructions", "holes"];
  find("subject").textContent = `${overview.tree === "embedded" ? "embedded templates" : `CPython ${overview.tree}`} \u00b7 LLVM ${overview.llvm}${overview.targets.length > 1 ? "" : ` \u00b7 ${one.name}`}`;
  const headline = find("headline");
  headline.replaceChildren(make("strong", {}, one.header));
  if (overview.base !== null) headline.append(" compared with ", make("strong", {}, overview.base), `: ${one.summary}`);
  if (overview.cflags) headline.append(` \u00b7 cflags ${overview.cflags}`);
  const gone = Object.keys(one.removed);
  if (gone.length) headline.append(make("br"), `Removed: ${gone.join(", ")}`);
  find("tiles").replaceChildren(make("div", {class: "tile"}, make("b", {}, number(one.uops.length)), make("span", {}, "uops")),
    ...names.map((name, index) => make("div", {class: "tile"}, make("b", {}, number(one.totals[index])),
      make("span", {}, name, one.before === null ? null : make("span", {}, " (", delta(one.totals[index] - one.before[index]), ")")))));
}

function drawTarget() {
  drawOverview();
  openTable();
  route();
}

const kept = {scroll: 0, name: null};

function route() {
  hideTip();
  const [, kind, rest] = location.hash.match(/^#\/([^/]*)\/?(.*)$/) ?? [];
  const uop = kind === "uop" ? decodeURIComponent(rest) : null;
  const opening = uop !== null;
  if (opening && !find("overview").hidden) kept.scroll = scrollY;
  find("overview").hidden = opening;
  find("uop").hidden = !opening;
  state.opened = uop;
  if (opening) {
    drawUop(uop);
    scrollTo(0, 0);
    find("uop").focus({preventScroll: true});
    document.title = `${uop} \u00b7 copypatch`;
  } else {
    document.title = `copypatch: ${target().name}`;
    if (kept.name !== null) scrollTo(0, kept.scroll);
    drawRows();
    drawCharts();
    drawTimeline();
    if (kind) find(kind)?.scrollIntoView();
    else if (kept.name !== null) body.querySelector(`tr[data-name="${CSS.escape(kept.name)}"] a`)?.focus({preventScroll: true});
  }
  kept.name = uop ?? kept.name;
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select");
  if (event.key === "Escape") {
    if (!tip.hidden) hideTip();
    else if (state.opened !== null) location.hash = "#/";
    else if (typing) { find("search").value = ""; fillTable(); }
    return;
  }
  if (event.key === "/" && !typing) {
    event.preventDefault();
    if (state.opened !== null) location.hash = "#/";
    setTimeout(() => { find("search").focus(); find("search").select(); });
    return;
  }
  if (event.target === find("lanes") && /^(Arrow|Enter)/.test(event.key)) { event.preventDefault(); moveInTimeline(event.key); return; }
  const inTable = event.target === find("search") || event.target.closest("#table tbody");
  if (state.opened === null && inTable && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    moveRow(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.target === find("search") && event.key === "Enter" && list.shown.length) {
    location.hash = uopLink(list.shown[0].name);
  } else if (state.opened !== null && !typing && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    if (event.target.closest(".code, .dump")) return;
    find("uop").querySelector(`[data-move="${event.key === "ArrowLeft" ? -1 : 1}"]:not(:disabled)`)?.click();
  }
});

find("search").addEventListener("input", fillTable);
find("scroll").addEventListener("scroll", () => requestAnimationFrame(drawRows), {passive: true});
find("lanes").addEventListener("blur", hideTip);
find("zoom").addEventListener("input", drawTimeline);
addEventListener("hashchange", route);
addEventListener("scroll", hideTip, {passive: true});
addEventListener("resize", () => { resizeCharts(); if (state.opened === null) { drawRows(); drawTimeline(); } });
narrow.addEventListener("change", () => { columns = chosen(); drawHead(); drawRows(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawCharts);

const chooser = find("target");
chooser.hidden = overview.targets.length < 2;
chooser.append(...overview.targets.map((one, index) => make("option", {value: index}, one.name)));
chooser.addEventListener("change", () => { state.target = Number(chooser.value); drawTarget(); });
drawReasons();
drawTarget();
