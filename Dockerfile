# One image for every Airflow service: the code is part of it, so that a score's code version is the image.
# The lock holds every package with its hash; nothing is resolved while building.
# `make image-pins` prints the digests behind these names for .env: a name may mean another image tomorrow.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# requirements-cloud.lock adds the providers of the large clouds, Vault and Kubernetes.
ARG REQUIREMENTS=requirements.lock
RUN pip install --no-cache-dir uv==0.9.9
COPY docker/${REQUIREMENTS} /tmp/requirements.lock
# Compiled while building: the first import of Airflow is slow enough.
RUN uv venv /opt/venv \
    && uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode --require-hashes -r /tmp/requirements.lock

FROM ${PYTHON_IMAGE}
# libgomp: LightGBM's threads. curl: health checks. dumb-init: signals reach the process, children are reaped.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 curl dumb-init \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PYTHONPATH=/opt/airflow/include:/opt/airflow/plugins \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    OMP_NUM_THREADS=1 \
    GX_ANALYTICS_ENABLED=false
WORKDIR /opt/airflow
COPY --chown=airflow:0 dags dags
COPY --chown=airflow:0 plugins plugins
COPY --chown=airflow:0 include include
COPY --chown=airflow:0 docker/init.sh docker/cleanup.sh docker/
# An empty airflow.cfg: without one the first command writes its whole environment, passwords included, into a new one.
RUN touch airflow.cfg && mkdir -p /opt/airflow/logs /data \
    && chown -R airflow:0 /opt/airflow /data && chmod -R g=u /opt/airflow /data \
    && python -m compileall -q dags plugins include
USER airflow
ENTRYPOINT ["dumb-init", "--", "airflow"]
CMD ["version"]
