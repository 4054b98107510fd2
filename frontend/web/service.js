// The two calls to the service; whatever goes wrong is a Failure of a kind that words.js can explain.

export class Failure extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

const KINDS = { 400: "corrupt", 401: "credentials", 408: "away", 413: "tooLarge", 429: "limit", 503: "busy" };

/** POST /liveness?details=true → { status, body, milliseconds } of a verdict. */
export async function judge(hashId, dataUri) {
  const begun = performance.now();
  const answer = await post("liveness?details=true", { hash_id: hashId, selfie_image: dataUri });
  if (answer.status !== 201) throw failureOf(answer);
  return { ...answer, milliseconds: performance.now() - begun };
}

/** POST /guidance → the details of one frame. */
export async function examine(hashId, dataUri) {
  const answer = await post("guidance", { hash_id: hashId, selfie_image: dataUri });
  if (answer.status !== 200) throw failureOf(answer);
  return answer.body.details;
}

/** Throws the Failure that a verdict with this hash_id would meet, without asking for one: an empty frame is examined. */
export async function checkKey(hashId) {
  await examine(hashId, document.createElement("canvas").toDataURL("image/jpeg"));
}

function failureOf({ status, body }) {
  if (status === 429 && body.error) return new Failure("tooManyFailures"); // of this address, not this key's limit
  return new Failure(KINDS[status] ?? "other");
}

async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Failure("away");
  }
  try {
    return { status: response.status, body: await response.json() };
  } catch {
    throw new Failure(response.status === 503 || response.status === 502 ? "busy" : "other");
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
