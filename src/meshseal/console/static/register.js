// The pages of services and of formats: keys, help and theme. All else works without this.
import { leave, listen, openHelp } from "./keys.js";
import { changeTheme } from "./look.js";

const get = (id) => document.getElementById(id);
const acts = {
  "/": () => get("find")?.focus(),
  n: () => document.querySelector("#form :is(input, textarea):not([type=hidden], [readonly])")?.focus(),
  "?": openHelp,
};

listen(acts, leave);
document.documentElement.classList.add("scripted");
get("theme").addEventListener("click", changeTheme);
get("help-open").addEventListener("click", openHelp);
