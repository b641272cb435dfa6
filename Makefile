# One command each; `make test` needs a Rust toolchain, python3 and apt, and sets up the rest by itself.
CARGO ?= cargo
DATA ?= data

.PHONY: run demo test lint bench soak fuzz openapi clean-data

run: ## build, fill with demo data and serve on the embedded default
	$(CARGO) run -p naryad-api -- demo --serve --data $(DATA)

demo: ## play the day of the demo in a folder that is thrown away
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(CARGO) run -p naryad-api -- demo --data "$$dir"

test: ## everything, on both databases
	scripts/test.sh

lint: ## format, lints, and licences where cargo-deny is installed
	scripts/lint.sh

bench: ## the table of ratios
	scripts/bench.sh

soak: ## the simulator, for long
	scripts/soak.sh

fuzz: ## what reads untrusted bytes, for long
	scripts/fuzz.sh

openapi: ## write openapi.yaml from the code
	$(CARGO) run -q -p naryad-api -- openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

clean-data: ## forget the data of `make run`
	rm -rf $(DATA)
