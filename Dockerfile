# equal-assets: `docker build -t equal-assets .`, or `docker compose up`.
# docs/operating.md says how it is used.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY equal_assets ./equal_assets
COPY sql ./sql
RUN python3 -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
# the index of PyTorch's builds for the CPU, as its site names it; empty: PyPI's build, with 4 GB of CUDA
ARG TORCH_INDEX=
ARG EXTRAS=files,languages,llama-cpp,otel,postgres
COPY constraints.txt /tmp/constraints.txt
RUN python3 -m venv /opt/equal \
 && /opt/equal/bin/python -m pip install --no-cache-dir --constraint /tmp/constraints.txt \
      ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} torch
COPY --from=build /wheels /tmp/wheels
RUN /opt/equal/bin/python -m pip install --no-cache-dir --constraint /tmp/constraints.txt \
      "$(echo /tmp/wheels/*.whl)[${EXTRAS}]" \
 && rm -r /tmp/wheels /tmp/constraints.txt
COPY deploy/dagster.yaml /dagster/dagster.yaml

# the project is mounted at /project; what is stored goes to /state
RUN useradd --create-home --uid 1000 equal \
 && mkdir --parents /project /state \
 && chown equal: /dagster /project /state
USER equal
WORKDIR /project
ENV PATH=/opt/equal/bin:$PATH \
    EQUAL_HOME=/state \
    HF_HOME=/state/huggingface
VOLUME /state
EXPOSE 3000 5000 9464
ENTRYPOINT ["equal"]
CMD ["ui", "--host", "0.0.0.0"]
