// The page's states and what leads from one to the next:
// key → choose → camera → judging → verdict, and failure from anywhere.

import { Camera } from "./camera.js";
import { enableCopying, showForDevelopers } from "./developer.js";
import { guide } from "./guidance.js";
import { checkFile } from "./photograph.js";
import { checkKey, dataUriOf, Failure, judge } from "./service.js";
import { showVerdict } from "./verdict.js";
import { ACTIONS, explain } from "./words.js";

const KEY = "hash_id"; // in the storage of this tab alone, gone when it is closed
const byId = (id) => document.getElementById(id);
const main = byId("main");
const camera = new Camera(byId("video"), () => showFailure(new Failure("cameraEnded")));
const storage = storageOfTab();
const threshold = Number(document.body.dataset.liveThreshold);
const maxBodyBytes = Number(document.body.dataset.maxBodyBytes);

let running = new AbortController(); // of what was begun last; whatever was begun before it is abandoned
let chosen = null; // { blob, name } of the picture that is judged

/** sessionStorage, or memory alone where the browser forbids it, as with all cookies blocked. */
function storageOfTab() {
  try {
    if (sessionStorage) return sessionStorage;
  } catch {} // there even to name it is an error
  const kept = new Map();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
  };
}

function show(view, { focus = true } = {}) {
  main.dataset.view = view;
  main.classList.toggle("has-picture", chosen !== null && view !== "camera");
  for (const element of document.querySelectorAll(".view")) element.hidden = element.dataset.view !== view;
  byId("video").hidden = view !== "camera";
  byId("picture").hidden = chosen === null || view === "camera";
  byId("change-key").hidden = storage.getItem(KEY) === null || view === "key";
  if (view !== "verdict") {
    byId("overlay").setAttribute("hidden", "");
    byId("measured").hidden = true;
    byId("developer").hidden = true;
  }
  if (focus) document.querySelector(`.view[data-view="${view}"] h1`).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** Does `work`; what still runs is abandoned, and so is this when its `signal` is aborted. */
async function begin(work) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  try {
    await work(signal);
  } catch (error) {
    if (!signal.aborted) showFailure(error instanceof Failure ? error : new Failure("other"));
  }
}

function abandon() {
  running.abort();
  camera.close();
}

function forgetPicture() {
  chosen = null;
  URL.revokeObjectURL(byId("picture").src);
  byId("picture").removeAttribute("src");
  byId("file").value = "";
}

function showKey() {
  abandon();
  forgetPicture();
  storage.removeItem(KEY);
  byId("hash-id").value = "";
  showProblem("");
  show("key", { focus: false });
  byId("hash-id").focus();
}

function showChoose() {
  abandon();
  forgetPicture();
  show("choose");
}

function showFailure(failure) {
  abandon();
  const { title, text, action, ofPicture } = explain(failure);
  if (action === "file") forgetPicture(); // the browser may not be able to show it either
  byId("failure-title").textContent = title;
  byId("failure-text").textContent = `${text} ${ofPicture}`.trim();
  byId("failure-action").textContent = ACTIONS[action];
  byId("failure-action").onclick = { key: showKey, again: tryAgain }[action] ?? showChoose;
  byId("failure-back").hidden = action === "file" || action === "instead";
  show("failure");
}

function tryAgain() {
  return chosen === null ? showChoose() : begin(judgeChosen);
}

async function problemOf(hashId, signal) {
  if (hashId === "") return "Type your hash_id first.";
  try {
    await checkKey(hashId, signal);
    return "";
  } catch (failure) {
    const { title, text } = explain(failure);
    return `${title}. ${text}`;
  }
}

function showProblem(problem) {
  byId("hash-id-error").textContent = problem;
  byId("hash-id-error").hidden = problem === "";
  byId("hash-id").setAttribute("aria-invalid", String(problem !== ""));
}

function showChecking(checks) {
  byId("continue").disabled = checks;
  byId("continue").textContent = checks ? "Checking …" : "Continue";
  byId("key-status").textContent = checks ? "Checking the hash_id." : "";
}

function takeKey(event) {
  event.preventDefault();
  return begin(async (signal) => {
    const hashId = byId("hash-id").value.trim();
    showChecking(true);
    const problem = await problemOf(hashId, signal);
    showChecking(false);
    if (signal.aborted) return;
    showProblem(problem);
    if (problem !== "") return byId("hash-id").focus();
    storage.setItem(KEY, hashId);
    showChoose();
  });
}

function retypeKey() {
  running.abort(); // the one before is not wanted any more
  showProblem("");
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
  return begin(async (signal) => {
    forgetPicture();
    showGuidance({ checks: {}, advice: "Starting the camera …" });
    byId("take").disabled = true;
    show("camera");
    await camera.open(signal);
    if (signal.aborted) return;
    byId("take").disabled = false;
    byId("take").focus();
    guide(camera, storage.getItem(KEY), signal, { shows: showGuidance, fails: showFailure });
  });
}

function takePicture() {
  byId("take").disabled = true; // a second click would take and send it again
  return begin(async (signal) => {
    const blob = await camera.take();
    if (signal.aborted) return;
    camera.close();
    await judgePicture(blob, "selfie.jpg", signal);
  });
}

function choosePhotograph(file) {
  return begin(async (signal) => {
    camera.close();
    forgetPicture();
    await checkFile(file, maxBodyBytes);
    if (signal.aborted) return;
    await judgePicture(file, file.name, signal);
  });
}

async function judgePicture(blob, name, signal) {
  chosen = { blob, name };
  byId("picture").src = URL.createObjectURL(blob);
  await judgeChosen(signal);
}

async function judgeChosen(signal) {
  const { blob, name } = chosen;
  show("judging");
  const answer = await judge(storage.getItem(KEY), await dataUriOf(blob), signal);
  if (signal.aborted) return;
  showVerdict(answer.body, answer.milliseconds, threshold);
  showForDevelopers(answer.status, answer.text, name);
  show("verdict");
}

function acceptDrops(stage) {
  const may = () => ["choose", "verdict", "failure"].includes(main.dataset.view) && storage.getItem(KEY) !== null;
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
byId("hash-id").addEventListener("input", retypeKey);
byId("change-key").addEventListener("click", showKey);
byId("use-camera").addEventListener("click", openCamera);
byId("take").addEventListener("click", takePicture);
byId("leave-camera").addEventListener("click", showChoose);
byId("leave-judging").addEventListener("click", showChoose);
byId("again").addEventListener("click", showChoose);
byId("failure-back").addEventListener("click", showChoose);
byId("file").addEventListener("change", ({ target }) => target.files[0] && choosePhotograph(target.files[0]));
window.addEventListener("pagehide", abandon);
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && ["camera", "judging"].includes(main.dataset.view)) showChoose(); // it was abandoned on the way out
});
byId("picture").addEventListener("load", ({ target }) => {
  const ratio = target.naturalWidth / target.naturalHeight;
  byId("stage").style.setProperty("--picture-ratio", Math.min(1.5, Math.max(0.8, ratio)));
});
acceptDrops(byId("stage"));
enableCopying();
show(storage.getItem(KEY) === null ? "key" : "choose", { focus: false });
