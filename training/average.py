"""The average of two networks that were fine-tuned from the same start on different views.

Their weights lie in one basin, and a point between them is often better than both: Wortsman et al., "Model soups" and
"Robust fine-tuning of zero-shot models" (2022).
"""

import torch

from training.errors import TrainingRefused
from training.network import LivenessNetwork, parameters_of


def average(first: LivenessNetwork, second: LivenessNetwork, share: float) -> LivenessNetwork:
    """(1 - share) × first + share × second, weight by weight.

    Raises TrainingRefused where their stems differ, which both keep from their start: then there is no way between.
    """
    if not torch.equal(parameters_of(first)[0][0], parameters_of(second)[0][0]):
        raise TrainingRefused("the two runs did not begin from the same weights, or did not keep the first blocks")
    between = LivenessNetwork()
    others = second.state_dict()
    between.load_state_dict({name: value.lerp(others[name], share) for name, value in first.state_dict().items()})
    return between
