# Two commands matter: `make demo` and `make test`. Each does its own set-up.
CONDA := --pyproject pyproject.toml --extra demo --extra lab-zh --python-include infer --name quick-audience-workbench --no-header

.PHONY: help demo test test-long bench bench-report lint lab dashboards lock clean
.DEFAULT_GOAL := help

help:  ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo:  ## a year of real customers, from files to executed notebooks
	@.ci/setup
	@.venv/bin/qa demo

test: ## everything: lint, types, library, notebooks, browser side, browser
	@.ci/setup browser
	@.ci/test

test-long: ## at full size: kill tests on SQLite and Postgres; rules, tags and identity on Spark itself
	@.ci/setup long
	@.venv/bin/python -m pytest -m long -n 2 -s

bench: ## every benchmark at tier S, against its peers; 3 when a bar falls short
	@.ci/setup bench
	@status=0; for file in tests/benchmarks/bench_*.py; do name=$${file##*/bench_}; \
	  .venv/bin/qa bench $${name%.py} || status=$$?; done; exit $$status

bench-report: ## measure again (TIER=S, M or L; ONLY=name), and write the README's and the docs' tables
	@.ci/setup bench
	@.venv/bin/qa bench $(ONLY) --report --tier $(or $(TIER),S)

lint:  ## ruff and mypy
	@.ci/setup
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

lab:  ## JupyterLab on the notebooks
	@.ci/setup
	@.venv/bin/qa lab

dashboards:  ## Voila on the dashboards
	@.ci/setup
	@.venv/bin/qa dashboards

lock:  ## write requirements.lock and environment.yml from pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --extra demo --extra dev --extra lab-zh --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --python-version 3.11 --generate-hashes --extra bench -c requirements.lock --no-header pyproject.toml -o requirements-bench.lock
	.venv/bin/python -m pyproject2conda yaml $(CONDA) > environment.yml

clean: ## remove what was built and landed (not the environment)
	rm -rf data/raw data/workspace data/synthetic-* data/runs qa_lib/widgets/static widgets/node_modules
