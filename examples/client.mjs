// Judge one picture, in Node 18 or newer and in a browser, with nothing but fetch.
//
//   node client.mjs selfie.jpg HASH_ID [http://127.0.0.1:5001]
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
 * @param {{url?: string, attempts?: number}} [options]
 * @returns {Promise<{is_live: 0 | 1, liveness_score: number, message: string}>}
 */
export async function judge(image, hashId, { url = "", attempts = 4 } = {}) {
  const form = new FormData();
  form.append("hash_id", hashId);
  form.append("selfie_image", image, "selfie");
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(`${url}/liveness`, { method: "POST", body: form });
    const body = await answer.json();
    if (answer.status === 201) return { ...body.liveness_result, message: body.message };
    if (answer.status !== 503 || attempt === attempts) {
      throw new Error(`${answer.status}: ${body.error ?? body.message}`);
    }
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((wake) => setTimeout(wake, 1000 * seconds * (1 + 0.2 * Math.random())));
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
  const [file, hashId, url = "http://127.0.0.1:5001"] = process.argv.slice(2);
  try {
    console.log(JSON.stringify(await judge(new Blob([await readFile(file)]), hashId, { url })));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
