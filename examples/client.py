"""Judge one picture: python client.py selfie.jpg HASH_ID  (needs the package `requests`)."""

import base64
import mimetypes
import os
import sys
from urllib.parse import urlsplit

import requests

SERVICE_URL = os.environ.get("LIVENESS_URL", "http://127.0.0.1:5001")
# A picture for this very machine is not for the proxy that the environment may name.
NO_PROXY = {"http": None, "https": None} if urlsplit(SERVICE_URL).hostname in ("127.0.0.1", "localhost", "::1") else {}


def data_uri(image_path):
    """The file as the service takes it: base64 behind a data: prefix."""
    mime_type = mimetypes.guess_type(image_path)[0] or "image/jpeg"  # the service looks at the bytes alone
    with open(image_path, "rb") as image:
        return f"data:{mime_type};base64,{base64.b64encode(image.read()).decode()}"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    body = {"hash_id": sys.argv[2], "selfie_image": data_uri(sys.argv[1])}
    answer = requests.post(f"{SERVICE_URL}/liveness", json=body, timeout=30, proxies=NO_PROXY)
    print(f"Response Code: {answer.status_code}")
    print(answer.json())
