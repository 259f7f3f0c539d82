# The one door to Selvage: `make help` lists what can be done. Only Go, make, git and the
# system's package manager need to be there; the rest is set up on the way.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO       ?= go
# nodynamic: the image codecs never load a shared library of the host, so that results
# do not depend on the machine.
TAGS     ?= nodynamic
FUZZTIME ?= 10s
COUNT    ?= 1
BENCH    ?= .
PKGS     ?= ./...

export CGO_ENABLED := 0

# Where this is no git checkout, or git refuses to read it, build without a VCS stamp.
VCS = $(shell git status --porcelain >/dev/null 2>&1 && echo true || echo false)
# Tools carry no stamp and no symbols: they are built once and only run.
TOOLBUILD = $(GO) build -trimpath -buildvcs=false -ldflags '-s -w'

S3SERVER := $(CURDIR)/bin/versitygw
S3ENV     = SELVAGE_REQUIRE_S3=1 SELVAGE_S3_SERVER=$(S3SERVER)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: setup-demo build ## the main job on real input: register, match, evidence, verify
	./bin/selvage demo

.PHONY: test
test: setup-test s3server ## vet and every test, with a real S3 server; no C compiler
	$(GO) vet -tags '$(TAGS)' $(PKGS)
	$(S3ENV) $(GO) test -vet=off -tags '$(TAGS)' -timeout 5m $(PKGS) # vetted above

.PHONY: outsiders
outsiders: setup-outsiders ## the checks by programs of others: Bouncy Castle, a browser, a plain shell
	SELVAGE_REQUIRE_JAVA=1 SELVAGE_REQUIRE_BROWSER=1 $(GO) test -tags '$(TAGS)' -count=1 -timeout 10m ./provenance ./provenance/verifiers

.PHONY: race
race: setup-test s3server ## the tests under the race detector (installs gcc)
	@tools/setup.sh --must gcc
	$(S3ENV) CGO_ENABLED=1 $(GO) test -race -tags '$(TAGS)' -timeout 20m $(PKGS)

.PHONY: lint
lint: bin/golangci-lint ## formatting, static analysis, import arrows
	bin/golangci-lint run --build-tags '$(TAGS)' $(PKGS)

.PHONY: build
build: ## bin/selvage and bin/selvage-verify, static
	@mkdir -p bin
	$(GO) build -trimpath -buildvcs=$(VCS) -tags '$(TAGS)' -o bin/ ./cmd/...

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s) each
	GO='$(GO)' TAGS='$(TAGS)' FUZZTIME='$(FUZZTIME)' tools/fuzz.sh

.PHONY: bench
bench: ## benchmarks: BENCH (.), COUNT (1), PKGS (./...)
	$(GO) test -tags '$(TAGS)' -run '^$$' -bench '$(BENCH)' -benchmem -count=$(COUNT) -timeout 60m $(PKGS)

.PHONY: hard
hard: build ## wrong accusations over 20 million pairs of generated pictures (HARD: flags)
	./bin/selvage bench hard --out bin/hard-pairs $(HARD)

.PHONY: test-s3
test-s3: s3server ## the object store's tests against a real S3 server
	$(S3ENV) $(GO) test -tags '$(TAGS)' -count=1 -timeout 5m -v ./store/s3objects/...

# Readers of C2PA by others, from npm; nothing of the product needs them.
C2PACHECK := $(CURDIR)/.cache/c2pa

.PHONY: c2pa
c2pa: $(C2PACHECK)/node_modules ## a stripped picture gets its manifest back, checked by c2pa-rs and c2pa-ts (npm)
	SELVAGE_C2PA_CHECK='$(C2PACHECK)' $(GO) test -tags '$(TAGS),c2pa' -run '^TestOthers' -count=1 -timeout 5m -v ./api

$(C2PACHECK)/node_modules: tools/c2pa/package-lock.json tools/c2pa/package.json tools/c2pa/check.mjs
	@tools/setup.sh --must node npm
	@mkdir -p '$(C2PACHECK)'
	cp tools/c2pa/* '$(C2PACHECK)'
	cd '$(C2PACHECK)' && npm install --no-save --omit=optional --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: crash
crash: ## kill -9 at 50 (KILLS) random moments of registering, then check everything
	@files=$$(grep -rlE --include='*_test.go' '^//go:build.*\bcrash\b' .); \
	tests=$$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' $$files /dev/null | paste -sd '|' -); \
	if [ -z "$$tests" ]; then echo 'crash: no test with the build tag crash' >&2; exit 1; fi; \
	dirs=$$(for f in $$files; do dirname "$$f"; done | sort -u); \
	set -x; $(GO) test -tags '$(TAGS),crash' -run "^($$tests)\$$" -count=1 -timeout 60m -v $$dirs $(if $(KILLS),-kills $(KILLS))

.PHONY: mutate
mutate: ## evidence bundles changed by the thousand, three verifiers (MUTATE: flags; hours)
	@tools/setup.sh --must openssl chromium dash
	$(GO) test -tags '$(TAGS)' -run 'BytesChanged' -count=1 -timeout 60m -v ./provenance -args -every 1
	$(GO) test -tags '$(TAGS),mutate' -run '^TestMutate$$' -count=1 -timeout 600m -v ./provenance/verifiers $(if $(MUTATE),-args $(MUTATE))

.PHONY: witness-race
witness-race: ## 20,000 (CALLS) racing add-checkpoint calls while witnesses are killed
	$(GO) test -tags '$(TAGS)' -run '^TestRacingAndKilled$$' -count=1 -timeout 60m -v ./provenance/witness -args -calls $(or $(CALLS),20000)

.PHONY: biglog
biglog: ## a log of 2,000,000 (LEAVES) entries: rate, proofs, restart, fsck, beside Tessera alone
	$(GO) test -tags '$(TAGS),biglog' -run '^TestBigLog$$' -count=1 -timeout 120m -v ./provenance/sequencer -args -leaves $(or $(LEAVES),2000000)

.PHONY: attack
attack: build ## fork, roll back, rewrite, drop: with 5 witnesses and a monitor as processes
	$(GO) test -tags '$(TAGS)' -run '^TestAttacks$$' -count=1 -timeout 30m -v ./provenance/sequencer -args -selvage $(CURDIR)/bin/selvage

.PHONY: generate
generate: bin/oapi-codegen ## generated code, from its sources
	PATH="$(CURDIR)/bin:$$PATH" $(GO) generate -tags '$(TAGS)' $(PKGS)

.PHONY: s3server
s3server: $(S3SERVER) ## the S3 server of the tests (minutes the first time)

.PHONY: ci
ci: ## what the build machine runs
	.ci/run

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache coverage.out

# The demo runs without these, with less to show.
.PHONY: setup-demo
setup-demo:
	@tools/setup.sh ffmpeg rsvg-convert

.PHONY: setup-outsiders
setup-outsiders:
	@tools/setup.sh --must openssl dash chromium bouncycastle

.PHONY: setup-test
setup-test:
	@tools/setup.sh openssl ffmpeg rsvg-convert tesseract pdftotext zbarimg

$(S3SERVER): tools/s3server/go.mod tools/s3server/go.sum
	@mkdir -p bin
	@echo 'building the S3 server of the tests, once: 2 to 5 minutes'
	cd tools/s3server && $(TOOLBUILD) -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw

bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	@mkdir -p bin
	@echo 'building the linter, once: 2 to 4 minutes'
	cd tools/lint && $(TOOLBUILD) -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/oapi-codegen: tools/oapi/go.mod tools/oapi/go.sum
	@mkdir -p bin
	cd tools/oapi && $(TOOLBUILD) -o ../../bin/oapi-codegen github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
