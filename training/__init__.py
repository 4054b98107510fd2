"""How the anti-spoof model is made: from a manifest of labelled images to a model file that can be installed."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when PyTorch is imported: idle threads leave the cores alone
