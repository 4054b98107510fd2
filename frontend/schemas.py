"""The documented bodies of requests and answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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


class LivenessAnswer(BaseModel):
    """A verdict was given and counted."""

    liveness_result: LivenessResult
    message: str


class MessageAnswer(BaseModel):
    """The hash_id does not allow a verdict."""

    message: str


class ErrorAnswer(BaseModel):
    """No verdict was given; nothing was counted."""

    error: str


class ReadinessAnswer(BaseModel):
    """Each dependency, tried just now."""

    ready: bool
    dependencies: dict[str, str] = Field(description='Dependency → "ok", or what is wrong with it.')
