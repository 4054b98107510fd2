// The page's states and what leads from one to the next:
// key → choose → camera → judging → verdict, and failure from anywhere.

import { Camera } from "./camera.js";
import { enableCopying, showForDevelopers } from "./developer.js";
import { guide } from "./guidance.js";
import { checkFile } from "./photograph.js";
import { checkKey, dataUriOf, Failure, judge } from "./service.js";
import { showVerdict } from "./verdict.js";
import { ACTIONS, FAILURES } from "./words.js";

const KEY = "hash_id"; // in sessionStorage: this tab's alone, gone when it is closed
const byId = (id) => document.getElementById(id);
const main = byId("main");
const camera = new Camera(byId("video"));
const threshold = Number(document.body.dataset.liveThreshold);
const maxBodyBytes = Number(document.body.dataset.maxBodyBytes);

let guiding = null; // the AbortController of the guidance that runs
let chosen = null; // { blob, name } of the picture that is judged

function show(view, { focus = true } = {}) {
  main.dataset.view = view;
  main.classList.toggle("has-picture", chosen !== null && view !== "camera");
  for (const element of document.querySelectorAll(".view")) element.hidden = element.dataset.view !== view;
  byId("video").hidden = view !== "camera";
  byId("picture").hidden = chosen === null || view === "camera";
  byId("change-key").hidden = sessionStorage.getItem(KEY) === null || view === "key";
  if (view !== "verdict") {
    byId("overlay").setAttribute("hidden", "");
    byId("measured").hidden = true;
    byId("developer").hidden = true;
  }
  if (focus) document.querySelector(`.view[data-view="${view}"] h1`).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function leaveCamera() {
  guiding?.abort();
  guiding = null;
  camera.close();
}

function forgetPicture() {
  chosen = null;
  URL.revokeObjectURL(byId("picture").src);
  byId("picture").removeAttribute("src");
  byId("file").value = "";
}

function showKey() {
  leaveCamera();
  forgetPicture();
  sessionStorage.removeItem(KEY);
  byId("hash-id").value = "";
  show("key", { focus: false });
  byId("hash-id").focus();
}

function showChoose() {
  leaveCamera();
  forgetPicture();
  show("choose");
}

function showFailure(failure) {
  leaveCamera();
  const [title, text, action] = FAILURES[failure.kind] ?? FAILURES.other;
  if (action === "file") forgetPicture(); // the browser may not be able to show it either
  byId("failure-title").textContent = title;
  byId("failure-text").textContent = text;
  byId("failure-action").textContent = ACTIONS[action];
  byId("failure-action").onclick = { key: showKey, again: tryAgain }[action] ?? showChoose;
  byId("failure-back").hidden = action === "file" || action === "instead";
  show("failure");
}

function tryAgain() {
  return chosen === null ? showChoose() : judgeChosen();
}

async function orFailure(work) {
  try {
    await work();
  } catch (error) {
    showFailure(error instanceof Failure ? error : new Failure("other"));
  }
}

async function problemOf(hashId) {
  if (hashId === "") return "Type your hash_id first.";
  try {
    await checkKey(hashId);
    return "";
  } catch (failure) {
    const [title, text] = FAILURES[failure.kind] ?? FAILURES.other;
    return `${title}. ${text}`;
  }
}

async function takeKey(event) {
  event.preventDefault();
  const field = byId("hash-id");
  const hashId = field.value.trim();
  const problem = await problemOf(hashId);
  byId("hash-id-error").textContent = problem;
  byId("hash-id-error").hidden = problem === "";
  field.setAttribute("aria-invalid", String(problem !== ""));
  if (problem !== "") return field.focus();
  sessionStorage.setItem(KEY, hashId);
  showChoose();
}

function showGuidance({ checks, advice }) {
  const line = byId("guidance");
  if (line.textContent !== advice) line.textContent = advice;
  let met = 0;
  for (const item of byId("checks").children) {
    const isMet = checks[item.dataset.check] === true;
    met += isMet;
    item.classList.toggle("met", isMet);
    item.querySelector("span").textContent = isMet ? ": yes" : ": not yet";
  }
  document.querySelector(".oval").classList.toggle("ready", met === 4);
}

function openCamera() {
  return orFailure(async () => {
    forgetPicture();
    showGuidance({ checks: {}, advice: "Starting the camera …" });
    byId("take").disabled = true;
    show("camera");
    guiding = new AbortController();
    const { signal } = guiding;
    await camera.open();
    if (signal.aborted) return camera.close();
    byId("take").disabled = false;
    byId("take").focus();
    guide(camera, sessionStorage.getItem(KEY), signal, { shows: showGuidance, fails: showFailure });
  });
}

function takePicture() {
  byId("take").disabled = true; // a second click would take and send it again
  return orFailure(async () => {
    const blob = await camera.take();
    leaveCamera();
    await judgePicture(blob, "selfie.jpg");
  });
}

function choosePhotograph(file) {
  return orFailure(async () => {
    leaveCamera();
    forgetPicture();
    await checkFile(file, maxBodyBytes);
    await judgePicture(file, file.name);
  });
}

async function judgePicture(blob, name) {
  chosen = { blob, name };
  byId("picture").src = URL.createObjectURL(blob);
  await judgeChosen();
}

function judgeChosen() {
  return orFailure(async () => {
    const { blob, name } = chosen;
    show("judging");
    const { status, body, milliseconds } = await judge(sessionStorage.getItem(KEY), await dataUriOf(blob));
    showVerdict(body, milliseconds, threshold);
    showForDevelopers(status, body, name);
    show("verdict");
  });
}

function acceptDrops(stage) {
  const may = () => ["choose", "verdict", "failure"].includes(main.dataset.view) && sessionStorage.getItem(KEY) !== null;
  for (const name of ["dragover", "dragleave", "drop"]) {
    window.addEventListener(name, (event) => event.preventDefault()); // else the browser would open the file
  }
  stage.addEventListener("dragover", () => stage.classList.toggle("dragged", may()));
  stage.addEventListener("dragleave", () => stage.classList.remove("dragged"));
  stage.addEventListener("drop", (event) => {
    stage.classList.remove("dragged");
    const [file] = event.dataTransfer.files;
    if (file && may()) choosePhotograph(file);
  });
}

byId("key-form").addEventListener("submit", takeKey);
byId("change-key").addEventListener("click", showKey);
byId("use-camera").addEventListener("click", openCamera);
byId("take").addEventListener("click", takePicture);
byId("leave-camera").addEventListener("click", showChoose);
byId("again").addEventListener("click", showChoose);
byId("failure-back").addEventListener("click", showChoose);
byId("file").addEventListener("change", ({ target }) => target.files[0] && choosePhotograph(target.files[0]));
window.addEventListener("pagehide", leaveCamera);
byId("picture").addEventListener("load", ({ target }) => {
  const ratio = target.naturalWidth / target.naturalHeight;
  byId("stage").style.setProperty("--picture-ratio", Math.min(1.5, Math.max(0.8, ratio)));
});
acceptDrops(byId("stage"));
enableCopying();
show(sessionStorage.getItem(KEY) === null ? "key" : "choose", { focus: false });
