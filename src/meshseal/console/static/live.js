// The live mode: new records appear above the others as they become searchable.
const MOST_ROWS = 1000;
const MOST_WAITING = 2000;

let source = null;
let paused = false;
let waiting = [];
let shown = 0;
let dropped = 0;
let skipped = false;

const button = () => document.getElementById("live");

export function startLive() {
  const results = document.getElementById("results");
  if (source || !results?.dataset.follow) return;
  // From where the results end: what became searchable meanwhile comes too.
  const parameters = new URLSearchParams({ query: results.dataset.query, after: results.dataset.follow });
  if (results.dataset.tenant) parameters.set("tenant", results.dataset.tenant);
  shown = dropped = 0;
  paused = skipped = false;
  waiting = [];
  source = new EventSource(`/meshseal/v1/tail?${parameters}`);
  source.addEventListener("open", () => say("following"));
  source.addEventListener("error", () => {
    // The browser connects again by itself, unless the server refused.
    say(source?.readyState === EventSource.CLOSED ? "the server refused: run the query again" : "connecting again…");
  });
  source.addEventListener("skipped", () => {
    skipped = true;
    say("following");
  });
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  button().setAttribute("aria-pressed", "true");
  say("connecting…");
}

export function stopLive() {
  if (!source) return;
  source.close();
  source = null;
  button().setAttribute("aria-pressed", "false");
  say("");
}

function take(record) {
  waiting.push(record);
  if (waiting.length > MOST_WAITING) {
    waiting.shift();
    dropped += 1;
  }
  if (!paused && waiting.length === 1) requestAnimationFrame(flush);
  if (paused) say("paused");
}

/** Put what has come into the table, the newest above. */
function flush() {
  const rows = document.getElementById("rows");
  if (!rows || paused) return;
  rows.closest("table").hidden = false;
  document.getElementById("count").hidden = false;
  document.getElementById("nothing")?.remove();
  const known = new Set([...rows.querySelectorAll("tr.row")].map((one) => one.dataset.place));
  const records = waiting.filter((record) => !known.has(placeOf(record)));
  waiting = [];
  for (const record of records) rows.prepend(row(record));
  shown += records.length;
  htmx.process(rows);
  trim(rows);
  say("following");
}

function trim(rows) {
  const all = rows.querySelectorAll("tr.row");
  for (let at = MOST_ROWS; at < all.length; at += 1) {
    all[at].remove();
    dropped += 1;
  }
}

function row(record) {
  const { labels, metadata } = record;
  const place = placeOf(record);
  const item = element("tr", `row new level-${record.level}`);
  item.dataset.place = place;
  const address = new URL(location.href);
  address.searchParams.delete("cursor");
  address.searchParams.set("record", place);
  const link = element("a");
  link.href = address.pathname + address.search;
  const [day, time] = moment(record.time_unix_nano);
  link.append(element("span", "day", day), ` ${time}`);
  const when = element("td", "when");
  when.append(link);
  const line = element("td", "line");
  const short = summary(metadata);
  if (short) line.append(short, " ");
  line.append(element("span", "raw", record.line.slice(0, 4000)));
  item.append(when, element("td", "level", record.level), element("td", "service", labels.service_name ?? ""), line);
  return item;
}

function placeOf({ time_unix_nano: time, metadata }) {
  return `${time}-${metadata.meshseal_batch}-${metadata.meshseal_seq}`;
}

function summary(metadata) {
  const method = metadata.http_request_method;
  const status = metadata.http_response_status_code;
  if (!method || !(status || metadata.url_path)) return null;
  const kind = { 2: "good", 3: "good", 4: "bad", 5: "worse" }[status?.[0]] ?? "none";
  const short = element("span", "short");
  short.append(element("b", `status ${kind}`, status || "–"), " ", element("span", "method", method), " ", element("span", "path", metadata.url_path ?? ""));
  if (metadata.mesh_duration_ms) short.append(" ", element("span", "took", `${metadata.mesh_duration_ms} ms`));
  return short;
}

function moment(nanos) {
  const milliseconds = Number(BigInt(nanos) / 1000000n);
  const text = new Date(milliseconds).toISOString();
  return [text.slice(5, 10), text.slice(11, 23)];
}

function element(name, classes = "", text = "") {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  return made;
}

function say(state) {
  const place = document.getElementById("live-count");
  if (!place) return;
  place.replaceChildren();
  if (!state) return;
  document.getElementById("count").hidden = false;
  const numbers = [`${shown} new`, waiting.length && paused ? `${waiting.length} waiting` : "", dropped ? `${dropped} dropped from view` : "", skipped ? "some skipped: run the query again" : ""];
  place.append(` · live: ${paused ? "paused" : state}, ${numbers.filter(Boolean).join(", ")} `);
  const pause = element("button", "quiet small", paused ? "Go on" : "Pause");
  pause.type = "button";
  pause.id = "pause";
  pause.addEventListener("click", () => {
    paused = !paused;
    say(paused ? "paused" : "following");
    if (!paused) flush();
  });
  place.append(pause);
}
