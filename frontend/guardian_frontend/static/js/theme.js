// Runs before anything is drawn, so that no page flashes in the wrong colours.
(() => {
  "use strict";
  let theme = null;
  try { theme = localStorage.getItem("guardian-theme"); } catch { /* storage may be off */ }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
