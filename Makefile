# Everything that is done to Espalier from a shell. Go, git and make are all
# that build, quickstart and test need; `make` lists the targets.

.DEFAULT_GOAL := help
SHELL         := /bin/sh
.SHELLFLAGS   := -eu -c

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ROOMS   := cmd workers workflows activities config models
PKGS    := $(ROOMS:%=./%/...)

# Without cgo the program needs no C compiler and the binary no libraries;
# OpenBLAS is opened at run time all the same. The version is asked of git
# above, so that a checkout that git distrusts still builds. Targets share what
# they compile only as long as these two and the build flags stay the same.
export CGO_ENABLED ?= 0
export GOFLAGS     ?= -buildvcs=false

# The linters have a module of their own, so that their dependencies are none
# of Espalier's.
TOOL := $(GO) tool -modfile=.ci/tools/go.mod

# MinIO is the real server that the tests of the S3 store run against. It is a
# program beside ours (AGPL), built from its source at this commit into the
# user's cache, where the tests look for it.
MINIO_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c
CACHE         := $(or $(XDG_CACHE_HOME),$(if $(filter Darwin,$(shell uname -s)),$(HOME)/Library/Caches,$(HOME)/.cache))
MINIO         := $(CACHE)/espalier/minio-$(MINIO_VERSION)/minio

# ONNX Runtime (MIT) runs the exported files in tests, from an npm package that
# has the CPU library in it; its install script would only add CUDA's.
ORT_VERSION := 1.22.0
ORT         := $(CACHE)/espalier/onnxruntime-node-$(ORT_VERSION)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | \
		while IFS='#' read -r target what; do printf '%-24s %s\n' "$$target" "$$what"; done

.PHONY: build
build: ## build bin/espalier
	$(GO) build -ldflags "-X main.version=$(VERSION)" -o bin/espalier ./cmd/espalier

.PHONY: quickstart
quickstart: build ## build, then train and prune LeNet-300-100 on the built-in digits
	bin/espalier run examples/quickstart.yaml

.PHONY: test
test: vet lint unit ## all fast tests, go vet and the linters

.PHONY: unit
unit: ## all fast tests and nothing else
	$(GO) test -vet=off -timeout 15m $(PKGS)

.PHONY: test-long
test-long: ## all tests, the long ones too
	$(GO) test -vet=off -tags long -timeout 120m $(PKGS)

.PHONY: test-race
test-race: ## all fast tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -vet=off -race -timeout 40m $(PKGS)

.PHONY: vet
vet: ## go vet
	$(GO) vet $(PKGS)

.PHONY: lint
lint: gofmt staticcheck revive workflowcheck ## the four linters; make -k lint runs all after a fault

.PHONY: gofmt
gofmt:
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l $(ROOMS)); \
		if [ -n "$$unformatted" ]; then echo "gofmt -w is due on: $$unformatted" >&2; exit 1; fi

# staticcheck reads every dependency once, Temporal's server too; a lazy
# collector saves most of that time.
.PHONY: staticcheck
staticcheck:
	GOGC=400 $(TOOL) staticcheck $(PKGS)

.PHONY: revive
revive:
	$(TOOL) revive -config .ci/revive.toml -set_exit_status $(PKGS)

.PHONY: workflowcheck
workflowcheck:
	$(TOOL) workflowcheck ./workflows/...

# The database is a module, so that no other network than a module proxy is
# needed, and the same sources give the same answer. Of the binary, because
# reading the sources of Temporal's server takes minutes and gigabytes.
.PHONY: vuln
vuln: build ## known vulnerabilities in bin/espalier, but for those in .ci/vulndb/accepted
	@mkdir -p .cache
	@if ! $(GO) -C .ci/vulndb mod download golang.org/x/vulndb; then \
		echo "vuln: the vulnerability database is out of reach; nothing was checked" >&2; exit 0; fi; \
	db=$$($(GO) -C .ci/vulndb list -m -f '{{.Dir}}' golang.org/x/vulndb); \
	$(TOOL) govulncheck -mode binary -db "file://$$db/data/osv" bin/espalier >.cache/vuln.txt || [ $$? = 3 ]; \
	awk 'NR == FNR { known[$$1] = 1; next } /^Vulnerability #/ { if ($$3 in known) n++; else { print "vuln: " $$3; bad = 1 } } \
		END { print n+0 " known and accepted; the whole of it is in .cache/vuln.txt"; exit bad }' .ci/vulndb/accepted .cache/vuln.txt

.PHONY: licences
licences: ## the licences of all modules that are linked
	$(GO) test -vet=off ./cmd/espalier -run '^TestLicences' -count 1 -v

.PHONY: cover
cover: ## share of the code that the fast tests run, by function
	@mkdir -p .cache
	$(GO) test -vet=off -timeout 30m -coverpkg=./... -coverprofile=.cache/cover.out $(PKGS)
	$(GO) tool cover -func=.cache/cover.out

.PHONY: bench
bench: ## all benchmarks, in Go's format
	$(GO) test -vet=off -run '^$$' -bench . -benchmem -timeout 60m $(PKGS)

NETS ?= lenet-300-100,lenet-5,resnet-20,vgg-16-bn

.PHONY: bench-pytorch
bench-pytorch: ## speed and memory beside PyTorch's in one run, of NETS (needs python3-torch)
	$(GO) test -vet=off ./models/engine/gorgonia -run '^TestSideBySide$$' -count 1 -v -timeout 30m -sidebyside -nets $(NETS)

DATA     ?= examples/data
HOME_DIR ?= .cache/reproduce
ONLY     ?=
SEEDS    ?=

REPRODUCE := $(GO) run ./cmd/reproduce -data $(DATA) -home $(HOME_DIR) -only '$(ONLY)' -seeds '$(SEEDS)'

.PHONY: reproduce
reproduce: build ## run the papers' experiments (ONLY, SEEDS) on the data in DATA, and write docs/reproduction.md
	$(REPRODUCE)

.PHONY: reproduce-bench
reproduce-bench: build ## how fast the networks of make reproduce are; the machine should have nothing else to do
	$(REPRODUCE) -bench

FAULTS ?= 500
SEED   ?= 1
CLOCK  ?=

# With CLOCK=1 a second program is built in which package time adds jumps to
# the wall clock, as CHAOS_CLOCK says; it compiles everything anew.
.PHONY: chaos
chaos: build $(if $(CLOCK),bin/espalier-clocked) ## a sweep under FAULTS (500) random faults drawn from SEED; writes docs/reliability.md (CLOCK=1: clock jumps too)
	$(GO) run ./cmd/chaos -faults $(FAULTS) -seed $(SEED) $(if $(CLOCK),-clocked bin/espalier-clocked) -page docs/reliability.md

bin/espalier-clocked: FORCE
	$(GO) run ./cmd/chaos/clock .cache/clock
	$(GO) build -overlay .cache/clock/overlay.json -o $@ ./cmd/espalier

.PHONY: FORCE
FORCE:

FUZZTIME ?= 30s

# Code that works side by side is covered otherwise each time, on which Go would
# spend the time with making inputs smaller.
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (30s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $(ROOMS) | \
		sed 's|^\(.*\)/[^/]*:func \(.*\)|\1 \2|' | sort -u | \
		while read -r folder target; do \
			echo "== ./$$folder $$target"; \
			$(GO) test -vet=off "./$$folder" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 0x || exit 1; \
		done

.PHONY: histories
histories: ## record the workflow histories of the replay tests anew
	$(GO) test -vet=off ./cmd/espalier -run '^TestRecordHistories' -count 1 -v -timeout 15m -record-histories

.PHONY: minio
minio: $(MINIO) ## build the real MinIO server of the S3 tests, once

$(MINIO):
	GOBIN=$(@D) $(GO) install github.com/minio/minio@$(MINIO_VERSION)

.PHONY: onnxruntime
onnxruntime: $(ORT)/node_modules/onnxruntime-node ## install the ONNX Runtime of the export tests, once (needs node and npm)

$(ORT)/node_modules/onnxruntime-node:
	mkdir -p $(ORT)
	npm install --prefix $(ORT) --ignore-scripts --no-audit --no-fund onnxruntime-node@$(ORT_VERSION)

# The page of the dashboard is committed as built, so that Go alone builds
# Espalier; these are for whoever changes it.
UI      := workers/ui/web
UI_DEPS := $(UI)/node_modules/.package-lock.json
CHROMIUM ?= /usr/bin/chromium

$(UI_DEPS): $(UI)/package.json $(UI)/package-lock.json
	npm ci --prefix $(UI)

.PHONY: ui
ui: $(UI_DEPS) ## build the dashboard's page (needs node and npm)
	cd $(UI) && npm run --silent check && npm run --silent build

.PHONY: check-ui
check-ui: $(UI_DEPS) ## whether the dashboard's page as committed is what its sources give
	@rm -rf .cache/ui && mkdir -p .cache/ui
	cd $(UI) && npm run --silent check && npm run --silent build -- $(CURDIR)/.cache/ui
	@diff -r .cache/ui $(UI)/dist || { echo "check-ui: the page is not what its sources give; make ui is due" >&2; exit 1; }

.PHONY: test-ui
test-ui: build $(UI_DEPS) ## drive the dashboard's page through Chromium (CHROMIUM, /usr/bin/chromium)
	cd $(UI) && npm run --silent check && CHROMIUM=$(CHROMIUM) npm run --silent test

.PHONY: screenshots
screenshots: build $(UI_DEPS) ## take the pictures of the dashboard in docs (minutes, needs Chromium)
	cd $(UI) && CHROMIUM=$(CHROMIUM) npm run --silent screenshots

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin .cache
