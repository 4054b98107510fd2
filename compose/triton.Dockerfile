# Triton for boxes without a GPU and with little disk: the tritonserver of NVIDIA's wheel and our ONNX Runtime backend
# in Python. It is started like the tritonserver image it stands in for, and serves the same model_repository.
# Build it from the project's root: docker build -f compose/triton.Dockerfile .
FROM python:3.11-slim-bookworm AS build
# Where pip looks, for a machine that reaches packages through a mirror; unset, pip's own default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
# What the backend imports, and the wheel without the Python that would ask for its dependencies.
RUN python -m venv --without-pip /opt/triton \
 && awk '/^[a-z]/ {wanted = /^(numpy|onnxruntime)==/} wanted' requirements/runtime.txt > requirements/backend.txt \
 && awk '/^[a-z]/ {wanted = /^nvidia-pytriton==/} wanted' requirements/embedded.txt > requirements/server.txt \
 && pip --python /opt/triton/bin/python install --no-compile --no-deps --only-binary :all: --require-hashes \
      -r requirements/backend.txt \
 && pip install --no-compile --no-deps --only-binary :all: --require-hashes --target wheel -r requirements/server.txt
COPY frontend/embedded/backends /opt/tritonserver/backends
RUN cp -r wheel/pytriton/tritonserver/bin wheel/nvidia_pytriton.libs /opt/tritonserver/ \
 && cp -r wheel/pytriton/tritonserver/backends/python /opt/tritonserver/backends/ \
 && install -m 755 wheel/pytriton/tritonserver/python_backend_stubs/3.11/triton_python_backend_stub \
      /opt/tritonserver/backends/python/ \
 && chmod 755 /opt/tritonserver/bin/tritonserver \
 && find /opt -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/triton/lib /opt/tritonserver/backends \
 && find /opt/triton /opt/tritonserver -exec touch -h -d @0 {} +

FROM python:3.11-slim-bookworm
COPY --from=build /opt/triton /opt/triton
COPY --from=build /opt/tritonserver /opt/tritonserver
# libpython lies in /usr/local/lib; the first python3 on PATH is the one whose packages the backend sees.
ENV PATH=/opt/tritonserver/bin:/opt/triton/bin:/usr/local/bin:/usr/bin:/bin \
    LD_LIBRARY_PATH=/opt/tritonserver/nvidia_pytriton.libs:/usr/local/lib \
    PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 ORT_DISABLE_TELEMETRY=1
USER 1000:1000
EXPOSE 8000 8002
CMD ["tritonserver", "--model-repository=/models"]
