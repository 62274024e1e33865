# `make` lists the targets. Everything runs in .venv, which the first target that needs it creates.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-all test test-slow check lint types format bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## create .venv with everything that the commands use, pinned
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/install.sh

setup-dev: ## the same with everything that tests and checks use
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash scripts/install.sh dev

demo: setup ## render videos, train VideoCLIP, answer text queries, write runs/demo/report.html
	@$(BIN)/python -m mmpt_cli.demo

demo-all: setup ## run VideoCLIP and VLM through all their tasks and print one table
	@$(BIN)/python -m mmpt_cli.demo_all

# In the order of their names: by their number of tests, the one that trains the whole demo would come last.
test: setup-dev ## run the whole test suite
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-slow: setup-dev ## run the slow tier (real epochs)
	@$(BIN)/python -m pytest -m slow

lint: setup-dev ## check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-dev ## check type hints
	@$(BIN)/mypy

check: lint types test ## everything a change must pass

format: setup-dev ## rewrite files in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup-dev ## measure speed and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.costs

clean: ## remove .venv, runs and demo data
	rm -rf $(VENV) data/demo data/demo_all runs/demo runs/demo_all runs/demo_videoclip runs/demo_vlm
	rm -rf projects/demo projects/demo_videoclip projects/demo_vlm
