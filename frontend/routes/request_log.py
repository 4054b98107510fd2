"""One line in the log for each request."""

import logging

from frontend.logs import FIELDS
from frontend.routes.request_watch import EndedRequest

PROBES = frozenset({"/healthz", "/readyz", "/status_check", "/metrics"})
"""Asked every few seconds by machines: logged at debug level."""

logger = logging.getLogger(__name__)


def log_request(request: EndedRequest) -> None:
    """Log it without anything personal: the path as it was asked for is the client's, so the route stands for it."""
    level = logging.DEBUG if request.route in PROBES else logging.INFO
    if request.status >= 500:
        level = logging.WARNING
    if not logger.isEnabledFor(level):
        return
    fields = {
        "request_id": request.request_id,
        "method": request.method,
        "route": request.route,
        "status": request.status,
        "ms": round(1000 * request.duration_s, 1),
    }
    fields |= {name: text for name, text in (("outcome", request.outcome), ("detail", request.detail)) if text}
    logger.log(level, "request", extra={FIELDS: fields})
