"""The documented bodies of requests and answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from frontend.reasons import Reason


class LivenessRequest(BaseModel):
    """A selfie to be judged."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"hash_id": "<your hash_id>", "selfie_image": "data:image/jpeg;base64,/9j/4AAQ…"}}
    )

    hash_id: str = Field(description="The customer's credential.")
    selfie_image: str = Field(description="A PNG or JPEG file in base64, with or without a data: prefix.")


class LivenessResult(BaseModel):
    """The verdict."""

    is_live: Literal[0, 1] = Field(description="1 for a live person, 0 for a presentation attack or no face.")
    liveness_score: float = Field(ge=0, le=1, description="P(live): near 1 live, near 0 an attack.")


class ImageSize(BaseModel):
    """The picture, upright."""

    width: int
    height: int


class Face(BaseModel):
    """A face; a point is [x, y], and right and left are the person's own."""

    left: float
    top: float
    width: float
    height: float
    detection_score: float
    landmarks: dict[str, tuple[float, float]] = Field(
        description="right_eye, left_eye, nose_tip, mouth_centre, right_ear, left_ear"
    )


class PoseBody(BaseModel):
    """Estimated from the landmarks; 0, 0, 0 looks into the camera (signs of ISO/IEC 19794-5)."""

    yaw_degrees: float = Field(description="Positive to the person's own left.")
    pitch_degrees: float = Field(description="Positive down.")
    roll_degrees: float = Field(description="Positive to the person's right shoulder.")


class Quality(BaseModel):
    """Measures of the largest face; null where they need a face and there is none."""

    brightness: float = Field(description="Mean luma, 0 to 1; of the whole picture where there is no face.")
    sharpness: float | None = Field(description="Variance of the Laplacian of the face at 128×128 pixels.")
    face_size_pixels: float | None = Field(description="The longer side of the face.")
    border_margin: float | None = Field(
        description="From the face to the nearest border, as a share of its longer side; negative where it is cut off."
    )
    pose: PoseBody | None


class DetailsBody(BaseModel):
    """What was found in the picture, in pixels of the upright picture as it was posted."""

    image: ImageSize
    number_of_faces: int
    face: Face | None = Field(description="The largest face, which is the one judged.")
    quality: Quality
    reasons: list[Reason] = Field(description="Why the picture is not fit for a verdict, the gravest first.")


class LivenessAnswer(BaseModel):
    """A verdict was given and counted."""

    liveness_result: LivenessResult
    message: str = Field(description="Success, or the reason why `is_live` is 0 whatever the score.")
    details: DetailsBody | None = Field(None, description="With `details=true` alone.")


class GuidanceAnswer(BaseModel):
    """What was found in a frame; no verdict was given, nothing was counted."""

    details: DetailsBody


class MessageAnswer(BaseModel):
    """The hash_id does not allow a verdict."""

    message: str


class ErrorAnswer(BaseModel):
    """No verdict was given; nothing was counted."""

    error: str


class BatchRequest(BaseModel):
    """Selfies to be judged side by side."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"hash_id": "<your hash_id>", "selfie_images": ["data:image/jpeg;base64,/9j/4AAQ…"]}
        }
    )

    hash_id: str = Field(description="The customer's credential.")
    selfie_images: list[str] = Field(
        description="PNG or JPEG files in base64, each with or without a data: prefix.", min_length=1
    )


class BatchResult(BaseModel):
    """What a call for one picture of the batch would have been answered."""

    status: int = Field(description="Its HTTP status: 201 is a verdict, which was counted; any other counted nothing.")
    body: LivenessAnswer | MessageAnswer | ErrorAnswer = Field(description="Its body.")


class BatchAnswer(BaseModel):
    """One result for each picture, in their order."""

    results: list[BatchResult]


class ServedModel(BaseModel):
    """The model that judges; null where it cannot be known just now."""

    name: str
    version: str | None = Field(description="The version that Triton serves.")
    sha256: str | None = Field(description="Digest of that version's model.onnx in the model repository.")


class VersionAnswer(BaseModel):
    """What answers here."""

    service: str
    model: ServedModel
    triton: str | None = Field(description="Triton's version.")


class ReadinessAnswer(BaseModel):
    """Each dependency, tried just now."""

    ready: bool
    dependencies: dict[str, str] = Field(description='Dependency → "ok", or what is wrong with it.')
    triton_servers: dict[str, str] | None = Field(
        None, description='With several Tritons: address → "ok", or why it is left out. One that judges is enough.'
    )
