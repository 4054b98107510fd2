"""The exception tree of the service.

    LivenessError
    ├── RequestRejected         the caller's fault; nothing was judged
    │   ├── InvalidBody             the body is no JSON object
    │   ├── InvalidParameter        a query parameter has a value that it cannot have
    │   ├── InvalidForm             the body is no intact multipart/form-data
    │   ├── InvalidBatch            the body has no list of images, an empty one, or one that is too long
    │   ├── BodyTooLarge            the body is over `max_body_bytes`
    │   ├── MalformedRequest        what arrived is no HTTP, or may be read in two ways
    │   ├── RequestTooSlow          head or body did not arrive in time
    │   ├── HeadTooLarge            the head is longer than any client's of this service
    │   ├── InvalidCredentials      the hash_id is unknown, revoked, expired, missing or no string
    │   ├── TooManyFailures         the client's address has failed to authenticate too often of late
    │   ├── LimitReached            the hash_id has used up its requests
    │   ├── ImageMissing            there is no selfie_image, or an empty one
    │   ├── InvalidImage            the selfie_image is no intact PNG or JPEG within the limits
    │   └── Abandoned               the caller went away before the verdict was there
    ├── ServiceUnavailable      ours; worth another try after `retry_after_s`
    │   ├── Overloaded              no permit became free in time
    │   ├── Interrupted             the service was stopped before the verdict was there
    │   ├── ScoringFailed           Triton gave no score that can be trusted
    │   └── KeyStoreUnavailable     the key database does not answer
    ├── KeyNameTaken            a key of that name exists already
    ├── KeyNotFound             there is no key of that name
    ├── InvalidKeyInput         a name, limit, date or exported line cannot become a key
    ├── InvalidImageSet         labelled images cannot be evaluated or calibrated on as they are
    ├── InvalidModel            a file cannot become a version of the anti-spoof model
    └── StartRefused            a setting or the machine does not allow a start; the message says what to mend

The domain code raises these and knows nothing of HTTP; `routes/answers.py` alone turns them into responses.
"""


class LivenessError(Exception):
    """Anything that this service raises on purpose."""


class RequestRejected(LivenessError):
    """The request cannot be served as it is; the message is for the log, never for the client."""


class InvalidBody(RequestRejected):
    """The body is not a JSON object."""


class InvalidParameter(RequestRejected):
    """A query parameter has a value that it cannot have."""


class InvalidForm(RequestRejected):
    """The body is called multipart/form-data and is not, or not intact."""


class InvalidBatch(RequestRejected):
    """The images are not a list, none, or more than are judged in one call."""


class BodyTooLarge(RequestRejected):
    """The body is larger than the service takes."""


class MalformedRequest(RequestRejected):
    """The request is no HTTP, or framed so that it may be read in two ways."""


class RequestTooSlow(RequestRejected):
    """The request did not arrive within the time that a client is given."""


class HeadTooLarge(RequestRejected):
    """The request's headers are longer than the service takes."""


class InvalidCredentials(RequestRejected):
    """No usable key has this hash_id."""


class TooManyFailures(RequestRejected):
    """Too many failed authentications from this address; a valid hash_id is still served."""


class LimitReached(RequestRejected):
    """The key has delivered as many verdicts as it may; `key_name` is for those who keep books."""

    def __init__(self, key_name: str | None = None) -> None:
        super().__init__()
        self.key_name = key_name


class ImageMissing(RequestRejected):
    """There is no image to judge."""


class InvalidImage(RequestRejected):
    """The image is corrupt, of another format, or beyond the limits."""


class Abandoned(RequestRejected):
    """Nobody is there any more to take the verdict."""


class ServiceUnavailable(LivenessError):
    """No verdict could be given, through no fault of the caller."""


class Overloaded(ServiceUnavailable):
    """All permits are taken and none became free in time."""


class Interrupted(ServiceUnavailable):
    """The service stops and cannot finish this request any more."""


class ScoringFailed(ServiceUnavailable):
    """Triton did not answer in time, refused, or gave no score within [0, 1]."""


class KeyStoreUnavailable(ServiceUnavailable):
    """The key database does not answer."""


class KeyNameTaken(LivenessError):
    """A key of that name exists already."""


class KeyNotFound(LivenessError):
    """There is no key of that name."""


class InvalidKeyInput(LivenessError):
    """What was given cannot become a key: a name, a limit, a date, a line of an exported file."""


class InvalidImageSet(LivenessError):
    """Labelled images that no figure can be had from as they are; the message names them and the mend."""


class InvalidModel(LivenessError):
    """A file cannot become a version of the anti-spoof model, or there is no version to go back to."""


class StartRefused(LivenessError):
    """The service cannot start; the message names the cause and the mend."""
