# Two images from one file:
#   docker build --target cpu  -t veritag:cpu  .
#   docker build --target cuda -t veritag:cuda .
# Both run as a user without rights on a read-only root:
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v veritag:/data -v ./veritag.toml:/data/veritag.toml:ro veritag:cpu

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
# Where to install from is the builder's business, e.g. an index with CPU-only builds of torch:
#   --build-arg PIP_ARGUMENTS="--extra-index-url URL"
ARG PIP_ARGUMENTS=""
# Clients of the platforms that are watched, and other extras of pyproject.toml.
ARG EXTRAS="platforms,cards"
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /src
# Dependencies first: they are gigabytes, and change less often than the code.
COPY pyproject.toml constraints.txt README.md LICENSE ./

FROM build AS build-cpu
# hadolint ignore=SC2086
RUN pip install -c constraints.txt ${PIP_ARGUMENTS} ".[${EXTRAS},cpu]"
COPY . .
RUN pip install --no-deps --force-reinstall .

FROM build AS build-cuda
# hadolint ignore=SC2086
RUN pip install -c constraints.txt ${PIP_ARGUMENTS} ".[${EXTRAS},gpu]"
COPY . .
RUN pip install --no-deps --force-reinstall .

FROM python:${PYTHON_VERSION}-slim AS base
# A fixed number, so that volumes and Kubernetes' runAsNonRoot can name it.
RUN groupadd --gid 10001 veritag \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin veritag \
 && install -d -o 10001 -g 10001 -m 0750 /data
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    XDG_CACHE_HOME=/data/cache \
    MPLCONFIGDIR=/tmp/matplotlib \
    VERITAG_DATA_DIR=/data \
    VERITAG_WEIGHTS_DIR=/data/weights \
    VERITAG_LOG__FORMAT=json
WORKDIR /data
VOLUME /data
EXPOSE 8080
# On loopback inside the container: needs neither curl nor the token.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('VERITAG_WEB__PORT', '8080') + '/health', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["veritag"]
CMD ["run"]

FROM base AS cuda
# The CUDA libraries come with torch's wheels; the driver comes from the host's container toolkit.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-cuda /opt/venv /opt/venv
USER 10001:10001

# The last stage is what a build without --target makes.
FROM base AS cpu
ENV VERITAG_ANALYSIS__DEVICE=cpu
COPY --from=build-cpu /opt/venv /opt/venv
USER 10001:10001
