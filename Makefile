# Two commands do everything on a fresh Debian 12 with Python 3.11+: `make demo` and `make test`.
# Each makes .venv and installs what it needs.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
CORPUS ?= ../shared/corpus

.PHONY: demo test lint unit fuzz live systemd refusals cases tokens lab variants docs picture bench clean

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[all,dev]'
	$(BIN)/python -m compileall -q src
	$(BIN)/python -c 'from whyred.app import library; library.compile_beside()'
	touch $@

demo: .venv/.ready  ## the founding incident, really done, and the verdict on it
	$(BIN)/whyred demo

test: lint unit  ## everything that must be green

lint: .venv/.ready  ## style, types, import contracts, house lints, stale pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/lints.py
	$(BIN)/python scripts/docs.py --check
	$(BIN)/python scripts/refusals.py --check

unit: .venv/.ready  ## all tests, side by side; JOBS=0: one after the other
	$(BIN)/pytest -n $(JOBS)

fuzz: .venv/.ready  ## hostile logs for as long as it is let (about an hour for all; Ctrl-C ends it)
	HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest tests/fuzz -x

live: .venv/.ready  ## all three generations of real Gitea servers, built once (about 5 minutes each)
	cd tests && ../$(BIN)/python -m live.build 1.23.8 1.25.4 1.26.0
	WHYRED_LIVE="1.23.8 1.25.4 1.26.0" $(BIN)/pytest tests/live

systemd: .venv/.ready  ## runners under a real systemd, booted in namespaces over a Debian of its own (needs root)
	WHYRED_SYSTEMD=1 $(BIN)/pytest tests/live/test_systemd.py

refusals: .venv/.ready  ## every reason a log may be missing, by every source that can give it
	$(BIN)/python scripts/refusals.py

cases: .venv/.ready  ## the labelled real failures: found, missed, wrong
	$(BIN)/python scripts/cases.py $(CORPUS)

tokens: .venv/.ready  ## what answers cost agents, counted with npm's gpt-tokenizer, beside the raw logs
	$(BIN)/python scripts/tokens.py $(CORPUS)

lab: .venv/.ready  ## faults really made in a sandbox, real jobs that run into them, and what whyred says
	$(BIN)/python scripts/lab.py

variants: .venv/.ready  ## the founding incident in six variants, with a compiler that prints the founding line (Debian 12)
	sh scripts/old_rust.sh .venv/old-rust
	WHYRED_OLD_RUST=$(CURDIR)/.venv/old-rust/bin $(BIN)/pytest tests/lab/test_incident_variants.py

docs: .venv/.ready  ## write the generated pages again
	$(BIN)/python scripts/docs.py

picture: .venv/.ready  ## docs/verdict.svg from the demo's own output
	$(BIN)/python scripts/picture.py

bench: .venv/.ready
	$(BIN)/python bench/run.py

clean:
	rm -rf .venv
