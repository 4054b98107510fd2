"""The one place where verdicts and errors become HTTP answers, with the bodies of the documented contract."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from frontend import errors
from frontend.failed_authentications import FailedAuthentications
from frontend.observation import outcome_name
from frontend.pipeline import Verdict
from frontend.reasons import Reason
from frontend.routes.details import details_body
from frontend.routes.request_id import HEADER as REQUEST_ID_HEADER
from frontend.routes.request_watch import note_outcome
from frontend.routes.security_headers import SECURITY_HEADERS


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error is answered with."""

    status: int
    body: dict[str, str]


REFUSALS: dict[type[errors.LivenessError], Refusal] = {
    errors.MalformedRequest: Refusal(400, {"error": "The request is not valid HTTP."}),
    errors.InvalidBody: Refusal(400, {"error": "The request body must be a JSON object."}),
    errors.InvalidParameter: Refusal(400, {"error": "The parameter details must be true or false."}),
    errors.InvalidForm: Refusal(400, {"error": "The request body must be intact multipart/form-data."}),
    errors.InvalidBatch: Refusal(400, {"error": "Selfie_images must be a list of images, neither empty nor too long."}),
    errors.ImageMissing: Refusal(400, {"error": "Selfie_image is required and must be a JPEG, JPG or PNG."}),
    errors.InvalidImage: Refusal(
        400, {"error": "Invalid or corrupt selfie image. Images must be in PNG, JPG, or JPEG format."}
    ),
    errors.InvalidCredentials: Refusal(401, {"message": "Invalid credentials"}),
    errors.RequestTooSlow: Refusal(408, {"error": "The request took too long to arrive."}),
    errors.BodyTooLarge: Refusal(413, {"error": "The request body is too large."}),
    errors.TooManyFailures: Refusal(429, {"error": "Too many failed authentications. Please try again later."}),
    errors.LimitReached: Refusal(429, {"message": "Your request limit has been reached."}),
    errors.HeadTooLarge: Refusal(431, {"error": "The request headers are too large."}),
    errors.Abandoned: Refusal(499, {"error": "The client went away."}),
    errors.Overloaded: Refusal(503, {"error": "The service is busy. Please try again."}),
    errors.Interrupted: Refusal(503, {"error": "The service is stopping. Please try again."}),
    errors.ScoringFailed: Refusal(503, {"error": "The service cannot judge images at the moment. Please try again."}),
    errors.KeyStoreUnavailable: Refusal(
        503, {"error": "The service cannot check keys at the moment. Please try again."}
    ),
}
FAULT = Refusal(500, {"error": "The service failed. Please report it with the X-Request-ID."})
"""For an error that nobody has foreseen; its traceback is in the log."""
CUT_OFF_AS = "cut_off_as"
"""Where the request's state holds the error that its connection was ended for in the middle of its body."""
SUCCESS_MESSAGE = "Success"
NO_FACE_MESSAGE = "No face was found in the selfie image."
REFUSAL_MESSAGES = {
    Reason.FACE_NOT_FOUND: NO_FACE_MESSAGE,
    Reason.TOO_MANY_FACES: "There is more than one face in the selfie image.",
    Reason.FACE_CROPPED: "The face is cut off by the border of the selfie image.",
    Reason.FACE_TOO_SMALL: "The face is too small in the selfie image.",
    Reason.FACE_CLOSE_TO_BORDER: "The face is too close to the border of the selfie image.",
    Reason.FACE_ANGLE_TOO_LARGE: "The face is turned too far away in the selfie image.",
    Reason.IMAGE_TOO_DARK: "The selfie image is too dark.",
    Reason.IMAGE_TOO_BRIGHT: "The selfie image is too bright.",
    Reason.IMAGE_TOO_BLURRY: "The selfie image is too blurry.",
}
"""What `message` says where a reason made `is_live` 0."""


class JsonAnswer(Response):
    """A JSON body spaced as the documentation prints it, so that answers equal it byte for byte."""

    media_type = "application/json"
    _encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)

    def render(self, content: object) -> bytes:
        """Encode with a space after each comma and colon; what is no Unicode, as in some paths, as JSON escapes it."""
        return self._encoder.encode(content).encode(errors="backslashreplace")


def verdict_answer(verdict: Verdict) -> JsonAnswer:
    """201 with the verdict."""
    return JsonAnswer(verdict_body(verdict), 201)


def verdict_body(verdict: Verdict) -> dict[str, object]:
    """What is said of a verdict, with the details where it has them."""
    result = {"is_live": int(verdict.is_live), "liveness_score": verdict.liveness_score}
    body: dict[str, object] = {"liveness_result": result, "message": verdict_message(verdict)}
    if verdict.details:
        body["details"] = details_body(verdict.details)
    return body


def outcome_answer(outcome: Verdict | errors.LivenessError) -> tuple[int, object]:
    """Status and body that a call is answered with whose picture came to this."""
    if isinstance(outcome, Verdict):
        return 201, verdict_body(outcome)
    refusal = REFUSALS[type(outcome)]
    return refusal.status, refusal.body


def verdict_message(verdict: Verdict) -> str:
    """Success, or the reason why the picture was refused whatever its score."""
    refused_for = verdict.refused_for if verdict.face_found else Reason.FACE_NOT_FOUND
    return REFUSAL_MESSAGES[refused_for] if refused_for else SUCCESS_MESSAGE


def error_answer(request: Request, error: errors.LivenessError, retry_after_s: int) -> Response:
    """The answer to a request that came to this error, which is noted for those who log and count it."""
    refusal = REFUSALS[type(error)]
    note_outcome(request, outcome_name(error), str(error))
    headers = {"Retry-After": str(retry_after_s)} if refusal.status == 503 else None
    return JsonAnswer(refusal.body, refusal.status, headers)


def raw_answer(error_type: type[errors.LivenessError], retry_after_s: int, request_id: str) -> bytes:
    """The whole HTTP/1.1 answer, after which the connection is closed, to one whose request was never complete."""
    refusal = REFUSALS[error_type]
    body = JsonAnswer(refusal.body).body
    head = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}", "Content-Type: application/json"]
    head += [f"Content-Length: {len(body)}", "Connection: close", f"{REQUEST_ID_HEADER}: {request_id}"]
    if refusal.status == 503:
        head.append(f"Retry-After: {retry_after_s}")
    head += [f"{name}: {value}" for name, value in SECURITY_HEADERS.items()]
    return "\r\n".join([*head, "", ""]).encode() + bytes(body)


def install_error_answers(app: FastAPI, retry_after_s: int, failures: FailedAuthentications) -> None:
    """Answer every error of the tree, and the framework's own (no such path, wrong method), in the same manner.

    A client address with too many `failures` gets TooManyFailures in place of InvalidCredentials, so that whoever has
    a valid hash_id is served from there all the same.
    """

    async def refused(request: Request, error: errors.LivenessError) -> Response:
        return error_answer(request, error, retry_after_s)

    async def framework_error(_request: Request, error: HTTPException) -> Response:
        return JsonAnswer({"error": error.detail}, error.status_code, error.headers)

    async def fault(request: Request, _error: Exception) -> Response:
        headers = SECURITY_HEADERS | {REQUEST_ID_HEADER: request.state.request_id}  # it is outside of who adds them
        return JsonAnswer(FAULT.body, FAULT.status, headers)

    async def abandoned(request: Request, _error: Exception) -> Response:
        error_type = getattr(request.state, CUT_OFF_AS, errors.Abandoned)  # what frontend/connections.py answered
        return await refused(request, error_type("the connection ended within the body"))

    async def not_authenticated(request: Request, error: errors.InvalidCredentials) -> Response:
        wait_s = failures.record(request.client.host if request.client else "")
        if wait_s is None:
            return await refused(request, error)
        answer = await refused(request, errors.TooManyFailures("from this client's address"))
        answer.headers["Retry-After"] = str(wait_s)
        return answer

    for error_type in REFUSALS:
        app.add_exception_handler(error_type, refused)  # type: ignore[arg-type]  # registered for these types alone
    app.add_exception_handler(errors.InvalidCredentials, not_authenticated)  # type: ignore[arg-type]  # and this one
    app.add_exception_handler(HTTPException, framework_error)  # type: ignore[arg-type]  # Starlette's own signature
    app.add_exception_handler(ClientDisconnect, abandoned)
    app.add_exception_handler(Exception, fault)
