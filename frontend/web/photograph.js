// A file that somebody chose → whether it can be sent; the service decides whether it can be judged.

import { Failure } from "./service.js";

const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47];
const HEIC_BRANDS = ["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"];
const ROOM_FOR_JSON_BYTES = 1024;

/** Throws the Failure that says why not. */
export async function checkFile(file, maxBodyBytes) {
  const head = new Uint8Array(await beginningOf(file));
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === "ftyp" && HEIC_BRANDS.includes(text.slice(8, 12))) throw new Failure("heic");
  if (!begins(head, JPEG) && !begins(head, PNG)) throw new Failure("notAnImage");
  if (4 * Math.ceil(file.size / 3) + ROOM_FOR_JSON_BYTES > maxBodyBytes) throw new Failure("tooLarge");
}

async function beginningOf(file) {
  try {
    return await file.slice(0, 12).arrayBuffer();
  } catch {
    throw new Failure("notAnImage"); // a folder that was dropped, or a file that is gone
  }
}

function begins(bytes, signature) {
  return signature.every((byte, i) => bytes[i] === byte);
}
