"""The address of an HTTP service, as it is written."""


def authority_of(host: str, port: int) -> str:
    """`HOST:PORT`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def http_url(host: str, port: int) -> str:
    """`http://HOST:PORT`."""
    return f"http://{authority_of(host, port)}"
