// Completes the query: asks the server what can be typed at the cursor, and shows it as a listbox.
// Places in the text are counted in characters by the server, and in UTF-16 units here.
const WAIT_MILLISECONDS = 140;

let bar, form, list;
let found = null;
let chosen = -1;
let timer = 0;
let asked = 0;

export function startCompletion(query, search) {
  bar = query;
  form = search;
  list = document.getElementById("offers");
  bar.addEventListener("input", () => later(false));
  bar.addEventListener("keydown", keyed);
  bar.addEventListener("blur", () => setTimeout(close, 150));
  bar.addEventListener("click", close);
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(Number(option.dataset.at));
  });
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MILLISECONDS);
}

async function ask() {
  const text = bar.value;
  const cursor = [...text.slice(0, bar.selectionStart)].length;
  const parameters = new URLSearchParams(new FormData(form));
  parameters.set("query", text);
  parameters.set("at", String(cursor));
  const mine = ++asked;
  let answer;
  try {
    const response = await fetch(`/console/complete?${parameters}`);
    if (!response.ok) return close();
    answer = await response.json();
  } catch {
    return close();
  }
  // The cursor may have gone on meanwhile.
  if (mine !== asked || bar.value !== text || document.activeElement !== bar) return;
  show(answer);
}

function show(answer) {
  const characters = [...bar.value];
  const begun = characters.slice(answer.start, answer.end).join("");
  const only = answer.offers.length === 1 && answer.offers[0].insert === begun;
  if (!answer.offers.length || only) return close();
  found = answer;
  list.replaceChildren(...answer.offers.map(option));
  list.hidden = false;
  list.scrollTop = 0;
  bar.setAttribute("aria-expanded", "true");
  choose(-1);
}

function option(offer, at) {
  const item = document.createElement("li");
  item.id = `offer-${at}`;
  item.role = "option";
  item.dataset.at = String(at);
  item.append(
    Object.assign(document.createElement("code"), { textContent: offer.text }),
    Object.assign(document.createElement("span"), { textContent: offer.kind }),
  );
  return item;
}

function choose(at) {
  const options = list.children;
  options[chosen]?.removeAttribute("aria-selected");
  chosen = at;
  const item = options[at];
  if (!item) {
    bar.removeAttribute("aria-activedescendant");
    return;
  }
  item.setAttribute("aria-selected", "true");
  bar.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
}

function close() {
  clearTimeout(timer);
  asked += 1;
  found = null;
  list.hidden = true;
  list.replaceChildren();
  chosen = -1;
  bar.setAttribute("aria-expanded", "false");
  bar.removeAttribute("aria-activedescendant");
}

function take(at) {
  const offer = found.offers[at];
  const characters = [...bar.value];
  const before = characters.slice(0, found.start).join("") + offer.insert;
  bar.setRangeText(offer.insert, length(characters, found.start), length(characters, found.end), "end");
  const cursor = before.length - offer.back;
  bar.setSelectionRange(cursor, cursor);
  close();
  bar.dispatchEvent(new Event("input"));
}

function length(characters, count) {
  return characters.slice(0, count).join("").length;
}

function keyed(event) {
  if (event.isComposing) return;
  if (event.key === " " && event.ctrlKey) {
    event.preventDefault();
    ask();
    return;
  }
  if (found) {
    const count = found.offers.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose(chosen < 0 && step < 0 ? count - 1 : (chosen + step + count) % count);
      return;
    }
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
      return;
    }
    if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) {
      event.preventDefault();
      take(Math.max(0, chosen));
      return;
    }
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    close();
    form.requestSubmit();
  }
}
