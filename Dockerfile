# One image for every process of the portal; compose.yaml says which runs what. docs/deploying.md tells the way.
FROM python:3.11.14-slim-bookworm AS packages
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /srv/portal/.venv \
 && /srv/portal/.venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt

FROM python:3.11.14-slim-bookworm
# pg_dump and pg_restore, of the version of the database in compose.yaml: manage.py backup uses them
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-15 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /srv/portal portal \
 && install -d -o portal -m 700 /data /backups
COPY --from=packages /srv/portal/.venv /srv/portal/.venv
COPY . /srv/portal
WORKDIR /srv/portal
ENV PATH=/srv/portal/.venv/bin:$PATH PORTAL_VAR_DIR=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER portal
EXPOSE 8000
VOLUME ["/data", "/backups"]
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=5)"]
CMD ["gunicorn", "portal.wsgi", "-b", "0.0.0.0:8000", "-k", "portal.runtime.web_worker.WebWorker", "-w", "2", "--threads", "8", "--timeout", "60", "--graceful-timeout", "9", "--no-control-socket"]
