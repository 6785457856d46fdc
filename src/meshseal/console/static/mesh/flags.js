// What Envoy's response flags mean, in a few words. The letters are those of its access log.
const TITLES = {
  UF: "connection to the service failed",
  UO: "too many requests waiting (circuit open)",
  UH: "no healthy instance",
  UT: "the service took too long",
  LR: "reset by this side",
  UR: "reset by the service",
  UC: "the service closed the connection",
  DC: "the caller closed the connection",
  DI: "delayed on purpose",
  FI: "failed on purpose",
  NR: "no route",
  NC: "no such cluster",
  RL: "rate limited",
  URX: "retries used up",
  UAEX: "refused by authorization",
  RLSE: "rate limit service failed",
  IH: "invalid header",
  SI: "idle for too long",
  DPE: "not the protocol it should be",
  UPE: "the answer was not the protocol it should be",
  UMSDR: "too long in all",
  OM: "out of memory protection",
  DT: "as long as it may take",
  NFCF: "no filter configuration",
};

export const flagTitle = (flag) => (Object.hasOwn(TITLES, flag) ? TITLES[flag] : "");
