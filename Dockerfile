# The image of this project: the engine, its locked packages and the project's files; no emulators, no compiler, no package installer.
#
#   make image IMAGE=us-docker.pkg.dev/PROJECT/REPOSITORY/pipeline       builds it with commit and code digest
#   docker push ...                                                       prints the digest that `pipeline deploy --image` wants
#
# The base is named by tag here. Pin it to what your registry holds, so that the same commit makes the same image:
#   --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
# `make image-steps` carries out the RUN steps below without a container, and looks at what they leave.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build

# Packages first: they change less often than the code. The lists are complete, so nothing is looked for beside them: pip would refuse
# `google-auth[pyopenssl]`, which another package wants, because the list pins it without the extra. `pip check` sees what is missing.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes --no-deps --only-binary=:all: -r requirements/build.txt
RUN python -m venv /opt/pipeline \
    && /opt/pipeline/bin/python -m pip install --require-hashes --no-deps --only-binary=:all: -r requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY pipeline/ pipeline/
COPY sql/ sql/
COPY udf/ udf/
# Without its installer and with compiled modules: nothing is added later, and the file system may be read-only.
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/pipeline/bin/python -m pip install --no-deps --no-index dist/*.whl \
    && /opt/pipeline/bin/python -m pip check \
    && /opt/pipeline/bin/python -m pip uninstall --yes pip \
    && /opt/pipeline/bin/python -m compileall -q /opt/pipeline/lib

# What bundles and the ledger say of the code: the image holds no checkout.
ARG COMMIT=unknown
RUN printf '%s\n' "$COMMIT" >COMMIT

FROM ${PYTHON_IMAGE}
ARG COMMIT=unknown
ARG CODE_DIGEST=unknown
LABEL org.opencontainers.image.title="bigquery-batch-ml" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}" \
      code-digest="${CODE_DIGEST}"

COPY --from=build /opt/pipeline /opt/pipeline
# The project: what a job of one's own adds. Nobody but root may change it.
WORKDIR /app
COPY jobs/ jobs/
COPY sql/ sql/
COPY udf/ udf/
COPY targets/ targets/
COPY --from=build /build/COMMIT COMMIT

# Only /tmp is written to: bundles on their way, one at a time. With a read-only root file system, mount a tmpfs there.
# Freed memory of 1 MiB and more goes back to the machine at once: otherwise the peak of a phase is twice as high, and reading takes longer
# by a third of a second for a million rows of ten columns.
ENV PATH=/opt/pipeline/bin:$PATH \
    HOME=/tmp \
    TMPDIR=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ARROW_DEFAULT_MEMORY_POOL=system \
    MALLOC_MMAP_THRESHOLD_=1048576
# By number: a name that the image lacks would run as root.
USER 10001:10001

# Python itself is process 1, and gets SIGTERM: no shell stands between.
ENTRYPOINT ["pipeline"]
