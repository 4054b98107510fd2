"""What ends a step of the training with a message instead of a result."""

from frontend.errors import LivenessError


class TrainingRefused(LivenessError):
    """An input of the step is missing or does not fit; the message says which, and nothing was written."""
