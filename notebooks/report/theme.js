// Runs before the page is drawn: light, dark, or what the system says.
"use strict";
const THEMES = ["system", "light", "dark"];

function storedTheme() {
  try { return localStorage.getItem("benchlib-theme") || "system"; } catch { return "system"; }
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const media = { light: "not all", dark: "all", system: "(prefers-color-scheme: dark)" }[theme];
  for (const source of document.querySelectorAll("picture source.dark")) source.media = media;
  const name = document.getElementById("theme-name");
  if (name) name.textContent = theme;
}

applyTheme(storedTheme());
