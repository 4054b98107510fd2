"""What the page asks while somebody gets ready for a selfie: is this frame of the camera fit to be judged?"""

from datetime import datetime, timezone

from frontend.admission import Admission
from frontend.data_uri import image_bytes
from frontend.errors import InvalidCredentials
from frontend.keys.store import KeyStore, digest_of
from frontend.pipeline import Details, Pipeline
from frontend.timing import StageClock


class Guidance:
    """Examines frames for whoever has a usable key: detection alone, no verdict, nothing counted.

    `admission` is one of its own, so that frames never take the places of pictures that are to be judged.
    """

    def __init__(self, *, keys: KeyStore, pipeline: Pipeline, admission: Admission) -> None:
        self._keys = keys
        self._pipeline = pipeline
        self._admission = admission

    async def examine(self, hash_id: object, frame: object) -> Details:
        """Examine one frame; both are as they came, of any type.

        Raises InvalidCredentials, LimitReached, ImageMissing, InvalidImage, Overloaded, KeyStoreUnavailable.
        """
        if not isinstance(hash_id, str):
            raise InvalidCredentials("hash_id is absent or no string")
        digest = digest_of(hash_id)
        async with self._admission.permit(digest):
            await self._keys.authenticate(digest, datetime.now(timezone.utc))
            return await self._pipeline.examine(image_bytes(frame), StageClock())
