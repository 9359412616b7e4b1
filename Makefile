# SPDX-License-Identifier: Apache-2.0
# Every target does all of its own set-up; what is already there is left alone. The work is in scripts/.

PRESET ?= dev
PYTHON_PACKAGES := $(CURDIR)/build/$(PRESET)/python_packages
VENV_PYTHON := .venv/bin/python
export PRESET

.DEFAULT_GOAL := help
.PHONY: help demo test test-cuda bench conformance lint docs build clean distclean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Install what is missing and build the compiler and the Python package
	@scripts/setup-system build $(if $(filter asan,$(PRESET)),sanitizers)
	@scripts/setup-python build run test
	@scripts/build

demo: build ## Train a small network on scanned digits, compile it, compare with eager and NumPy
	@scripts/setup-python torch demo
	@PYTHONPATH=$(PYTHON_PACKAGES) $(VENV_PYTHON) -m demo

test: build ## Run all tests: lit, then pytest (PRESET=asan: under the sanitizers)
	@scripts/setup-system test
	@scripts/setup-python torch cuda-tools conformance
	@scripts/test

test-cuda: ## Run the end-to-end tests on a GPU without the compiler (ARCHIVE=... made by scripts/test-cuda write)
	@scripts/test-cuda run $(ARCHIVE)

conformance: build ## Run ONNX's backend tests, torch's operator samples and whole models, and the end-to-end tests with many more programs
	@scripts/setup-python torch conformance
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.onnx
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.onnx --kind pytorch-converted
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.onnx --kind pytorch-operator
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.onnx.flipped_files
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.mlir.mangled_texts
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.jax
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.opinfo --most 16
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.opinfo --gradients
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.numpy
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.models
	@HYPOTHESIS_PROFILE=conformance scripts/test test/python/e2e

bench: build ## Measure beside other systems (BENCH="--quick --workload add"), results in bench/results
	@scripts/setup-python torch bench
	@mkdir -p bench/results
	@PYTHONPATH=$(PYTHON_PACKAGES) $(VENV_PYTHON) -m bench --json bench/results/latest.json $(BENCH)

lint: build ## Check format and types: clang-format, clang-tidy, ruff, mypy in one pre-commit run
	@scripts/setup-system lint
	@scripts/setup-python lint
	@.venv/bin/pre-commit run --all-files

docs: build ## Bring the pages in docs/generated up to date with TableGen and the front ends
	@scripts/build torsh-docs
	@PYTHONPATH=$(PYTHON_PACKAGES) $(VENV_PYTHON) scripts/onnx-coverage docs/generated/OnnxCoverage.md
	@PYTHONPATH=$(PYTHON_PACKAGES) $(VENV_PYTHON) scripts/torch-coverage docs/generated/TorchCoverage.md
	@PYTHONPATH=$(PYTHON_PACKAGES) $(VENV_PYTHON) scripts/numpy-coverage docs/generated/NumpyCoverage.md
	@PYTHONPATH=$(PYTHON_PACKAGES):test/python $(VENV_PYTHON) -m conformance.jax --table docs/generated/JaxCoverage.md

clean: ## Remove the builds
	rm -rf build

distclean: clean ## Remove the builds and the virtual environment
	rm -rf .venv
