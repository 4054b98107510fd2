// Everything that the page says in plain words: verdicts, reasons, guidance, failures.

export const REASONS = {
  FACE_NOT_FOUND: "No face was found.",
  TOO_MANY_FACES: "There is more than one face in the picture.",
  FACE_CROPPED: "The face is cut off by the border of the picture.",
  FACE_TOO_SMALL: "The face is too small: go nearer to the camera.",
  FACE_CLOSE_TO_BORDER: "The face is too close to the border: move to the middle.",
  FACE_ANGLE_TOO_LARGE: "The face is turned away: look straight into the camera.",
  IMAGE_TOO_DARK: "The picture is too dark: find more light.",
  IMAGE_TOO_BRIGHT: "The picture is too bright: turn away from strong light.",
  IMAGE_TOO_BLURRY: "The picture is blurred: hold still and wipe the lens.",
};

export const GUIDANCE = {
  FACE_NOT_FOUND: "Look into the camera: there is no face yet.",
  TOO_MANY_FACES: "Only one person, please.",
  FACE_CROPPED: "Your face is cut off: move to the middle.",
  FACE_TOO_SMALL: "Come nearer.",
  FACE_CLOSE_TO_BORDER: "Move to the middle.",
  FACE_ANGLE_TOO_LARGE: "Look straight into the camera.",
  IMAGE_TOO_DARK: "It is too dark: find more light.",
  IMAGE_TOO_BRIGHT: "It is too bright: turn away from strong light.",
  IMAGE_TOO_BLURRY: "Hold still.",
  OFF_CENTRE: "Move to the middle.",
  TOO_FAR: "Come nearer.",
  READY: "Good. Hold still, and take the picture.",
  NO_ANSWER: "The service does not answer at the moment. You can take the picture all the same.",
};

export const VERDICTS = {
  live: {
    headline: "A live person",
    sentence: "The model takes this for a live person in front of the camera.",
  },
  attack: {
    headline: "Not a live person",
    sentence: "This looks like a picture of a face: a print, a screen or a mask held up to the camera.",
  },
  noface: {
    headline: "No face found",
    sentence: "There is no face to judge in this picture, so it counts as not live.",
  },
  refused: {
    headline: "Picture not accepted",
    sentence: "The picture is not fit for a verdict, so it counts as not live whatever its score.",
  },
};

const MAY_COUNT = "If your picture had arrived before, its verdict may have been counted.";

// kind → what happened, what to do, what the button does ("key", "again" with the same picture, "file" or "instead"),
// and what there is to say besides of a picture that was sent.
const FAILURES = {
  credentials: ["This hash_id is not valid", "It is unknown, expired or revoked. Check it with your operator.", "key"],
  limit: ["The limit is used up", "This hash_id has had as many verdicts as it may. Ask your operator for more, or use another one.", "key"],
  tooManyFailures: ["Too many wrong hash_ids", "The service takes no more wrong ones from here for a while, but the right one at any time.", "key"],
  busy: ["The service is busy", "Nothing was judged and nothing was counted. Wait a moment, then try again.", "again"],
  away: ["No contact with the service", "Check the network, and that the service is running.", "again", MAY_COUNT],
  gateway: ["The service does not answer", "A proxy in between had no answer from it. Wait a moment, then try again.", "again", MAY_COUNT],
  slow: ["The request took too long to arrive", "Nothing was judged and nothing was counted. Try again, over a faster connection if there is one.", "again"],
  fault: ["The service failed", "Report it to your operator, who finds the cause in its log.", "again"],
  tooLarge: ["The file is too large", "Choose a smaller picture; one as a phone makes it is small enough.", "file"],
  notAnImage: ["This is not a picture", "Choose a JPEG or PNG file.", "file"],
  heic: ["This is a HEIC picture", "The service takes JPEG and PNG. Save or export the picture as JPEG; on an iPhone, Settings → Camera → Formats → Most Compatible makes new ones so.", "file"],
  corrupt: ["The picture cannot be read", "The file is damaged, beyond the size limits, or no JPEG or PNG inside. Choose another.", "file"],
  denied: ["The camera is not allowed", "Allow it for this page, by the icon beside the address, and for the browser, in the system's settings. Or choose a photograph.", "instead"],
  noCamera: ["No camera was found", "Connect one and try again, or choose a photograph.", "instead"],
  cameraBusy: ["The camera does not start", "Another program may be using it. Close that and try again, or choose a photograph.", "instead"],
  cameraEnded: ["The camera has stopped", "It was unplugged, or is not allowed any more. Mend that and try again, or choose a photograph.", "instead"],
  insecure: ["The camera needs a secure address", "Browsers allow it over https or on this very machine (localhost) alone. Choose a photograph, or open this page over https.", "instead"],
  other: ["That did not work", "The service gave an answer that this page does not know. Its log says more.", "again"],
};

const IN_THE_LOG = ["fault", "other"];

/** A Failure → title, text, action and what is said of a picture that was sent. */
export function explain({ kind, requestId }) {
  const [title, text, action, ofPicture = ""] = FAILURES[kind] ?? FAILURES.other;
  const name = requestId && IN_THE_LOG.includes(kind) ? ` X-Request-ID: ${requestId}` : "";
  return { title, text: text + name, action, ofPicture };
}

export const ACTIONS = {
  key: "Type another hash_id",
  again: "Try again",
  file: "Choose another picture",
  instead: "Choose a photograph",
};
