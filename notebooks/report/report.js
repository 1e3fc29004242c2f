"use strict";

// -- theme -----------------------------------------------------------------------------------------
applyTheme(storedTheme());
document.getElementById("theme-switch").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme;
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  try { localStorage.setItem("benchlib-theme", next); } catch { /* a page from file:// may have no storage */ }
  applyTheme(next);
});
// Paper is white.
addEventListener("beforeprint", () => applyTheme("light"));
addEventListener("afterprint", () => applyTheme(storedTheme()));

// -- code ------------------------------------------------------------------------------------------
const codeSwitch = document.getElementById("code-switch");
codeSwitch.addEventListener("click", () => {
  const show = codeSwitch.getAttribute("aria-pressed") !== "true";
  codeSwitch.setAttribute("aria-pressed", String(show));
  for (const details of document.querySelectorAll("details.code")) details.open = show;
});

// -- tables ----------------------------------------------------------------------------------------
// A first click sorts upwards, a second downwards, a third puts the rows back as they were. Rows without a
// value come last either way.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const order = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort];
    for (const other of heads) other.ariaSort = "none";
    head.ariaSort = order;
    const numeric = head.dataset.kind === "number";
    const key = (row) => row.cells[column].dataset.sort;
    const sign = order === "descending" ? -1 : 1;
    // Number() reads "Infinity" and not Python's "inf".
    const number = (text) => Number(text.replace("inf", "Infinity"));
    const compare = (a, b) => numeric ? number(a) - number(b) : a.localeCompare(b, "en", { numeric: true });
    const rows = order === "none" ? original : [...original].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return x === y ? 0 : sign * compare(x, y);
    });
    body.append(...rows);
  }));
}

// -- filter ----------------------------------------------------------------------------------------
// One choice for every table with rows for trials. It stands in the address behind an anchor, so that a filtered view
// can be linked: report.html#filter&status=failed&text=bert
const filter = document.getElementById("filter");
if (filter) {
  const trials = new Map(Object.entries(JSON.parse(document.getElementById("filter-trials").textContent)));
  const controls = [...filter.elements].filter((control) => control.name);
  const [main, ...others] = document.querySelectorAll("table:has(tr[data-trial])");
  const chosen = () => new URLSearchParams([...new FormData(filter)].filter(([, value]) => value.trim()));
  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  const fits = (trial, choice) => [...choice].every(([name, value]) => name === "text"
    ? words(value).every((word) => trial.text.toLowerCase().includes(word))
    : trial[name].includes(value));

  function hideRows(table, fitting) {
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !fitting.has(row.dataset.trial);
    return `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  }

  function apply() {
    const choice = chosen();
    const active = choice.size > 0;
    const fitting = new Set([...trials.keys()].filter((key) => fits(trials.get(key), choice)));
    filter.classList.toggle("active", active);
    filter.querySelector("output").textContent = hideRows(main, fitting);
    for (const table of others) {
      const count = hideRows(table, fitting);
      if (active) table.createCaption().textContent = `${count}, filtered above`;
      else table.deleteCaption();
    }
  }

  const anchor = () => location.hash.slice(1).split("&").find((part) => part && !part.includes("="));
  function write() {
    const choice = chosen();
    const hash = `#${anchor() ?? "filter"}${choice.size ? `&${choice}` : ""}`;
    try { history.replaceState(null, "", hash); } catch { /* a page in a frame may have no address */ }
  }

  // An anchor alone, as in the contents, moves within the page and keeps what was chosen.
  function read() {
    if (location.hash && !location.hash.includes("=")) return chosen().size ? write() : undefined;
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const control of controls) {
      control.value = wanted.get(control.name) ?? "";
      if (control.selectedIndex < 0) control.value = ""; // an old link may ask for what is not there any more
    }
    apply();
    document.getElementById(anchor())?.scrollIntoView();
  }

  filter.hidden = false;
  filter.addEventListener("input", apply);
  filter.addEventListener("change", write);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("reset", () => setTimeout(() => { apply(); write(); }));
  addEventListener("hashchange", read);
  if (location.hash.includes("=")) read();
}

// -- contents --------------------------------------------------------------------------------------
// The section that is being read is marked.
const links = new Map([...document.querySelectorAll("nav.contents a")].map((a) => [a.hash.slice(1), a]));
const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
function mark() {
  const above = sections.filter((section) => section.getBoundingClientRect().top < innerHeight * 0.3);
  const current = above.at(-1) ?? sections[0];
  for (const [id, link] of links) link.classList.toggle("current", id === current?.id);
}
addEventListener("scroll", mark, { passive: true });
mark();
