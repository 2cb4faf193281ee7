# Each target is one line; the work is in the script that it calls.

BIN := $(or $(CARGO_TARGET_DIR),target)/release/linkway

.DEFAULT_GOAL := help
.PHONY: help build deb demo serve test scenes bench lint

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

build: ## Build the program: target/release/linkway
	@scripts/need.sh cc cargo
	@cargo build --release --locked -p linkway

deb: build ## Build a Debian package: target/deb/linkway_VERSION_ARCH.deb
	@LINKWAY_BIN=$(BIN) scripts/deb.sh

demo: build ## Show the whole procedure with real packets: lend, accept, ping, delete
	@LINKWAY_BIN=$(BIN) demo/run.sh

serve: build ## Serve on 127.0.0.1:8580 with the data directory .cache/serve
	@mkdir -p .cache
	@$(BIN) serve --data-dir .cache/serve

test: ## Run every test; print how long each step took
	@scripts/test.sh

scenes: ## Drive real BIRDs, scene by scene, on a kernel with VRFs; some four minutes
	@tests/lab/need.sh
	@cargo test --locked -p linkway-edge --test bird

bench: build ## Run the benchmarks, print a table, write target/bench/report.json
	@benches/run.sh

lint: ## Check formatting, lints, generated code and licences of dependencies
	@scripts/lint.sh
