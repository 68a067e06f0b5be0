# Every target makes the environment it needs; `make help` lists them.
#   make PYTHON=/path/to/python3.11 ...   another Python (3.10 or newer)
#   make test PYTEST_ARGS='-k losses'     other arguments for pytest
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
UPSTREAM := .venv-openmmlab
PYTHON ?=
# Two processes of one thread each: a tiny network gains nothing by threads.
PYTEST_OPTIONS := -x -q -n 2 --dist loadfile --durations=10
PYTEST_ARGS ?= $(PYTEST_OPTIONS) tests projects
SLOW := slow and not campaign and not tutorial
# What runs on OpenMMLab.
HOSTED := $(addprefix tests/,faults test_cli test_compat.py test_compat_checkpoints.py \
	test_configs.py test_datasets test_docs.py test_doctor test_engine test_evaluation \
	test_inference test_models test_pipeline test_pseudo_labels test_tiles \
	test_tracking.py test_converters/test_seeds_evaluate.py) projects
export PYTHON

DEMO_DATA := data/demo
DEMO_CAM := configs/demo/hsc_demo.py
DEMO_BASELINE := configs/demo/cam_demo.py
DEMO_SEG := configs/demo/deeplabv3plus_demo-pseudo.py
SMOKE := train_cfg.max_iters=10 train_cfg.val_interval=10

INPUTS := setup.py hsc_mm/version.py
# A copied or moved folder keeps its stamp, but not a working environment.
MOVED = $(if $(filter $(CURDIR),$(shell cat $(1)/.ready 2>/dev/null)),,FORCE)

.PHONY: help setup test test-slow tutorials faults lint fix demo demo-smoke picture notebooks docs \
	test-openmmlab clean distclean FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' \
		$(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.ready ## make .venv and install everything into it
	@echo 'hsc_mm: ready. Activate it: source $(BIN)/activate'

test: $(VENV)/.ready ## run the quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: $(VENV)/.ready ## run the tests that take longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
		-m '$(SLOW)' $(PYTEST_ARGS)

tutorials: $(VENV)/.ready ## run README's and the tutorials' commands, in small
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_OPTIONS) \
		-m tutorial tests

faults: $(VENV)/.ready ## try every fault, write the table in docs/reliability.md
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/faults \
		-m 'campaign or not campaign' --faults-report docs/reliability.md

lint: $(VENV)/.ready ## check style, types and spelling
	$(BIN)/ruff check .
	$(BIN)/mypy
	git ls-files -z --cached --others --exclude-standard \
		| xargs -0 "$(CURDIR)/$(BIN)/codespell"

fix: $(VENV)/.ready ## let the linter repair what it can
	$(BIN)/ruff check --fix .

demo: $(VENV)/.ready ## HSC and plain CAM on generated pictures, on a CPU
	$(BIN)/python tools/make_demo_data.py --out $(DEMO_DATA)
	$(BIN)/python tools/pipeline.py $(DEMO_CAM) $(DEMO_SEG) \
		--baseline $(DEMO_BASELINE) --work-dir work_dirs/demo

# In another folder: configs name data/demo relative to where they are run.
demo-smoke: $(VENV)/.ready ## the same on a few pictures, a check that it runs
	@d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && cd "$$d" && \
	python="$(CURDIR)/$(BIN)/python" && \
	"$$python" "$(CURDIR)/tools/make_demo_data.py" --out $(DEMO_DATA) \
		--train 24 --val 8 && \
	"$$python" "$(CURDIR)/tools/pipeline.py" "$(CURDIR)/$(DEMO_CAM)" \
		"$(CURDIR)/$(DEMO_SEG)" --work-dir work_dirs/demo \
		--baseline "$(CURDIR)/$(DEMO_BASELINE)" \
		--cam-options $(SMOKE) --seg-options $(SMOKE) && \
	echo 'hsc_mm: the demo runs. Its files were removed, and ten iterations' \
		'say nothing about scores: make demo keeps both'

FIGURES := $(BIN)/python -m hsc_mm figures $(DEMO_CAM) $(DEMO_SEG) \
	--baseline $(DEMO_BASELINE) --work-dir work_dirs/demo
define picture_of
$(BIN)/python -c 'from PIL import Image; \
	grid = Image.open("build/$(1)/grid.png").convert("RGB"); \
	grid.thumbnail((1062, 1140)); \
	grid.save("docs/images/$(2).jpg", quality=88)'
endef

picture: $(VENV)/.ready ## redraw README's picture and the failures from make demo's work folder
	$(FIGURES) --out build/figures
	$(FIGURES) --worst --out build/failures
	$(call picture_of,figures,demo)
	$(call picture_of,failures,failures)

notebooks: $(VENV)/.docs ## run docs/notebooks again and keep their outputs
	OMP_NUM_THREADS=1 $(BIN)/python docs/site/notebooks.py

docs: $(VENV)/.docs ## build the documentation site in build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs -q build --strict
	@echo 'hsc_mm: open build/docs/index.html; no server is needed'

test-openmmlab: $(UPSTREAM)/.ready ## run what touches it with upstream OpenMMLab
	OMP_NUM_THREADS=1 $(UPSTREAM)/bin/python -m pytest \
		$(PYTEST_OPTIONS) $(HOSTED)
	OMP_NUM_THREADS=1 $(UPSTREAM)/bin/python -m pytest -m '$(SLOW)' \
		$(PYTEST_OPTIONS) tests/test_models tests/test_traces.py

clean: ## remove caches and build folders, not data or environments
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache hsc_mm/.mim
	find . \( -name '.venv*' -o -name .git \) -prune -o \
		-name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environments too
	rm -rf $(VENV) $(UPSTREAM)

$(VENV)/.ready: requirements/constraints.txt $(INPUTS) $(call MOVED,$(VENV))
	@.ci/make_env.sh $(VENV) onedl requirements/constraints.txt

$(VENV)/.docs: $(VENV)/.ready
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"hsc_mm: make docs needs Python 3.11 or newer")'
	$(BIN)/python -m pip install -q --constraint requirements/constraints.txt \
		--no-build-isolation --editable '.[docs]'
	@touch $@

$(UPSTREAM)/.ready: requirements/constraints-openmmlab.txt $(INPUTS) \
		$(VENV)/.ready $(call MOVED,$(UPSTREAM))
	@.ci/make_env.sh $(UPSTREAM) openmmlab \
		requirements/constraints-openmmlab.txt $(VENV)
