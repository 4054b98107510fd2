"""Every setting of the service, each read from the environment as LIVENESS_<NAME>."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from frontend.cores import usable_cores
from frontend.errors import StartRefused
from frontend.reasons import refusing_reasons
from frontend.triton_addresses import parse_addresses

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SECRETS = Path("/run/secrets")
"""Where container engines mount secrets; a file there named as the variable, say LIVENESS_KEYS_URL, sets it."""

RISKS = ("plain-http", "plain-keys", "public-triton", "readable-data")
"""What `accepted_risks` may name; `frontend/safety.py` says what each is."""


def _max_in_flight(before: dict[str, int]) -> int:
    """The default, by the settings before this one: so few that what is accepted in an overload is soon answered."""
    return 32 if _processes(before.get("workers", 0)) == 1 else 16


def _processes(workers: int) -> int:
    return workers or usable_cores()


def _text(value: str) -> str:
    """The value; UnicodeError, a ValueError, for bytes that were no UTF-8, which no message can hold."""
    value.encode()
    return value


class Settings(BaseSettings):
    """The settings with their defaults; `liveness settings` prints them."""

    model_config = SettingsConfigDict(env_prefix="LIVENESS_", extra="ignore", frozen=True, allow_inf_nan=False)

    host: str = Field("127.0.0.1", description="Address that the HTTP service listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        5001, description="Port of the HTTP service; 0 takes a free one."
    )
    workers: Annotated[int, Field(ge=0, le=256)] = Field(
        0, description="Frontend processes, which share the connections; 0 is one for each usable core."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="One JSON object a line, or text; auto is text on a terminal and JSON anywhere else."
    )
    data_dir: Path = Field(
        PROJECT_ROOT / "var", description="Folder of keys, logs and the demo key (embedded default)."
    )

    keys_url: str = Field(
        "",
        description="Home of the keys: sqlite:///PATH or mongodb://…; empty means keys.sqlite3 in data_dir.",
    )
    keys_timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(2.0, description="Longest wait for the key database.")
    keys_remembered_s: Annotated[float, Field(ge=0, le=60)] = Field(
        1.0,
        description="How long a key that was found valid is judged for without asking the database again; a verdict is "
        "counted there in any case, so one that was revoked meanwhile gets none.",
    )

    triton_url: str = Field(
        "",
        description="host:port of Triton's HTTP endpoint, several separated by commas, or a name with several "
        "addresses; empty makes `liveness up` start its own.",
    )
    triton_model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] = Field(
        "anti_spoof", description="Name of the model in Triton's repository."
    )
    triton_timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(3.0, description="Longest wait for one score.")
    model_repository: Path = Field(
        PROJECT_ROOT / "model_repository", description="Repository that the embedded Triton serves."
    )
    triton_start_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        20.0, description="Longest wait for the embedded Triton to be ready."
    )

    live_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="A liveness_score at or above it is is_live 1."
    )
    calibration: str = Field(
        "",
        description="File that `liveness calibrate` wrote; empty means calibration.json in data_dir, if it is there.",
    )
    face_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="Least score of a detected face.")

    max_faces: Annotated[int, Field(ge=1)] = Field(1, description="More faces are TOO_MANY_FACES.")
    min_face_size_pixels: Annotated[float, Field(ge=0)] = Field(
        64, description="A face whose longer side is smaller is FACE_TOO_SMALL."
    )
    min_border_margin: Annotated[float, Field(ge=0, le=10)] = Field(
        0.05, description="A face nearer to the border, as a share of its side, is FACE_CLOSE_TO_BORDER."
    )
    max_face_angle_degrees: Annotated[float, Field(gt=0, le=180)] = Field(
        40, description="A larger yaw, pitch or roll is FACE_ANGLE_TOO_LARGE."
    )
    min_sharpness: Annotated[float, Field(ge=0)] = Field(
        15, description="A face with less variance of its Laplacian is IMAGE_TOO_BLURRY."
    )
    min_brightness: Annotated[float, Field(ge=0, le=1)] = Field(
        0.14, description="A face with less mean luma, 0 to 1, is IMAGE_TOO_DARK."
    )
    max_brightness: Annotated[float, Field(ge=0, le=1)] = Field(
        0.8, description="A face with more mean luma, 0 to 1, is IMAGE_TOO_BRIGHT."
    )
    refuse_reasons: str = Field(
        "FACE_NOT_FOUND",
        description="Reasons that make is_live 0, with commas between; FACE_NOT_FOUND always does.",
    )

    max_body_bytes: Annotated[int, Field(ge=1024)] = Field(24 * 1024 * 1024, description="Largest request body.")
    max_batch_images: Annotated[int, Field(ge=1, le=1000)] = Field(16, description="Most pictures in one batch.")
    max_batch_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        48 * 1024 * 1024, description="Largest body of a batch; each picture in it may be as long as max_body_bytes."
    )
    max_image_megapixels: Annotated[float, Field(gt=0, le=500)] = Field(
        50.0, description="Largest picture, checked from its header."
    )
    max_image_side_pixels: Annotated[int, Field(ge=64, le=65535)] = Field(
        12_000, description="Longest side of a picture, checked from its header."
    )

    decode_threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=usable_cores,
        description=(
            "Most threads that decode, detect and crop in one process, by default the usable cores; beyond the first "
            "they work only while in all processes fewer do than there are cores."
        ),
    )
    max_in_flight: Annotated[int, Field(ge=1, le=4096)] = Field(
        default_factory=_max_in_flight,
        description="Requests judged at once in one process; the default is 32 in a single one, 16 in each of several.",
    )
    admission_wait_s: Annotated[float, Field(ge=0, le=60)] = Field(
        0.5, description="Longest wait for one of those places before 503."
    )
    max_share_per_key: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Largest share of those places that one hash_id may hold, however few others ask."
    )
    retry_after_s: Annotated[int, Field(ge=1, le=3600)] = Field(1, description="What Retry-After says with every 503.")

    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1000, description="Open connections of clients to one process; those past it get 503 at once."
    )
    max_arriving_bytes: Annotated[int, Field(ge=1024 * 1024)] = Field(
        256 * 1024 * 1024,
        description="Bytes of bodies on their way to one process; past it those that are longer than 1 MiB get 503.",
    )
    header_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="Longest time for a request's head to arrive."
    )
    body_timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        30.0, description="Longest time for a request's body to arrive."
    )
    response_timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        10.0, description="Longest time for which a client may leave an answer unread."
    )

    readiness_timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        1.2, description="Longest wait for a dependency before /readyz and /status_check say 503."
    )
    stop_notice_s: Annotated[float, Field(ge=0, le=600)] = Field(
        0.2, description="After SIGTERM, time for which requests are still taken while /readyz says 503 already."
    )
    stop_timeout_s: Annotated[int, Field(ge=1, le=600)] = Field(
        15, description="Longest time for requests under way to end when the service stops."
    )

    failed_authentications_allowed: Annotated[int, Field(ge=0)] = Field(
        100,
        description="Failed authentications of one client address within failed_authentications_window_s that are "
        "answered 401; further ones get 429, valid keys always pass. 0 sets no limit.",
    )
    failed_authentications_window_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        60.0, description="How long failed authentications of an address are counted together."
    )
    trusted_proxies: str = Field(
        "", description="Addresses or networks, with commas, whose X-Forwarded-For tells the client's address."
    )

    audit_log: str = Field(
        "",
        description="Where each picture asked about is noted as a JSON line: a file, `stdout` or `off`; empty means "
        "audit.jsonl in data_dir.",
    )
    audit_log_max_bytes: Annotated[int, Field(ge=4096)] = Field(
        16 * 1024 * 1024, description="Size at which the audit log's file is rotated."
    )
    audit_log_files: Annotated[int, Field(ge=1, le=1000)] = Field(
        8, description="Files of the audit log that are kept, the one in use included."
    )

    accepted_risks: str = Field(
        "",
        description="Insecure settings to start with all the same, by name, with commas: plain-http, plain-keys, "
        "public-triton, readable-data. SECURITY.md explains them.",
    )

    page: bool = Field(
        False, description="Whether the page at / is served; `liveness up` does so unless this is set to false."
    )
    server_timing: bool = Field(
        False, description="Whether a verdict carries a Server-Timing header with the milliseconds of each stage."
    )

    otlp_endpoint: Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+/?)?$")] = Field(
        "", description="URL of an OpenTelemetry collector (OTLP over HTTP) that traces go to; empty makes none."
    )
    trace_sample_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Share of the requests without a traceparent that are traced."
    )
    metrics: bool = Field(True, description="Whether GET /metrics tells Prometheus what was done.")
    metrics_key_names: Annotated[int, Field(ge=0, le=1000)] = Field(
        0,
        description="Most keys that each process names in /metrics, each with the used share of its limit; "
        "0 names none.",
    )

    @field_validator("data_dir", "model_repository", mode="before")
    @classmethod
    def _is_not_empty(cls, path: object) -> object:
        if path == "":
            raise ValueError("it is empty, which would be the current folder")
        return path

    @field_validator("keys_url")
    @classmethod
    def _without_line_break(cls, url: str) -> str:
        return url.strip()  # a secret often ends with one, which would name another database or file

    @field_validator("host")
    @classmethod
    def _can_be_looked_up(cls, host: str) -> str:
        host.encode("idna")  # its UnicodeError, a ValueError, says what is wrong
        return host

    @field_validator("max_brightness")
    @classmethod
    def _leaves_room(cls, largest: float, info: ValidationInfo) -> float:
        if largest < info.data.get("min_brightness", 0):
            raise ValueError("it is less than LIVENESS_MIN_BRIGHTNESS")
        return largest

    @field_validator("refuse_reasons")
    @classmethod
    def _only_known_reasons(cls, listed: str) -> str:
        refusing_reasons(_text(listed))
        return listed

    @field_validator("trusted_proxies")
    @classmethod
    def _names_networks(cls, value: str) -> str:
        for network in filter(None, value.split(",")):
            ip_network(network.strip())  # its ValueError names what is no address
        return value

    @field_validator("accepted_risks")
    @classmethod
    def _names_risks(cls, value: str) -> str:
        if unknown := {risk.strip() for risk in _text(value).split(",")} - {"", *RISKS}:
            raise ValueError(f"no such risk: {', '.join(sorted(unknown))}; there are {', '.join(RISKS)}")
        return value

    @property
    def audit_path(self) -> Path:
        """The audit log's file, where it is one."""
        return Path(self.audit_log) if self.audit_log else self.data_dir / "audit.jsonl"

    def accepts(self, risk: str) -> bool:
        """Whether the operator accepted this one of `RISKS`."""
        return risk in {accepted.strip() for accepted in self.accepted_risks.split(",")}

    @field_validator("triton_url")
    @classmethod
    def _triton_url_can_be_read(cls, url: str) -> str:
        for host, _ in parse_addresses(url) if url else ():
            host.encode("idna")
        return url

    @property
    def processes(self) -> int:
        """`workers`, or the number of usable cores where it is 0."""
        return _processes(self.workers)

    @property
    def effective_keys_url(self) -> str:
        """`keys_url`, or the SQLite file in `data_dir` where it is empty."""
        return self.keys_url or f"sqlite:///{self.data_dir.resolve() / 'keys.sqlite3'}"

    @property
    def calibration_path(self) -> Path:
        """`calibration`, or the file in `data_dir` where it is empty."""
        return Path(self.calibration) if self.calibration else self.data_dir / "calibration.json"


def load_settings() -> Settings:
    """Read the environment, then `SECRETS`; a bad value raises StartRefused with the variable's name."""
    try:
        return Settings(_secrets_dir=SECRETS if SECRETS.is_dir() else None)
    except ValidationError as error:
        problems = "; ".join(
            f"LIVENESS_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}"
            for e in error.errors()
            if e["type"] != "default_factory_not_called"  # not to blame: another setting is wrong
        )
        raise StartRefused(f"bad setting: {problems}") from None
