"""How the anti-spoof model is made: from a manifest of labelled images to a model file that can be installed."""
