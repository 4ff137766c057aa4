# Two commands: `make demo` runs the main job, `make test` passes every test. Both set up what they need.
.PHONY: demo test test-python test-export test-onnxruntime test-slow fuzz setup setup-test bench clean

VIDBENCH := target/release/vidbench
# What is not built by default is tested as well.
FEATURES := --features vidbench/otel

demo: setup
	cargo build --release --locked --package vidbench
	$(VIDBENCH) demo

# Tests that a machine cannot run say so there.
SKIPPED := $(CURDIR)/target/skipped-tests.txt
test: setup-test
	cargo fmt --all --check
	cargo xtask check-deps
	cargo deny --locked --all-features check bans licenses sources
	cargo clippy --workspace --all-targets --locked $(FEATURES) -- -D warnings
	@mkdir -p $(dir $(SKIPPED)) && rm -f $(SKIPPED)
	VIDBENCH_TEST_SKIPPED=$(SKIPPED) cargo nextest run --workspace --locked $(FEATURES) -E 'not test(/\bfuzz_/)'
	@if [ -f $(SKIPPED) ]; then cat $(SKIPPED); fi
	$(MAKE) fuzz
	@if command -v python3 >/dev/null; then \
		cargo nextest run --workspace --locked $(FEATURES) --run-ignored only -E 'test(/\bpython_/)'; \
	else echo "not run: the example worker of docs/worker-protocol.md, because there is no python3"; fi
	@if "$${CARGO_TARGET_DIR:-target}/debug/vidbench" doctor | grep -q '^ok *vmaf'; then \
		cargo nextest run --workspace --locked $(FEATURES) --run-ignored only -E 'test(/\bvmaf_/)'; \
	else echo "not run: VMAF against libvmaf, because libvmaf is not found"; fi
	@if command -v python3 >/dev/null && ./scripts/python_env.sh $(PYTHON_ENV); then $(MAKE) test-python; \
	else echo "not run: the worker of diffusers, because its Python environment cannot be made"; fi
	@if command -v python3 >/dev/null && ./scripts/export_env.sh $(EXPORT_ENV); then $(MAKE) test-export; \
	else echo "not run: export of the nets' graphs, because its Python environment cannot be made"; fi
	@if command -v python3 >/dev/null && ./scripts/onnxruntime.sh $(ONNXRUNTIME) >/dev/null; then $(MAKE) test-onnxruntime; \
	else echo "not run: nets on ONNX Runtime, because it cannot be installed"; fi
	cargo test --workspace --doc --locked $(FEATURES)
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked $(FEATURES)

# The worker of diffusers in the environment that scripts/python_env.sh makes: its own tests, then vidbench with it.
PYTHON_ENV := $(CURDIR)/target/python-env
test-python:
	cd workers/diffusers && $(PYTHON_ENV)/bin/ruff check . && $(PYTHON_ENV)/bin/ruff format --check . && $(PYTHON_ENV)/bin/mypy
	cd workers/diffusers && $(PYTHON_ENV)/bin/python -m pytest --quiet -p no:cacheprovider
	VIDBENCH_TEST_PYTHON=$(PYTHON_ENV) cargo nextest run --workspace --locked $(FEATURES) --run-ignored only -E 'test(/\bdiffusers_/)'

# The graphs in nets/skeletons, exported again and compared byte by byte.
EXPORT_ENV := $(CURDIR)/target/export-env
test-export:
	cd nets && $(EXPORT_ENV)/bin/python -m export --check

# Nets on ONNX Runtime, which is installed in a Python environment of its own.
ONNXRUNTIME := $(CURDIR)/target/onnxruntime
test-onnxruntime:
	ORT_DYLIB_PATH=$$(./scripts/onnxruntime.sh $(ONNXRUNTIME)) cargo nextest run --workspace --locked $(FEATURES) --run-ignored only \
		-E 'test(/\bort_/)'

# What takes minutes: tests whose names begin with `slow_`.
test-slow: setup-test
	ORT_DYLIB_PATH=$$(./scripts/onnxruntime.sh $(ONNXRUNTIME)) cargo nextest run --workspace --locked $(FEATURES) --run-ignored only \
		--no-capture -E 'test(/\bslow_/)'

# Damaged files for every reader of files, FUZZ_SECS seconds each: `make fuzz FUZZ_SECS=3600`.
FUZZ_SECS := 60
fuzz:
	VIDBENCH_FUZZ_SECS=$(FUZZ_SECS) cargo nextest run --workspace --locked $(FEATURES) --profile fuzz -E 'test(/\bfuzz_/)'

bench: setup
	cargo xtask bench

setup:
	./scripts/setup.sh build

setup-test:
	./scripts/setup.sh test

clean:
	cargo clean
