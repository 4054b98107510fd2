"""GET /metrics."""

from fastapi import APIRouter, Request, Response

from frontend.metrics import Metrics


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The route that Prometheus scrapes; a proxy before the service keeps it from the world."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    def scrape(request: Request) -> Response:  # in a thread: with several processes it reads files
        content, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return router
