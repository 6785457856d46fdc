// The pages of services and of formats: keys, help and theme. All else works without this.
import { openHelp } from "./keys.js";
import { changeTheme } from "./look.js";

const get = (id) => document.getElementById(id);
const acts = {
  "/": () => get("find")?.focus(),
  n: () => document.querySelector("#form :is(input, textarea):not([type=hidden], [readonly])")?.focus(),
  "?": openHelp,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || get("help").open) return;
  if (event.target.matches("input, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.documentElement.classList.add("scripted");
get("theme").addEventListener("click", changeTheme);
get("help-open").addEventListener("click", openHelp);
