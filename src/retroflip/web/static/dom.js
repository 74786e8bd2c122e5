// Elements without HTML in strings: whatever a model wrote is shown as text.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function show(...children) {
  document.getElementById("main").replaceChildren(...children.flat().filter(Boolean));
}

export function tell(text) {
  document.getElementById("told").textContent = text;
}

export function select(label, options, chosen, onchange) {
  const box = make(
    "select",
    { onchange: () => onchange(box.value) },
    options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)),
  );
  return make("label", {}, `${label} `, box);
}

export function pager(page, pages, go) {
  if (pages < 2) return null;
  return make(
    "p",
    { class: "pager" },
    make("button", { type: "button", disabled: page === 0, onclick: () => go(page - 1) }, "Previous"),
    ` page ${page + 1} of ${pages} `,
    make("button", { type: "button", disabled: page + 1 >= pages, onclick: () => go(page + 1) }, "Next"),
  );
}

export function table(heads, rows, caption) {
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    make(
      "table",
      {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell) => make("td", {}, cell ?? ""))))),
    ),
  );
}
