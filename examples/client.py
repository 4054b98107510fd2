"""Judge one picture: python client.py selfie.jpg HASH_ID  (needs the package `requests`)."""

import base64
import mimetypes
import sys

import requests

SERVICE_URL = "http://127.0.0.1:5001"


def data_uri(image_path):
    """The file as the service takes it: base64 behind a data: prefix."""
    mime_type, _ = mimetypes.guess_type(image_path)
    if mime_type is None:
        sys.exit(f"{image_path}: name a .jpg, .jpeg or .png file")
    with open(image_path, "rb") as image:
        return f"data:{mime_type};base64,{base64.b64encode(image.read()).decode()}"


if __name__ == "__main__":
    body = {"hash_id": sys.argv[2], "selfie_image": data_uri(sys.argv[1])}
    answer = requests.post(f"{SERVICE_URL}/liveness", json=body, timeout=30)
    print(f"Response Code: {answer.status_code}")
    print(answer.json())
