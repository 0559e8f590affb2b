# The targets a newcomer needs: demo, test, lint, bench, build, image.
# Nothing here needs more than Go and make, but for `test`, which installs redis-server and git by apt-get
# where they are missing and builds a Kubernetes control plane once into a cache folder outside the tree.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# How long random migrations are compared with CUE in each run of the tests.
FUZZ    ?= 60s
# Where a missing control plane, Redis or Git fails a test instead of skipping it.
REQUIRE := KEYSHIFT_REQUIRE_SERVERS=1

.PHONY: demo test lint bench build image generate

demo: ## the whole line, embedded: push, roll out, rewrite, revert
	@$(GO) run ./cmd/keyshift demo

test: lint ## everything, on real servers
	@./testbed/setup
	$(REQUIRE) KEYSHIFT_FUZZ=$(FUZZ) $(GO) test -timeout 30m ./...
	$(REQUIRE) $(GO) test -timeout 10m -tags planted -run PlantedBugs -v ./keyspace

lint: ## the rules of the house
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) revive -config tools/revive.toml -set_exit_status ./...

bench: ## ratios from one run: what safety costs beside the unsafe pipeline
	$(GO) run ./cmd/keyshift bench
	$(GO) test -run '^$$' -bench . -benchtime 1x ./schema
	$(GO) test -run '^$$' -bench . ./transform

build: ## bin/keyshift, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/keyshift ./cmd/keyshift

image: ## the container image, with whichever builder is there; config/ runs keyshift:dev
	@if command -v buildah >/dev/null; then buildah bud --build-arg VERSION=$(VERSION) -t keyshift:$(VERSION) -t keyshift:dev . ; \
	else docker build --build-arg VERSION=$(VERSION) -t keyshift:$(VERSION) -t keyshift:dev . ; fi

generate: ## deepcopy code and the CRD, from api/v1alpha1
	$(TOOL) controller-gen object paths=./api/... crd output:crd:artifacts:config=config/crd
