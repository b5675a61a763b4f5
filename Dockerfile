# Builds that must repeat exactly name the base by its digest: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim
# What is in it beside the daemon: tracing, or backtest for the trader's bench (--build-arg EXTRA=backtest), by requirements-EXTRA.txt.
ARG EXTRA=tracing

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Two environments: one to build with, and one without pip or build tools, which is all that the image keeps.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/venv
ARG EXTRA
COPY requirements-${EXTRA}.txt requirements-build.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip install --require-hashes -r requirements-build.txt \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: -r requirements-${EXTRA}.txt
COPY pyproject.toml README.md LICENSE ./
COPY binance_trade_agent binance_trade_agent
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/venv/bin/python install --no-deps --no-index /dist/*.whl

# The tests in a container: docker build --target test --tag trade-agent-test . && docker run --rm trade-agent-test
FROM builder AS test
# Servers of other people that tests run against; a test that cannot find its server must fail here.
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light redis-server && rm -rf /var/lib/apt/lists/*
ENV REQUIRE_SERVERS=1
COPY requirements-dev.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip --python /opt/venv/bin/python install --require-hashes -r requirements-dev.txt
COPY . .
ENV PATH=/opt/venv/bin:$PATH
CMD ["python", "-m", "pytest", "--numprocesses", "auto", "-p", "no:cacheprovider"]

# What packages bring along and nobody runs: their tests, and the sources that their libraries were compiled from.
FROM builder AS trimmed
RUN find /opt/venv/lib -depth \( -type d -name tests -o -type f \( -name '*.c' -o -name '*.h' -o -name '*.py[xi]' -o -name '*.px[di]' \) \) \
    -exec rm -rf {} +

FROM ${PYTHON_IMAGE} AS runtime
LABEL org.opencontainers.image.title="binance-trade-agent" \
      org.opencontainers.image.description="A trading daemon for Binance Spot that never loses track of an order" \
      org.opencontainers.image.licenses="MIT"
# A fixed number, so that the owner of the volume is the same after every rebuild.
RUN groupadd --gid 10001 agent \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin agent \
    && install -d -o 10001 -g 10001 -m 0700 /data \
    && install -d /app
COPY --from=trimmed /opt/venv /opt/venv
# What is inside, each package by version and hash.
ARG EXTRA
COPY requirements-${EXTRA}.txt /opt/venv/requirements.txt
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["binance-trade-agent", "healthcheck"]
CMD ["binance-trade-agent", "run"]
