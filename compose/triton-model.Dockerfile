# Triton with our model repository in it: one image, one version of the model, for engines that share no folder between
# machines. Build it from the project's root, on NVIDIA's Triton or on the slim one:
#   docker build -f compose/triton-model.Dockerfile -t liveness-triton-model:0.1.0 [--build-arg TRITON=liveness-triton:0.1.0] .
ARG TRITON=nvcr.io/nvidia/tritonserver:24.10-py3
FROM ${TRITON}
COPY model_repository /models
COPY compose/triton /liveness
ENV LIVENESS_TRITON_MODEL=anti_spoof
USER 1000:1000
EXPOSE 8000 8002
ENTRYPOINT ["bash", "/liveness/start"]
CMD []
