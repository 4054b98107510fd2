# The HTTP frontend. Build it from the project's root: docker build -f compose/frontend.Dockerfile .
FROM python:3.11-slim-bookworm AS build
# Where pip looks, for a machine that reaches packages through a mirror; unset, pip's own default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements requirements
RUN python -m venv --without-pip /opt/liveness \
 && pip --python /opt/liveness/bin/python install --no-compile --no-deps --only-binary :all: --require-hashes \
      -r requirements/runtime.txt \
 && pip install --only-binary :all: --no-deps --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY frontend frontend
# Compiled here, as the root file system is read-only later; by content, so that two builds give the same bytes.
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/liveness/bin/python install --no-compile --no-deps --no-index dist/liveness-*.whl \
 && find /opt/liveness/lib -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/liveness/lib \
 && find /opt/liveness -exec touch -h -d @0 {} +

FROM python:3.11-slim-bookworm
COPY --from=build /opt/liveness /opt/liveness
# OPENBLAS_NUM_THREADS: numpy has small arrays alone to do, and would start a thread a core in each process.
ENV PATH=/opt/liveness/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp OPENBLAS_NUM_THREADS=1 \
    LIVENESS_HOST=0.0.0.0 LIVENESS_PORT=5001 LIVENESS_DATA_DIR=/tmp/liveness \
    LIVENESS_AUDIT_LOG=stdout LIVENESS_ACCEPTED_RISKS=plain-http
USER 10001:10001
EXPOSE 5001
CMD ["liveness", "serve"]
