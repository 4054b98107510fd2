"""What a tutorial does with a picture: decode it all, find the face, cut, run the model. The networks are ours."""

import base64
from typing import Any

import cv2
import numpy as np
import onnxruntime

from frontend.crops import crop_face
from frontend.embedded.selfcheck import model_file
from frontend.faces import FaceDetector
from frontend.settings import load_settings


class PlainModel:
    """Judges pictures in this process, with the libraries' own defaults; it may be called from several threads."""

    def __init__(self) -> None:
        self._settings = load_settings()
        model = model_file(self._settings.model_repository, self._settings.triton_model)
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self._detector = FaceDetector(self._settings.face_threshold)

    def judge(self, selfie_image: str) -> dict[str, Any]:
        """The documented answer for a data URI."""
        data = base64.b64decode(selfie_image.partition(",")[2])
        decoded = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
        picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
        faces = self._detector.detect(picture)
        if not faces:
            return _answer(0.0, "No face was found in the selfie image.")
        (live,) = self._session.run(["live"], {"face": crop_face(picture, faces[0])[np.newaxis]})
        return _answer(round(float(np.asarray(live)[0, 0]), 6), "Success")


def _answer(score: float, message: str) -> dict[str, Any]:
    return {"liveness_result": {"is_live": int(score >= 0.5), "liveness_score": score}, "message": message}
