// The two calls to the service; whatever goes wrong is a Failure of a kind that words.js can explain.

export class Failure extends Error {
  constructor(kind, requestId = null) {
    super(kind);
    this.kind = kind;
    this.requestId = requestId;
  }
}

const WAIT_MS = 60_000;
const KINDS = {
  400: "corrupt", 401: "credentials", 408: "slow", 413: "tooLarge", 429: "limit",
  500: "fault", 502: "gateway", 503: "busy", 504: "gateway",
};
const KINDS_WITHOUT_JSON = { 400: "other", 401: "other", 429: "busy", 503: "gateway" }; // a proxy gave the answer

/** POST /liveness?details=true → { status, text, body, milliseconds } of a verdict. */
export async function judge(hashId, dataUri, signal) {
  const begun = performance.now();
  const answer = await post("liveness?details=true", { hash_id: hashId, selfie_image: dataUri }, signal);
  if (answer.status !== 201) throw failureOf(answer);
  return { ...answer, milliseconds: performance.now() - begun };
}

/** POST /guidance → the details of one frame. */
export async function examine(hashId, dataUri, signal) {
  const answer = await post("guidance", { hash_id: hashId, selfie_image: dataUri }, signal);
  if (answer.status !== 200) throw failureOf(answer);
  return answer.body.details;
}

/** Throws the Failure that a verdict with this hash_id would meet, without asking for one: an empty frame is examined. */
export async function checkKey(hashId, signal) {
  await examine(hashId, document.createElement("canvas").toDataURL("image/jpeg"), signal);
}

function failureOf({ status, body, requestId }) {
  if (status === 429 && body?.error) return new Failure("tooManyFailures"); // of this address, not this key's limit
  return new Failure((body === undefined && KINDS_WITHOUT_JSON[status]) || KINDS[status] || "other", requestId);
}

async function post(path, body, signal) {
  const ending = new AbortController(); // AbortSignal.any would do, but browsers in use do not have it yet
  const end = () => ending.abort();
  const timer = setTimeout(end, WAIT_MS);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: ending.signal,
    });
    const text = await response.text();
    return { status: response.status, requestId: response.headers.get("X-Request-ID"), text, body: parsed(text) };
  } catch {
    throw new Failure("away");
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** undefined where the text is no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function dataUriOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Failure("corrupt"));
    reader.readAsDataURL(blob);
  });
}
