// The field that finds a service or a namespace by a part of its name.
import { isSpace, spaceName } from "./model.js";
import { OUTSIDE, make, nameOf, spaceOf } from "./words.js";

const MOST = 12;

/** Start the field; `take(id)` is called with what is chosen, `world()` gives what there is. */
export function startFind(field, list, world, take) {
  let offers = [];
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (at) => {
    list.children[chosen]?.removeAttribute("aria-selected");
    chosen = at;
    const item = list.children[at];
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", item.id);
  };
  const show = () => {
    offers = field.value.trim() && world() ? matches(world(), field.value.trim().toLowerCase()) : [];
    if (!offers.length) {
      close();
      if (!field.value.trim()) return;
      list.replaceChildren(make("li", { class: "note" }, "No service is called so in this time range."));
      list.hidden = false;
      return;
    }
    list.replaceChildren(...offers.map(({ name, place }, at) =>
      make("li", { role: "option", id: `found-${at}`, "data-at": at }, make("b", {}, name), make("span", {}, place))));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    choose(0);
  };
  const accept = (at) => {
    if (!offers[at]) return;
    field.value = "";
    close();
    take(offers[at].id);
  };

  field.addEventListener("input", show);
  field.addEventListener("focus", show);
  field.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const item = event.target.closest("[data-at]");
    if (item) accept(Number(item.dataset.at));
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      accept(chosen);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (field.value) field.value = "";
      else field.blur();
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && offers.length && !list.hidden) {
      event.preventDefault();
      choose((chosen + (event.key === "ArrowDown" ? 1 : -1) + offers.length) % offers.length);
    }
  });
}

/** Services and namespaces whose names hold a text; those that begin with it come first. */
function matches(world, wanted) {
  const found = [];
  const consider = (id, name, place, whole) => {
    const at = whole.toLowerCase().indexOf(wanted);
    if (at >= 0) found.push({ id, name, place, rank: name.toLowerCase().startsWith(wanted) ? 0 : 1 });
  };
  for (const home of world.spaces.keys()) {
    if (isSpace(home)) consider(home, spaceName(home), `namespace, ${world.spaces.get(home).length} services`, spaceName(home));
  }
  for (const service of world.services.values()) {
    const place = service.id === OUTSIDE ? "" : spaceOf(service.namespace);
    consider(service.id, nameOf(service), place, `${place}/${nameOf(service)}`);
  }
  return found.sort((a, b) => a.rank - b.rank || a.name.length - b.name.length || (a.id < b.id ? -1 : 1)).slice(0, MOST);
}

