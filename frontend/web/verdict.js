// A verdict on the page: words, dial, the frame around the face, reasons, measures.

import { REASONS, VERDICTS } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

/** Which of VERDICTS an answer is. */
export function kindOf(body) {
  if (body.details.number_of_faces === 0) return "noface";
  if (body.message !== "Success") return "refused";
  return body.liveness_result.is_live === 1 ? "live" : "attack";
}

export function showVerdict(body, milliseconds, threshold) {
  const kind = kindOf(body);
  const tone = kind === "noface" ? "refused" : kind;
  byId("verdict").dataset.tone = tone;
  byId("headline").textContent = VERDICTS[kind].headline;
  byId("sentence").textContent = VERDICTS[kind].sentence;
  const least = numberText(threshold, (n) => n === threshold);
  byId("rule").textContent = `A picture counts as live from a score of ${least} on.`;
  showDial(body.liveness_result.liveness_score, threshold);
  showFace(body.details, tone);
  showReasons(body.details.reasons, kind);
  showMeasures(body.details, milliseconds);
}

/** With two digits, or as many more as it takes to be `true`. */
function numberText(number, isTrue) {
  for (let digits = 2; digits < 16; digits++) {
    const text = number.toFixed(digits);
    if (isTrue(Number(text))) return text;
  }
  return String(number);
}

function showDial(score, threshold) {
  const dial = byId("dial");
  const shown = numberText(score, (n) => (n >= threshold) === (score >= threshold));
  dial.querySelector(".score").textContent = shown;
  dial.querySelector(".score").classList.toggle("long", shown.length > 5);
  const value = dial.querySelector(".value");
  value.setAttribute("stroke-dasharray", `${100 * score} 200`);
  value.classList.toggle("none", score < 0.005);
  dial.querySelector(".threshold").setAttribute("transform", `rotate(${180 * threshold} 100 102)`);
  byId("dial-label").textContent =
    `Liveness score ${shown}, between 0 and 1`;
}

function showFace({ image, face }, tone) {
  const overlay = byId("overlay");
  overlay.replaceChildren();
  overlay.toggleAttribute("hidden", face === null);
  if (face === null) return;
  overlay.dataset.tone = tone;
  overlay.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
  for (const name of ["shade", "frame"]) {
    const { left, top, width, height } = face;
    draw(overlay, "rect", { class: name, x: left, y: top, width, height, rx: width * 0.07 });
  }
  for (const [cx, cy] of Object.values(face.landmarks)) {
    draw(overlay, "circle", { class: "landmark", cx, cy, r: Math.max(image.width, image.height) / 220 });
  }
}

function draw(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
}

function showReasons(reasons, kind) {
  byId("reasons").hidden = reasons.length === 0;
  byId("reasons-title").textContent =
    kind === "refused" || kind === "noface" ? "What is wrong with the picture" : "What would make a better picture";
  byId("reasons-list").replaceChildren(
    ...reasons.map((reason) => {
      const item = document.createElement("li");
      const code = document.createElement("code");
      code.textContent = reason;
      item.append(REASONS[reason] ?? reason, code);
      return item;
    }),
  );
}

function showMeasures({ image, number_of_faces: faces, quality }, milliseconds) {
  const { pose } = quality;
  const rows = [
    ["Faces", faces === 1 ? null : faces],
    ["Face size", quality.face_size_pixels && `${Math.round(quality.face_size_pixels)} px`],
    ["Brightness", `${Math.round(100 * quality.brightness)} %`],
    ["Sharpness", quality.sharpness && Math.round(quality.sharpness)],
    ["Turned by", pose && `${Math.round(Math.max(...Object.values(pose).map(Math.abs)))}°`],
    ["Picture", `${image.width}×${image.height}`],
    ["Answered in", `${Math.round(milliseconds)} ms`],
  ];
  byId("measured").hidden = false;
  byId("measures").replaceChildren(
    ...rows.filter(([, value]) => value !== null).map(([name, value]) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const description = document.createElement("dd");
      term.textContent = name;
      description.textContent = value;
      row.append(term, description);
      return row;
    }),
  );
}
