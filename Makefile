# Two commands for newcomers: make demo, make test. The rest is in `make help`.
SHELL := /bin/bash
CARGO := cargo
.DEFAULT_GOAL := help

.PHONY: help demo test fmt lint unit cluster soak crashes quiet programs helm gitops crds reference deny fuzz bench chart image image-test sbom reproducible promql

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

demo: ## See the operator at work on a real control plane (ONCE=1 ends by itself)
	@echo "Building the operator and the demo; from nothing this takes about 3 minutes on 2 cores."
	@$(CARGO) build --locked -p logto-hasura -p control-plane -p logto-hasura-demo --bins
	@$(CARGO) run --quiet --locked -p control-plane -- programs >/dev/null
	@$(CARGO) run --quiet --locked -p logto-hasura-demo -- $(if $(ONCE),--once)

test: fmt lint unit cluster ## Everything that has to be green

fmt: ## Formatting
	$(CARGO) fmt --all --check

lint: ## Clippy and rustdoc, warnings are errors
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet

unit: ## Unit, property and contract suites; nothing but loopback is needed
	$(CARGO) test --workspace --locked --lib --bins
	$(CARGO) test --locked -p logto-hasura --test crds --test docs --test planner --test claims
	$(CARGO) test --locked -p logto-emulator -p hasura-double -p script-runner -p fault-proxy -p logto-hasura-demo --tests

cluster: programs helm gitops promql ## The suites on a real control plane
	$(CARGO) test --locked -p control-plane -p promql --tests
	$(CARGO) test --locked -p logto-hasura --test chart --test cluster --test disruption

soak: programs helm gitops ## Random edits, faults and kills: SEEDS=1000 of them, from SEED=1 on
	SEED=$(or $(SEED),1) SEEDS=$(or $(SEEDS),1000) $(CARGO) test --locked -p logto-hasura --test cluster -- seeds::

crashes: programs helm gitops ## Kills at every write of a scenario, of one operator and beside another owner
	$(CARGO) test --locked -p logto-hasura --test cluster -- crashes::

quiet: programs helm gitops ## An hour in which nothing changes: no write, no growth of memory
	QUIET_SECONDS=$(or $(QUIET_SECONDS),3600) $(CARGO) test --locked -p logto-hasura --test cluster -- quiet::

programs: ## Get etcd, kube-apiserver and kube-controller-manager, once
	@$(CARGO) run --quiet --locked -p control-plane -- programs

helm: ## Get helm and kubectl, once
	@$(CARGO) run --quiet --locked -p control-plane -- programs --with helm --with kubectl

gitops: ## Build the GitOps tools that the suites run beside the operator, once
	@$(CARGO) run --quiet --locked -p gitops

promql: ## Build the program that reads rules and queries as Prometheus does, once
	@$(CARGO) run --quiet --locked -p promql

fuzz: ## The fuzz targets for longer, SECONDS=60 each; a failure prints FUZZ_SEED and the input
	FUZZ_SECONDS=$(or $(SECONDS),60) FUZZ_SEED=$(SEED) $(CARGO) test --locked -p logto-hasura --lib -- --nocapture fuzz_

crds: ## Write crds/ anew from the types
	$(CARGO) run --quiet --locked --bin logto-hasura -- crds --out-dir crds
	cp crds/*.yaml charts/logto-hasura/files/crds/

reference: ## Write docs/reference.md anew from the schemas
	UPDATE_DOCS=1 $(CARGO) test --quiet --locked -p logto-hasura --test docs -- the_reference_is

chart: helm ## Write the chart's README and deploy/install.yaml anew from the chart
	UPDATE_DOCS=1 $(CARGO) test --quiet --locked -p logto-hasura --test chart

deny: ## Licences, sources and advisories of all dependencies (needs cargo-deny)
	cargo deny check

bench: programs ## Measure against the bars of docs/performance.md (SIZES="100 1000 5000 10000 --write" writes it)
	$(CARGO) bench --locked --bench scale -- $(if $(OPERATOR),--operator $(OPERATOR)) $(SIZES)

# Those that the image is built for: amd64, arm64 or both. Default: this machine's.
ARCHITECTURES ?= $(patsubst x86_64,amd64,$(patsubst aarch64,arm64,$(shell uname -m)))

image: ## Build the image into dist/, with buildah and no other image (ARCHITECTURES="amd64 arm64")
	@set -e; for architecture in $(ARCHITECTURES); do image/build $$architecture; image/pack $$architecture; done

image-test: ## Unpack the image and run the operator from it as uid 65532 in a read-only root (after make image)
	@$(CARGO) run --quiet --locked -p control-plane -- programs >/dev/null
	@image/test $(ARCHITECTURES)

sbom: ## List the crates that the programs in dist/ say they are made of, as CycloneDX (after make image)
	@set -e; for architecture in $(ARCHITECTURES); do image/sbom $$architecture; done

reproducible: ## Build the committed sources in two places, with other folders, tools and settings, and compare the programs to the byte
	@image/reproducible
