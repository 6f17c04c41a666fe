// The table of all uops. Only the rows in sight are nodes, so that thousands cost what dozens do.

const ROW_HEIGHT = 35, AHEAD = 12;
const body = document.querySelector("#table tbody"), headRow = document.querySelector("#table thead");
const list = {rows: [], shown: [], sort: null, down: true, filter: "all", largest: 1};

const grown = uop => uop.before ? uop.sizes[0] + uop.sizes[1] - uop.before[0] - uop.before[1]
  : uop.added ? uop.sizes[0] + uop.sizes[1] : 0;
const COLUMNS = [
  {name: "uop", label: "uop", value: uop => uop.name, down: false},
  {name: "code", label: "code", title: "bytes of code", value: uop => uop.sizes[0], width: "9rem", narrow: "5.5rem"},
  {name: "data", label: "data", title: "bytes of data", value: uop => uop.sizes[1], width: "5rem", wide: true},
  {name: "instructions", label: "instr.", title: "instructions", value: uop => uop.sizes[2], width: "5rem", wide: true},
  {name: "holes", label: "holes", title: "places patched at run time", value: uop => uop.sizes[3], width: "5rem", narrow: "3.6rem"},
  {name: "grown", label: "\u0394 bytes", title: "code and data, compared with the base", base: true, value: uop => Math.abs(grown(uop)), width: "6rem", narrow: "5rem"},
  {name: "what", label: "what changed", base: true, wide: true, left: true, value: uop => uop.lines ?? (uop.added ? 1e6 : 0), width: "22%"},
  {name: "ms", label: "clang", title: "what the compiler took for it", value: uop => uop.ms ?? -1, width: "5.5rem", wide: true},
  {name: "how", label: "last made", value: uop => uop.how, down: false, width: "12rem", wide: true, left: true, alone: true},
];
const narrow = matchMedia("(max-width: 42rem)");
const chosen = () => COLUMNS.filter(
  column => (overview.base !== null ? !column.alone : !column.base) && !(column.wide && narrow.matches));
let columns = chosen();
const FILTERS = [
  ["all", "all", () => true],
  ["changed", "changed", uop => uop.before || uop.added],
  ["holes", "with holes", uop => uop.sizes[3] > 0],
  ["data", "with data", uop => uop.sizes[1] > 0],
].filter(([name]) => name !== "changed" || overview.base !== null);

function drawHead() {
  headRow.replaceChildren(make("tr", {}, ...columns.map(column => make(
    "th",
    {
      class: column.left && "left",
      style: column.width && `width:${narrow.matches ? column.narrow : column.width}`,
      scope: "col",
      "aria-sort": list.sort === column.name && (list.down ? "descending" : "ascending"),
    },
    make("button", {type: "button", title: column.title, onclick: () => sortBy(column)}, column.label),
  ))));
}

function sortBy(column) {
  const first = column.down ?? true;
  list.down = list.sort === column.name ? !list.down : first;
  list.sort = column.name;
  fillTable();
}

function drawFilters() {
  find("filters").replaceChildren(...FILTERS.map(([name, label]) => make("button", {
    type: "button",
    "aria-pressed": String(list.filter === name),
    onclick: () => { list.filter = name; drawFilters(); fillTable(); },
  }, label)));
}

// Choose and order the rows again; everything that is typed or pressed ends here.
function fillTable() {
  const wanted = find("search").value.trim().toLowerCase().split(/\s+/);
  const test = FILTERS.find(([name]) => name === list.filter)[2];
  const found = list.rows.filter(uop => test(uop) && wanted.every(word => uop.name.toLowerCase().includes(word)));
  const column = COLUMNS.find(one => one.name === list.sort);
  if (column) {
    const sign = list.down ? -1 : 1;
    found.sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      return (x < y ? -sign : x > y ? sign : 0) || (a.name < b.name ? -1 : 1);
    });
  }
  list.shown = found;
  find("count").textContent = found.length === list.rows.length
    ? plural(found.length, "uop") : `${number(found.length)} of ${plural(list.rows.length, "uop")}`;
  find("scroll").scrollTop = 0;
  drawHead();
  drawRows();
}

const space = height => make("tr", {class: "space", "aria-hidden": "true"}, make("td", {colspan: columns.length, style: `height:${height}px`}));

function drawRows() {
  const scroll = find("scroll"), count = list.shown.length;
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_HEIGHT) - AHEAD);
  const last = Math.min(count, first + Math.ceil(scroll.clientHeight / ROW_HEIGHT) + 2 * AHEAD);
  const focused = document.activeElement?.closest?.("tr.row")?.dataset.name;
  const rows = list.shown.slice(first, last).map(drawRow);
  find("table").setAttribute("aria-rowcount", count + 1);
  body.replaceChildren(space(first * ROW_HEIGHT), ...rows, space((count - last) * ROW_HEIGHT));
  if (!count) body.append(make("tr", {}, make("td", {class: "none left", colspan: columns.length}, "No uop of this name.")));
  if (focused) body.querySelector(`tr[data-name="${CSS.escape(focused)}"] a`)?.focus({preventScroll: true});
}

function drawRow(uop) {
  const row = make("tr", {class: "row", "data-name": uop.name, onclick: event => {
    if (!event.target.closest("a")) location.hash = uopLink(uop.name);
  }});
  for (const column of columns) row.append(drawCell(uop, column));
  return row;
}

function drawCell(uop, column) {
  const cell = make("td", {class: column.left ? "left" : ""});
  switch (column.name) {
    case "uop":
      cell.append(make("a", {href: uopLink(uop.name), title: uop.name}, uop.name));
      if (uop.added) cell.append(make("span", {class: "tag"}, "new"));
      break;
    case "code":
      cell.className += " meter";
      cell.style.setProperty("--part", `${(100 * uop.sizes[0] / list.largest).toFixed(1)}%`);
      cell.append(number(uop.sizes[0]));
      break;
    case "grown":
      cell.append(uop.before || uop.added ? delta(grown(uop)) : make("span", {class: "hint"}, "="));
      break;
    case "what":
      cell.append(make("span", {class: "hint", title: uop.what ?? ""}, uop.what ?? ""));
      break;
    case "ms":
      cell.append(uop.ms === null ? "" : milliseconds(uop.ms));
      break;
    case "how":
      cell.append(make("span", {class: "hint"}, uop.how));
      break;
    default:
      cell.append(number(column.value(uop)));
  }
  return cell;
}

function openTable() {
  list.rows = target().uops;
  list.largest = Math.max(1, ...list.rows.map(uop => uop.sizes[0]));
  if (list.sort === null && overview.base !== null) { list.sort = "grown"; list.down = true; }
  drawFilters();
  fillTable();
}

// Move the focus among the rows; the table scrolls along.
function moveRow(step) {
  const focused = document.activeElement?.closest?.("tr.row")?.dataset.name;
  const index = focused === undefined ? (step > 0 ? 0 : -1) : list.shown.findIndex(uop => uop.name === focused) + step;
  if (index < 0) { find("search").focus(); return; }
  if (index >= list.shown.length) return;
  const scroll = find("scroll"), top = index * ROW_HEIGHT, head = ROW_HEIGHT;
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (top + 2 * ROW_HEIGHT + head > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + 2 * ROW_HEIGHT + head - scroll.clientHeight;
  drawRows();
  body.querySelector(`tr[data-name="${CSS.escape(list.shown[index].name)}"] a`)?.focus({preventScroll: true});
}
