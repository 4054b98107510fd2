// The camera: opened into a video element, seen as frames for guidance, and taken as a picture.

import { Failure } from "./service.js";

const FRAME_WIDTH_PIXELS = 640;
const KINDS = { NotAllowedError: "denied", NotFoundError: "noCamera", OverconstrainedError: "noCamera" };

export class Camera {
  #stream = null;

  /** `ended` is called when a camera that runs is unplugged, or its permission withdrawn. */
  constructor(video, ended) {
    this.video = video;
    this.ended = ended;
    this.canvas = document.createElement("canvas");
  }

  /** Throws the Failure that says why there is no picture; once `signal` is aborted, the camera is left to others. */
  async open(signal) {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new Failure("insecure");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } },
      });
      if (signal.aborted) return stop(stream);
      this.#stream = stream;
      for (const track of stream.getTracks()) {
        track.addEventListener("ended", () => this.#stream === stream && this.ended());
      }
      this.video.srcObject = stream;
      await this.video.play();
    } catch (error) {
      if (signal.aborted) return;
      this.close();
      throw new Failure(KINDS[error.name] ?? "cameraBusy");
    }
  }

  close() {
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** A small JPEG for guidance. */
  frame() {
    return this.#jpeg(Math.min(FRAME_WIDTH_PIXELS, this.video.videoWidth), 0.8);
  }

  /** The picture to be judged, as large as the camera gives it. */
  take() {
    return this.#jpeg(this.video.videoWidth, 0.95);
  }

  #jpeg(width, quality) {
    const { videoWidth, videoHeight } = this.video;
    this.canvas.width = width;
    this.canvas.height = Math.round((width * videoHeight) / videoWidth);
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve, reject) => {
      const done = (blob) => (blob ? resolve(blob) : reject(new Failure("cameraBusy")));
      this.canvas.toBlob(done, "image/jpeg", quality);
    });
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
