// Elements without HTML in strings: whatever a model wrote is shown as text.

const LONGEST = 100000;

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...there(children));
  return element;
}

function there(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(cut);
}

// A text of megabytes would keep a browser busy for minutes.
function cut(child) {
  return typeof child === "string" && child.length > LONGEST ? `${child.slice(0, LONGEST)} … (the first ${LONGEST} of ${child.length} letters)` : child;
}

// Replaces what is in a box; whoever was at one of its controls by keyboard is at the new one of the same id.
export function fill(box, ...children) {
  const id = box.contains(document.activeElement) ? document.activeElement.id : "";
  box.replaceChildren(...there(children));
  if (id) document.getElementById(id)?.focus();
}

export function show(...children) {
  fill(document.getElementById("main"), ...children);
}

export function tell(text) {
  document.getElementById("told").textContent = text;
}

export function select(label, options, chosen, onchange) {
  const box = make(
    "select",
    { id: `choose-${label}`, onchange: () => onchange(box.value) },
    options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
  );
  return make("label", {}, `${label} `, box);
}

export function field(label, type, value, onchange) {
  const box = make("input", { id: `field-${label}`, type, value, min: type === "number" ? "1" : null, onchange: () => onchange(box.value) });
  return make("label", {}, `${label} `, box);
}

export function button(text, onclick, more = {}) {
  return make("button", { type: "button", onclick, ...more }, text);
}

export function pager(page, pages, go) {
  if (pages < 2) return null;
  return make(
    "p",
    { class: "pager" },
    button("Previous", () => go(page - 1), { id: "page-back", disabled: page === 0 }),
    ` page ${page + 1} of ${pages} `,
    button("Next", () => go(page + 1), { id: "page-on", disabled: page + 1 >= pages }),
  );
}

// A table that a narrow window shows row below row, each cell under its head; roles, since it is none to a browser then.
export function table(heads, rows, caption) {
  const row = (cells) => make("tr", { role: "row" }, cells);
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    make(
      "table",
      { class: "stacked", role: "table" },
      make("caption", {}, caption),
      make("thead", { role: "rowgroup" }, row(heads.map((head) => make("th", { scope: "col", role: "columnheader" }, head)))),
      make("tbody", { role: "rowgroup" }, rows.map((cells) => row(cells.map((cell, index) => make("td", { role: "cell", "data-head": heads[index] }, cell ?? ""))))),
    ),
  );
}

export function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

export function number(value, digits = 2) {
  return typeof value === "number" ? value.toFixed(digits) : "–";
}

// A number as short as it can be told from its neighbours.
export function short(value) {
  if (typeof value !== "number") return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

export function options(item) {
  return make("ol", { class: "options" }, Object.entries(item).map(([letter, text]) =>
    make("li", {}, make("b", {}, `${letter}. `), text)));
}
