# Everything a person or a CI machine asks of this repository. `make help` lists it.
#
# PRESET=debug make build      another preset of CMakePresets.json
# PYTEST="-k cli" make test    arguments for pytest

PRESET ?= release
DATA ?= ./data
LISTEN ?= 127.0.0.1:9797
PYTEST ?=
JOBS ?= $(shell nproc)
SHELL := /bin/bash

python := .venv/bin/python
requirements := $(wildcard test/requirements*.txt)
setup_stamp := .venv/setup-stamp
# Looked for when used: setup may install it.
launcher = $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
sources = $(shell git ls-files --cached --others --exclude-standard '*.h' '*.cc')

.PHONY: help setup setup-app setup-rivals setup-spark setup-check setup-fuzz build run test demo bench \
        bench-rivals soak format check \
        asan tsan fuzz clean

help:  ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup:  ## Install what is missing: packages, libraries, .venv
	@tools/setup.sh base
	@touch $(setup_stamp)

$(setup_stamp): tools/setup.sh $(requirements)
	@tools/setup.sh base
	@touch $@

setup-app:  ## Install Prometheus and node_exporter for the application test (no services)
	@tools/setup.sh app

setup-spark:  ## Install PySpark for the reader tests, if Java 17 is there (a 450 MB download)
	@tools/setup.sh spark

setup-rivals:
	@tools/setup.sh rivals

setup-check:
	@tools/setup.sh check

setup-fuzz:
	@tools/setup.sh fuzz

build: $(setup_stamp)  ## Build build/release/larnax
	@cmake --preset $(PRESET) $(launcher) $(if $(VERBOSE),,--log-level=WARNING)
	@cmake --build --preset $(PRESET) -j $(JOBS)

run: build  ## Install, build, and serve the archive in ./data
	@tools/next_steps.sh $(LISTEN) $(DATA)
	@exec build/$(PRESET)/larnax serve --data $(DATA) --listen $(LISTEN)

test: build  ## Install, build, and pass every test
	@$(python) tools/run_tests.py --preset $(PRESET) --jobs $(JOBS) -- $(PYTEST)

demo: setup-app build  ## Fill the archive from Debian's Prometheus and node_exporter
	@PRESET=$(PRESET) DATA=$(DATA) LISTEN=$(LISTEN) tools/demo.sh

bench: $(setup_stamp)  ## Run the benchmarks, results in build/bench/results
	@cmake --preset bench $(launcher) --log-level=WARNING
	@cmake --build --preset bench -j $(JOBS)
	@tools/run_benches.sh build/bench

bench-rivals: setup-rivals build  ## Measure beside Prometheus and VictoriaMetrics (SHORT=1: a minute)
	@$(python) bench/rivals.py --build build/$(PRESET) $(if $(SHORT),--short) \
	  $(if $(PROMETHEUS),--prometheus $(PROMETHEUS)) \
	  $(if $(VICTORIA_METRICS),--victoria-metrics $(VICTORIA_METRICS)) $(RIVALS)
	@$(python) bench/queries.py --build build/$(PRESET) $(if $(SHORT),--short) \
	  $(if $(PROMETHEUS),--prometheus $(PROMETHEUS)) \
	  $(if $(VICTORIA_METRICS),--victoria-metrics $(VICTORIA_METRICS)) $(RIVALS)

soak: build  ## The long tests: simulated lives, kills, overload, queries beside Prometheus
	@build/$(PRESET)/larnax-sim --seeds $${LARNAX_SEEDS:-1..2000}
	@LARNAX_DIFFERENTIAL=$${LARNAX_DIFFERENTIAL:-10000} $(python) -m pytest -c test/pytest.ini \
	  test/promql --larnax-build build/$(PRESET) --timeout 3600 $(PYTEST)
	@LARNAX_KILLS=$${LARNAX_KILLS:-100} $(python) -m pytest -c test/pytest.ini test/app/kill_test.py \
	  --larnax-build build/$(PRESET) $(PYTEST)
	@LARNAX_OVERLOAD=$${LARNAX_OVERLOAD:-60} $(python) -m pytest -s -c test/pytest.ini \
	  test/app/overload_test.py --larnax-build build/$(PRESET) $(PYTEST)

format: setup-check  ## Format all C++ sources
	@clang-format-19 -i $(sources)

check: setup-check build  ## Formatting, layers, symbols, limits, links, lone headers, benchmarks
	@clang-format-19 --dry-run --Werror $(sources)
	@$(python) tools/check_layers.py
	@$(python) tools/check_symbols.py build/$(PRESET)
	@$(python) tools/check_limits.py
	@$(python) tools/check_docs.py
	@cmake --build --preset $(PRESET) -j $(JOBS) \
	  --target all_verify_interface_header_sets larnax_benches

asan: $(setup_stamp)  ## Build with AddressSanitizer and UBSan and pass every test
tsan: $(setup_stamp)  ## Build with ThreadSanitizer and pass every test
asan tsan:
	@cmake --preset $@ $(launcher) --log-level=WARNING
	@cmake --build --preset $@ -j $(JOBS)
	@LARNAX_TEST_PATIENCE=600 $(python) tools/run_tests.py --preset $@ --jobs $(JOBS) -- \
	  --timeout 3000 $(PYTEST)

fuzz: $(setup_stamp) setup-fuzz  ## Run each fuzz target for FUZZ_SECONDS=60 (FUZZ="record page": only these)
	@cmake --preset fuzz $(launcher) --log-level=WARNING
	@cmake --build --preset fuzz -j $(JOBS) --target larnax_fuzzers
	@tools/run_fuzzers.sh build/fuzz $(or $(FUZZ_SECONDS),60) $(FUZZ)

clean:  ## Remove what was built (not .venv, not data)
	rm -rf build
