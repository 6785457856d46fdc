// Runs before the page is drawn, so that it is drawn in the right colors at once.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("meshseal-theme");
  } catch {
    // No storage: the system's choice stands.
  }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
