"""`liveness openapi`: the description of the HTTP interface, for tools that make clients and collections of it."""

import json

import typer


def openapi() -> None:
    """Print the OpenAPI description of the service as it is set up; Postman, Bruno and generators read it."""
    from frontend.app import create_app
    from frontend.settings import load_settings

    described = create_app(load_settings()).openapi()
    typer.echo(json.dumps(described, indent=1, ensure_ascii=False, sort_keys=True).encode())
