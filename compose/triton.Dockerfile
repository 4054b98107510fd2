# Triton for boxes without a GPU and with little disk: the tritonserver of NVIDIA's wheel, and our ONNX Runtime backend.
# It is started like the tritonserver image it stands in for, and serves the same model_repository.
# Build it from the project's root: docker build -f compose/triton.Dockerfile .
FROM python:3.11-slim-bookworm AS build
# Where pip looks, for a machine that reaches packages through a mirror; unset, pip's own default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
# The libraries of these wheels are wanted, not the Python that would ask for their dependencies.
RUN awk '/^[a-z]/ {wanted = /^(nvidia-pytriton|onnxruntime)==/} wanted' requirements/embedded.txt \
      requirements/runtime.txt > requirements/triton.txt \
 && pip install --no-compile --no-deps --only-binary :all: --require-hashes --target wheels -r requirements/triton.txt
COPY frontend/embedded/backends/onnxruntime/libtriton_onnxruntime.so /opt/tritonserver/backends/onnxruntime/
# tritonserver looks for its libraries in ../lib; that of Python is for a backend that is not here.
RUN install -D -m 755 wheels/pytriton/tritonserver/bin/tritonserver /opt/tritonserver/bin/tritonserver \
 && cp -r wheels/nvidia_pytriton.libs /opt/tritonserver/lib \
 && rm /opt/tritonserver/lib/libpython3-* \
 && cp wheels/onnxruntime/capi/libonnxruntime.so.* /opt/tritonserver/backends/onnxruntime/libonnxruntime.so \
 && cp wheels/onnxruntime/LICENSE wheels/onnxruntime/ThirdPartyNotices.txt /opt/tritonserver/backends/onnxruntime/ \
 && find /opt/tritonserver -exec touch -h -d @0 {} +

# With Python for the health check alone.
FROM python:3.11-slim-bookworm
COPY --from=build /opt/tritonserver /opt/tritonserver
ENV PATH=/opt/tritonserver/bin:/usr/local/bin:/usr/bin:/bin ORT_DISABLE_TELEMETRY=1
USER 1000:1000
EXPOSE 8000 8002
CMD ["tritonserver", "--model-repository=/models"]
