// Judge one picture, in Node 18 or newer and in a browser, with nothing but fetch.
//
//   node client.mjs selfie.jpg HASH_ID [http://127.0.0.1:5001]
//
// Everybody on the machine sees a program's arguments: without these two, LIVENESS_HASH_ID and LIVENESS_URL are read.
//
// In a page that the service's own address serves:
//
//   import { judge } from "./client.mjs";
//   const { is_live, liveness_score } = await judge(input.files[0], hashId);

/**
 * Judge one PNG or JPEG file.
 *
 * Where the service is busy (503) it is asked again after the seconds that Retry-After says.
 * @param {Blob} image the file, as <input type="file"> gives it
 * @param {string} hashId the customer's credential; keep it on a server, a page shows it to everybody
 * @param {{url?: string, attempts?: number, timeoutMs?: number}} [options] the longest time for one attempt
 * @returns {Promise<{is_live: 0 | 1, liveness_score: number, message: string}>}
 */
export async function judge(image, hashId, { url = "", attempts = 4, timeoutMs = 30_000 } = {}) {
  const form = new FormData();
  form.append("hash_id", hashId);
  form.append("selfie_image", image, "selfie");
  for (let attempt = 1; ; attempt += 1) {
    const signal = AbortSignal.timeout(timeoutMs);
    // Redirected, it would send the picture to whoever is named: the service redirects nobody.
    const answer = await fetch(`${url}/liveness`, { method: "POST", body: form, redirect: "error", signal });
    const body = objectIn(await answer.text());
    if (answer.status === 201 && body.liveness_result) return { ...body.liveness_result, message: body.message };
    if (answer.status !== 503 || attempt === attempts) {
      throw new Error(`${answer.status}: ${body.error ?? body.message ?? "no answer of the service"}`);
    }
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((wake) => setTimeout(wake, 1000 * seconds * (1 + 0.2 * Math.random())));
  }
}

/** The answer; nothing where a proxy before the service answers with a page. */
function objectIn(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

async function isTheProgram() {
  if (typeof process === "undefined" || !process.argv[1]) return false;
  const { realpath } = await import("node:fs/promises");
  const { pathToFileURL } = await import("node:url");
  return import.meta.url === pathToFileURL(await realpath(process.argv[1]).catch(() => "")).href;
}

if (await isTheProgram()) {
  const { readFile } = await import("node:fs/promises");
  const { LIVENESS_HASH_ID, LIVENESS_URL = "http://127.0.0.1:5001" } = process.env;
  const [file, hashId = LIVENESS_HASH_ID, url = LIVENESS_URL] = process.argv.slice(2);
  try {
    if (!file || !hashId) throw new Error("usage: node client.mjs selfie.jpg HASH_ID [URL]");
    console.log(JSON.stringify(await judge(new Blob([await readFile(file)]), hashId, { url })));
  } catch (error) {
    console.error(error.cause?.message || error.message);
    process.exitCode = 1;
  }
}
