"""The `details` of an answer: how they are asked for, and what they say."""

from typing import Any

from fastapi import Request

from frontend.errors import InvalidParameter
from frontend.faces import LANDMARKS, FaceBox
from frontend.pipeline import Details
from frontend.quality import Examination

DETAILS_PARAMETER: dict[str, Any] = {
    "name": "details",
    "in": "query",
    "required": False,
    "schema": {"type": "boolean", "default": False},
    "description": "Whether the answer has `details`: `true` or `false`, anything else is a 400. Nothing else changes.",
}

DETAILS_EXAMPLE: dict[str, Any] = {
    "image": {"width": 1280, "height": 960},
    "number_of_faces": 1,
    "face": {
        "left": 451.4,
        "top": 206.2,
        "width": 234.1,
        "height": 234.1,
        "detection_score": 0.9222,
        "landmarks": {
            "right_eye": [511.8, 256.1],
            "left_eye": [624.9, 274.7],
            "nose_tip": [558.2, 313.9],
            "mouth_centre": [550.8, 366.1],
            "right_ear": [445.8, 276.9],
            "left_ear": [683.9, 315.3],
        },
    },
    "quality": {
        "brightness": 0.6544,
        "sharpness": 191.1,
        "face_size_pixels": 234.1,
        "border_margin": 0.8811,
        "pose": {"yaw_degrees": -0.8, "pitch_degrees": -2.2, "roll_degrees": -9.4},
    },
    "reasons": [],
}


def wants_details(request: Request) -> bool:
    """Whether `details=true` is in the query; raises InvalidParameter at any other value but `false`."""
    match request.query_params.get("details", "false"):
        case "true":
            return True
        case "false":
            return False
    raise InvalidParameter("details is neither true nor false")


def details_body(details: Details) -> dict[str, Any]:
    """The details as JSON values, rounded to what can be relied on."""
    examination = details.examination
    return {
        "image": {"width": examination.width, "height": examination.height},
        "number_of_faces": len(examination.faces),
        "face": _face(examination.faces[0]) if examination.faces else None,
        "quality": _quality(examination),
        "reasons": [reason.value for reason in details.reasons],
    }


def _face(face: FaceBox) -> dict[str, Any]:
    return {
        "left": round(face.left, 1),
        "top": round(face.top, 1),
        "width": round(face.width, 1),
        "height": round(face.height, 1),
        "detection_score": round(face.score, 4),
        "landmarks": {name: [round(x, 1), round(y, 1)] for name, (x, y) in zip(LANDMARKS, face.landmarks, strict=True)},
    }


def _quality(examination: Examination) -> dict[str, Any]:
    quality = examination.quality
    brightness = round(examination.brightness, 4)
    if quality is None:
        return {
            "brightness": brightness,
            "sharpness": None,
            "face_size_pixels": None,
            "border_margin": None,
            "pose": None,
        }
    return {
        "brightness": brightness,
        "sharpness": round(quality.sharpness, 1),
        "face_size_pixels": round(quality.size_pixels, 1),
        "border_margin": round(quality.border_margin, 4),
        "pose": {
            "yaw_degrees": round(quality.pose.yaw_degrees, 1),
            "pitch_degrees": round(quality.pose.pitch_degrees, 1),
            "roll_degrees": round(quality.pose.roll_degrees, 1),
        },
    }
