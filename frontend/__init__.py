import os

# Read when ONNX Runtime is loaded: without it, its official builds tell their makers of the machine and the model.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
