# The verbs of this repository. `make help` lists them; each installs what it is missing.
#
# Builds take a lock on the repository's directory and test runs one on tests/, so that several calls at a time get in each
# other's way no more than necessary: nobody builds in a directory that somebody else builds in, and timing-sensitive tests
# do not compete with another run of themselves. Tests that need the machine for themselves say so in CTest (RUN_SERIAL).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build run test check quick browser worlds chaos deploys fuzz results fmt lint asan tsan bench bench-quick soak install package package-test image-test clean

JOBS ?= $(shell nproc)
DEVICES ?= 3
PREFIX ?= /usr/local
LISTEN ?=
RUN_SECONDS ?=
FUZZ ?=
FUZZ_SECONDS ?= 60
export DEVICES LISTEN RUN_SECONDS

RELEASE = -DCMAKE_BUILD_TYPE=Release -DPULSEGATE_SANITIZE=
# The dashboard page is the same for all of them, and so are its modules.
PAGE = -DPULSEGATE_PAGE_DIRECTORY=$(CURDIR)/build/web
# Debug: the assertions of broken invariants are part of what a sanitizer run looks for.
ASAN = $(PAGE) -DCMAKE_BUILD_TYPE=Debug -DPULSEGATE_SANITIZE=address,undefined
# Optimised, since unoptimised sanitizers only run slower; with the assertions.
FUZZERS = -DCMAKE_BUILD_TYPE=Debug -DPULSEGATE_SANITIZE=address,undefined -DPULSEGATE_FUZZERS=ON -DCMAKE_CXX_COMPILER=clang++
TSAN = $(PAGE) -DCMAKE_BUILD_TYPE=Debug -DPULSEGATE_SANITIZE=thread
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1 second_deadlock_stack=1

# $(call compile,directory,CMake options,target)
compile = flock --close . bash -euc 'cmake -S . -B $(1) -G Ninja --log-level=NOTICE $(2) && cmake --build $(1) -j $(JOBS) --target $(3)'

# $(call run_tests,directory,CTest options)
run_tests = flock --close tests ctest --test-dir $(1) --output-on-failure --no-tests=error -j $(JOBS) $(2)

# The sanitizers of GCC 12 cannot lay out their shadow memory when the kernel randomises addresses by more than 28 bits.
# Containers may forbid to switch that off; there they mostly run as they are.
fixed_addresses = $$(setarch -R true 2>/dev/null && echo setarch -R || true)

SOURCES = find proto bus storage gateway tests -name '*.hpp' -o -name '*.cpp'

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

deps: ## Install the missing Debian packages for building, running and testing
	@deploy/install-packages build run test

build: ## Build build/pulsegate in release mode
	@deploy/install-packages build
	@$(call compile,build,$(RELEASE),pulsegate)

run: build ## Serve this host's metrics: private Redis and PostgreSQL, publisher, gateway (LISTEN=host:port DEVICES=3)
	@deploy/install-packages run
	@exec /usr/bin/python3 -B deploy/demo/run.py

# $(call fuzz,seconds,targets): empty for all of them.
fuzz = flock --close tests tests/fuzz/run --build build/fuzz --seconds $(1) --jobs $(JOBS) --results build/results $(2)

test: deps ## Every tier: release, address and undefined sanitizers, thread sanitizer, fuzzers for 5 s each (30 minutes)
	@rm -rf build/results
	@echo "== Release build"
	@$(call compile,build,$(RELEASE),all)
	@echo "== Tests of the release build"
	@$(call run_tests,build)
	@echo "== Build with AddressSanitizer and UndefinedBehaviorSanitizer"
	@$(call compile,build/asan,$(ASAN),sanitizer_tier)
	@echo "== Unit and integration tests under sanitizers"
	@$(fixed_addresses) $(call run_tests,build/asan,-L '^(unit|integration)$$')
	@echo "== Build with ThreadSanitizer"
	@$(call compile,build/tsan,$(TSAN),two_shard_tier)
	@echo "== Unit and two-shard tests under ThreadSanitizer"
	@$(fixed_addresses) $(call run_tests,build/tsan,-L '^(unit|two_shards)$$')
	@deploy/install-packages fuzz
	@echo "== Build of the fuzz targets"
	@$(call compile,build/fuzz,$(FUZZERS),fuzzers)
	@echo "== Fuzz targets, 5 s each"
	@$(fixed_addresses) $(call fuzz,5)
	@echo "== What this run has shown"
	@tests/results build/results

check: test tsan chaos package-test image-test browser ## All that takes longer: test, all under the thread sanitizer, chaos, package and image, the page, 100 000 connections, fuzz
	@echo "== 100 000 clients that come and go"
	@PULSEGATE_TEST_CYCLES=100000 $(call run_tests,build,-C churn -L churn)
	@$(MAKE) --no-print-directory fuzz
	@tests/results build/results

fuzz: deps ## Each fuzz target for a minute, side by side (FUZZ='session command' FUZZ_SECONDS=60)
	@deploy/install-packages fuzz
	@$(call compile,build/fuzz,$(FUZZERS),fuzzers)
	@$(fixed_addresses) $(call fuzz,$(FUZZ_SECONDS),$(FUZZ))

results: ## Write what the last runs have shown into the table of tests/README.md
	@tests/results --write build/results

quick: deps ## What to run before a commit: formatting, release build, unit and style tests
	@deploy/install-packages lint
	@$(SOURCES) | xargs -r clang-format --dry-run -Werror
	@$(call compile,build,$(RELEASE),all)
	@$(call run_tests,build,-L '^(unit|style)$$')

fmt: ## Format the C++ sources in place
	@deploy/install-packages lint
	@$(SOURCES) | xargs -r clang-format -i

lint: ## Run clang-tidy over the C++ sources
	@deploy/install-packages build lint
	@flock --close . cmake -S . -B build -G Ninja --log-level=NOTICE $(RELEASE)
	@run-clang-tidy -quiet -p build -j $(JOBS) '/(proto|bus|storage|gateway|tests)/.*\.cpp$$'

asan: deps ## Unit and integration tests under AddressSanitizer and UndefinedBehaviorSanitizer, in build/asan
	@$(call compile,build/asan,$(ASAN),sanitizer_tier)
	@$(fixed_addresses) $(call run_tests,build/asan,-L '^(unit|integration)$$')

tsan: deps ## Unit and integration tests, these also with two shards, under ThreadSanitizer, in build/tsan
	@$(call compile,build/tsan,$(TSAN),all)
	@$(fixed_addresses) $(call run_tests,build/tsan,-L '^(unit|integration|two_shards)$$')

# Measurements take the lock of the test runs: the two would falsify each other.
# $(call measure,options of tests/bench/run)
measure = flock --close tests /usr/bin/python3 -B tests/bench/run --build build $(1)

browser: deps ## The dashboard page in Chromium, its wall for two minutes; pictures in build/browser/screenshots (4 minutes)
	@$(call compile,build,$(RELEASE),pulsegate)
	@PULSEGATE_BROWSER_RUN=full PULSEGATE_RESULTS=$(CURDIR)/build/results $(call run_tests,build,-R 'integration\.browser' -V)

worlds: deps ## Random worlds of clients that come back, against two replicas (PULSEGATE_TEST_SEED=…)
	@$(call compile,build,$(RELEASE),all)
	@$(call run_tests,build,-L worlds)

chaos: deps ## Faults and hostile clients under 1 000 clients; writes the table of tests/README.md (6 minutes)
	@$(call compile,build,$(RELEASE),all)
	@PULSEGATE_BINARY=build/pulsegate PULSEGATE_CHAOS=full PULSEGATE_CHAOS_TABLE=build/chaos.md \
	  flock --close tests timeout --kill-after=30 900 build/tests/chaos/chaos --log_level=test_suite --color_output=no
	@tests/results --write-chaos build/chaos.md

deploys: deps ## Rolling restart and kill -9 of three replicas behind haproxy: 2000 clients, 2000 events a second (2 minutes)
	@$(call compile,build,$(RELEASE),all)
	@PULSEGATE_DEPLOYS=full $(call run_tests,build,-R 'integration\.deploys' -V) | grep --line-buffered -E ': (replica|published|killed) |: error:|\*\*\* |tests (passed|failed)'

bench: deps ## Measure everything beside floors and peers; writes the table of tests/bench/README.md (35 minutes)
	@deploy/install-packages bench
	@$(call compile,build,$(RELEASE),all)
	@$(call measure,)

bench-quick: deps ## The most telling measurements once, printed only (2 minutes)
	@deploy/install-packages bench
	@$(call compile,build,$(RELEASE),all)
	@$(call measure,--quick)

soak: deps ## Ten minutes of clients that come and go: memory must stay flat and nothing be lost
	@$(call compile,build,$(RELEASE),all)
	@$(call measure,--soak)

install: build ## Install the program, its unit and its configuration (PREFIX=/usr/local DESTDIR=)
	@cmake --install build --prefix $(PREFIX)

package: ## Make the Debian package build/package/pulsegate_….deb
	@deploy/install-packages build package
	@$(call compile,build,$(RELEASE),pulsegate)
	@flock --close . bash -euc 'cd build && rm -rf package && cpack -G DEB >package.log || { cat package.log; exit 1; }'
	@ls build/package/*.deb

package-test: package ## Install the package in a bare Debian and run the service there (1 minute, root)
	@deploy/install-packages run image
	@tests/package/run build/package/*.deb

image-test: ## Build deploy/Dockerfile with buildah, and run what is in the image (root; compiles everything)
	@deploy/install-packages run image
	@tests/package/image

clean: ## Remove build/, unless a demo is running in it
	@for run in build/run/*/; do \
	  [[ ! -d $$run ]] || flock -n "$$run" true || { echo "A demo is running in $$run: end it first." >&2; exit 1; }; \
	done
	@flock --close . rm -rf build
