// One uop: its C text, its code with every hole at its place, its data, its chain, and what is different.

// How many bytes a patch function writes, to mark them in the code.
const FIELD = name => name === "patch_64" ? 8 : 4;
const C_WORDS = new Set(("auto break case char const continue default do double else enum extern float for goto if inline int long " +
  "register return short signed sizeof static struct switch typedef union unsigned void volatile while bool uint8_t uint16_t " +
  "uint32_t uint64_t int8_t int16_t int32_t int64_t size_t Py_ssize_t uintptr_t").split(" "));
const C_TOKEN = /(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|([A-Za-z_]\w*)/g;

function colourC(text) {
  const code = make("code", {class: "c"});
  let end = 0;
  for (const match of text.matchAll(C_TOKEN)) {
    const [all, comment, string, word] = match;
    const kind = comment ? "comment" : string ? "string" : C_WORDS.has(word) ? "word" : /^[A-Z][A-Z0-9_]{2,}$/.test(word) ? "macro" : "";
    code.append(text.slice(end, match.index), kind ? make("span", {class: kind}, all) : all);
    end = match.index + all.length;
  }
  code.append(text.slice(end));
  return code;
}

function panel(title, note, ...content) {
  return make("section", {class: "panel", "aria-label": title}, make("h3", {}, title, make("small", {}, note)), ...content);
}

const aboutHole = hole => [
  make("strong", {}, hole.name),
  terms([
    ["patch function", hole.function],
    ["value", hole.value],
    ["expression", hole.expression],
    ["relocation", hole.relocation || (hole.part === "data" ? "none: a word of the data" : "")],
    ["place", `${hole.part} + ${hex(hole.offset)}`],
  ]),
];

const holeButton = hole => withTip(
  make("button", {type: "button", class: "hole", "data-hole": `${hole.part}-${hole.offset}`}, hole.name), () => aboutHole(hole));

// The encoding in pairs of digits, with the bytes that are patched marked.
function drawBytes(offset, encoding, holes) {
  const cell = make("span", {class: "bytes"});
  const pairs = encoding.match(/../g) ?? [];
  let index = 0;
  while (index < pairs.length) {
    const hole = holes.find(one => one.offset <= offset + index && offset + index < one.offset + FIELD(one.function));
    let last = index + 1;
    while (hole && last < pairs.length && offset + last < hole.offset + FIELD(hole.function)) last++;
    const text = pairs.slice(index, last).join(" ");
    const mark = hole && make("span", {class: "field"}, text);
    if (mark) {
      mark.addEventListener("mouseenter", () => showTip(mark, ...aboutHole(hole)));
      mark.addEventListener("mouseleave", hideTip);
    }
    cell.append(mark ?? text, last < pairs.length ? " " : "");
    index = last;
  }
  return cell;
}

const JUMP_TEXT = /\s*(?:0x)?[0-9a-f]+ <[^>]*>$/;

function drawText(text, to, landing) {
  const plain = to === null ? text : text.replace(JUMP_TEXT, "");
  const [mnemonic, ...rest] = plain.split(/ (.*)/s);
  const cell = make("span", {}, make("span", {class: "mnemonic"}, mnemonic), rest.length ? " " + rest[0] : "");
  if (to === null) return cell;
  const jump = make("button", {type: "button", class: "jump", title: "go there"}, hex(to));
  const show = on => landing(to)?.classList.toggle("shown", on);
  jump.addEventListener("mouseenter", () => show(true));
  jump.addEventListener("mouseleave", () => show(false));
  jump.addEventListener("focus", () => show(true));
  jump.addEventListener("blur", () => show(false));
  jump.addEventListener("click", () => landing(to)?.scrollIntoView({block: "center"}));
  cell.append(" ", jump);
  return cell;
}

function drawCode(details) {
  const lines = new Map(), places = new Set(details.code.map(([, , , to]) => to));
  const code = make("ol", {class: "code"});
  for (const [offset, encoding, text, to, dropped, holes] of details.code) {
    const kind = [dropped && "dropped", places.has(offset) && "landing"].filter(Boolean).join(" ");
    const line = make("li", {class: kind}, make("span", {class: "offset"}, hex(offset)), drawBytes(offset, encoding, holes),
      drawText(text, to, place => lines.get(place)), make("span", {class: "notes"}));
    if (dropped) line.lastChild.append("not copied: the next uop follows");
    line.lastChild.append(...holes.map(holeButton));
    lines.set(offset, line);
    code.append(line);
  }
  return code;
}

function drawData(details) {
  const dump = make("div", {class: "body dump"});
  const bytes = details.data.match(/../g) ?? [];
  for (let start = 0; start < bytes.length; start += 16) {
    const row = bytes.slice(start, start + 16);
    const text = row.map(pair => { const code = parseInt(pair, 16); return code >= 32 && code < 127 ? String.fromCharCode(code) : "\u00b7"; }).join("");
    const line = make("div", {}, make("span", {class: "offset"}, hex(start).padStart(6)), `  ${row.join(" ").padEnd(47)}  ${text} `);
    line.append(...details.holes.filter(hole => hole.offset >= start && hole.offset < start + 16).map(holeButton));
    dump.append(line);
  }
  return dump;
}

function drawChain(details) {
  return make("ol", {class: "chain"}, ...details.chain.map(node => {
    const took = node.own !== undefined ? `clang took ${milliseconds(node.own)} for it; ` : "";
    const step = node.ms !== undefined ? `${took}the step "${node.step}" took ${milliseconds(node.ms)} for ${plural(node.uops, "uop")}` : "";
    return make("li", {}, make("b", {}, node.what), ` \u00b7 ${plural(node.size, "byte")}`,
      make("small", {class: "mono"}, node.file), make("small", {}, step));
  }));
}

function drawDifference(uop, details) {
  const kinds = {"|": "changed", "<": "gone", ">": "come", " ": ""}, signs = {"|": "\u2260", "<": "\u2212", ">": "+", " ": ""};
  const rows = details.difference.map(([before, after, sign]) => make("tr", {class: kinds[sign]}, make("td", {}, before), make("td", {class: "sign"}, signs[sign]), make("td", {}, after)));
  const table = make("table", {class: "difference"},
    make("thead", {}, make("tr", {}, make("th", {scope: "col"}, overview.base), make("th"), make("th", {scope: "col"}, "this build"))), make("tbody", {}, ...rows));
  const {added, removed, changed, data} = details.changes;
  const items = [
    ...added.map(call => make("li", {class: "more"}, `+ ${call}`)), ...removed.map(call => make("li", {class: "less"}, `\u2212 ${call}`)),
    ...changed.map(([before, after]) => make("li", {}, `${before}  \u2192  ${after}`)),
  ];
  if (data !== null) items.push(make("li", {}, `the data differs: ${plural(data.length / 2, "byte")} before, ${number(uop.sizes[1])} now`));
  return panel(`Compared with ${overview.base}`, uop.what, make("div", {class: "body"}, table),
    items.length ? make("ul", {class: "changes"}, ...items) : null);
}

function sizeFact(uop, index, noun) {
  const fact = make("span", {}, make("b", {}, number(uop.sizes[index])), ` ${noun}`);
  if (uop.before && uop.before[index] !== uop.sizes[index]) fact.append(" (", delta(uop.sizes[index] - uop.before[index]), ")");
  return fact;
}

function drawUop(name) {
  const index = target().uops.findIndex(uop => uop.name === name), host = find("uop");
  if (index < 0) {
    host.replaceChildren(make("p", {}, `There is no uop ${name} for ${target().name}. `, make("a", {href: "#/"}, "All uops")));
    return;
  }
  const uop = target().uops[index], details = read(`data-${state.target}-${index}`);
  const place = list.shown.findIndex(one => one.name === name);
  const go = step => {
    const other = place < 0 ? undefined : list.shown[place + step];
    return make("button", {type: "button", class: "button", disabled: other === undefined, "data-move": step,
      onclick: () => { location.hash = uopLink(other.name); }}, step < 0 ? "\u2190 before" : "next \u2192");
  };
  const parts = [
    make("div", {class: "head"}, make("a", {class: "button", href: "#/"}, "All uops"), make("h1", {}, uop.name), make("span", {class: "move"}, go(-1), go(1))),
    make("p", {class: "facts"}, sizeFact(uop, 0, "bytes of code"), " \u00b7 ", sizeFact(uop, 1, "of data"), " \u00b7 ",
      sizeFact(uop, 2, "instructions"), " \u00b7 ", sizeFact(uop, 3, "holes"), make("br"), details.origin,
      make("br"), make("span", {title: "the key of its fragment: a digest of all that goes into it"}, "key "), make("code", {}, details.key)),
    details.difference ? drawDifference(uop, details) : null,
    make("div", {class: "split", style: details.difference ? "margin-top:1rem" : null},
      make("div", {}, panel("Code", plural(uop.sizes[0], "byte"), drawCode(details)),
        details.data ? panel("Data", plural(uop.sizes[1], "byte"), drawData(details)) : null),
      make("div", {}, panel("C text", details.place, make("pre", {class: "body"}, colourC(details.source))),
        details.chain.length ? panel("Chain", "what was made on the way to the header", drawChain(details)) : null)),
  ];
  host.replaceChildren(...parts.filter(part => part !== null));
}
