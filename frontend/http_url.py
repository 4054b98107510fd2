"""The address of an HTTP service, as it is written."""


def http_url(host: str, port: int) -> str:
    """`http://HOST:PORT`, with the brackets that an IPv6 address needs."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
