// Frames of the camera → what to do for a good picture, by the service's own detector.

import { dataUriOf, examine } from "./service.js";
import { GUIDANCE } from "./words.js";

const PAUSE_MS = 250;
const OFF_CENTRE_SHARE = 0.16; // of the frame's shorter side, between its middle and the face's
const NEAR_ENOUGH_SHARE = 0.2; // of the frame's shorter side, for the face's width

/** What the details of a frame say: which checks are met, and the advice that matters most. */
export function assess(details) {
  const { face, image, reasons } = details;
  const has = (reason) => reasons.includes(reason);
  const shorter = Math.min(image.width, image.height);
  const off = face && Math.max(
    Math.abs(face.left + face.width / 2 - image.width / 2),
    Math.abs(face.top + face.height / 2 - image.height / 2),
  );
  const checks = {
    found: face !== null,
    centred: face !== null && off <= OFF_CENTRE_SHARE * shorter && !has("FACE_CLOSE_TO_BORDER") && !has("FACE_CROPPED"),
    near: face !== null && face.width >= NEAR_ENOUGH_SHARE * shorter && !has("FACE_TOO_SMALL"),
    light: !has("IMAGE_TOO_DARK") && !has("IMAGE_TOO_BRIGHT"),
  };
  return { checks, advice: advice(reasons, checks) };
}

function advice(reasons, checks) {
  const light = reasons.find((reason) => reason === "IMAGE_TOO_DARK" || reason === "IMAGE_TOO_BRIGHT");
  if (!checks.found && light) return GUIDANCE[light]; // a face that is not lit is not found either
  if (reasons.length > 0) return GUIDANCE[reasons[0]];
  if (!checks.near) return GUIDANCE.TOO_FAR;
  if (!checks.centred) return GUIDANCE.OFF_CENTRE;
  return GUIDANCE.READY;
}

/** Examines frame after frame until `signal` is aborted; `fails` is told of a key that is not taken any more. */
export async function guide(camera, hashId, signal, { shows, fails }) {
  while (!signal.aborted) {
    try {
      const details = await examine(hashId, await dataUriOf(await camera.frame()), signal);
      if (!signal.aborted) shows(assess(details));
    } catch (failure) {
      if (signal.aborted) return;
      if (failure.kind === "credentials" || failure.kind === "limit") return fails(failure);
      if (failure.kind !== "busy") shows({ checks: {}, advice: GUIDANCE.NO_ANSWER });
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
