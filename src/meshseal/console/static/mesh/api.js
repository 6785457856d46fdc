// Asks the server for the map and its timeline; says what is wrong in words that help.
const WAIT = 30_000;

/** An answer that is none. `retry` says after how many seconds to ask again, 0 for never. */
export class Refused extends Error {
  constructor(title, message, { retry = 0, login = false } = {}) {
    super(message);
    this.title = title;
    this.retry = retry;
    this.login = login;
  }
}

export const askMap = (range, tenant, signal) => ask("map", range, { tenant }, signal);

export function askTimeline(range, tenant, about, signal) {
  return ask("timeline", range, { tenant, ...about }, signal);
}

async function ask(what, { start, end }, more, signal) {
  const parameters = new URLSearchParams({ start, end });
  for (const [name, value] of Object.entries(more)) if (value) parameters.set(name, value);
  let response;
  try {
    response = await fetch(`/meshseal/v1/mesh/${what}?${parameters}`, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(WAIT)]),
    });
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Refused("The server does not answer", "The page asks again by itself.", { retry: 5 });
  }
  throw await refusal(response);
}

async function refusal(response) {
  let message = "";
  try {
    message = (await response.json()).error.message;
  } catch {
    message = `It answered with the status ${response.status}.`;
  }
  if (response.status === 401) {
    return new Refused("Your session has ended", "Log in again to go on.", { login: true });
  }
  if (response.status === 403) return new Refused("You may not see this mesh", message);
  if (response.status === 429 || response.status >= 500) {
    const retry = Math.min(60, Math.max(1, Number(response.headers.get("Retry-After")) || 5));
    return new Refused("The server cannot answer just now", message, { retry });
  }
  return new Refused("This could not be shown", message);
}
