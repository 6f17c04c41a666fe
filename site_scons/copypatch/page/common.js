// What every part of the page uses. Whatever comes from the tree becomes text of a node, never markup.

const read = id => JSON.parse(document.getElementById(id).textContent);
const find = id => document.getElementById(id);

// Make an element: `make("a", {href: "#/"}, "text", child)`.
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

const number = value => value.toLocaleString("en-US");
const signed = value => (value > 0 ? "+" : value < 0 ? "\u2212" : "\u00b1") + number(Math.abs(value));
const hex = value => "0x" + value.toString(16);
const milliseconds = value => value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
const uopLink = name => "#/uop/" + encodeURIComponent(name);

// A difference in bytes, with a sign and a colour that says the same.
function delta(value, unit = "") {
  return make("span", {class: value > 0 ? "more" : value < 0 ? "less" : ""}, signed(value) + unit);
}

const overview = read("data-overview");
// Which target is looked at, and what is told to the parts of the page when that changes.
const state = {target: 0, opened: null};
const target = () => overview.targets[state.target];

// One card that follows what is pointed at or focused.
const tip = find("tip");
function showTip(anchor, ...content) {
  tip.replaceChildren(...content);
  tip.hidden = false;
  const place = anchor.getBoundingClientRect(), own = tip.getBoundingClientRect(), gap = 8;
  const left = Math.max(gap, Math.min(place.left, innerWidth - own.width - gap));
  const below = place.bottom + gap + own.height < innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? place.bottom + gap : Math.max(gap, place.top - own.height - gap)}px`;
}
function hideTip() { tip.hidden = true; }

// Show a card while an element is pointed at or has the focus.
function withTip(element, content) {
  const show = () => showTip(element, ...content());
  element.setAttribute("aria-describedby", "tip");
  element.addEventListener("mouseenter", show);
  element.addEventListener("focus", show);
  element.addEventListener("click", show);
  element.addEventListener("mouseleave", hideTip);
  element.addEventListener("blur", hideTip);
  return element;
}

// A list of terms for a card; what is empty is left out.
function terms(pairs) {
  const list = make("dl");
  for (const [term, text] of pairs) if (text) list.append(make("dt", {}, term), make("dd", {}, String(text)));
  return list;
}
