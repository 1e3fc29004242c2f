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
