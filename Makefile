# Vigie. `make` alone lists what can be made.
#
# Installed programs can be named instead of being built here:
#   make run PROMETHEUS=/usr/bin/prometheus ALERTMANAGER=/usr/bin/alertmanager
# The names are PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL and STATICCHECK. An
# installed Grafana shows the dashboards: make run GRAFANA=/usr/sbin/grafana-server

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CACHE := $(CURDIR)/.cache
GO    ?= go

# --- the tools: built once for each content of tools/*.sum --------------------

TOOLS_KEY  = $(shell cat tools/go.mod tools/go.sum tools/staticcheck/go.mod tools/staticcheck/go.sum tools/install | cksum | cut -d' ' -f1)
stamp      = $(CACHE)/bin/.$(1)-$(TOOLS_KEY)
wanted     = $(if $(and $($(1)),$($(2))),,$(call stamp,$(3)))
STACK     := $(call wanted,PROMETHEUS,PROMTOOL,prometheus) $(call wanted,ALERTMANAGER,AMTOOL,alertmanager)
LINTER    := $(if $(STATICCHECK),,$(call stamp,staticcheck))

PROMETHEUS   ?= $(CACHE)/bin/prometheus
PROMTOOL     ?= $(CACHE)/bin/promtool
ALERTMANAGER ?= $(CACHE)/bin/alertmanager
AMTOOL       ?= $(CACHE)/bin/amtool
STATICCHECK  ?= $(CACHE)/bin/staticcheck
export PROMETHEUS PROMTOOL ALERTMANAGER AMTOOL
# Never built or fetched here.
GRAFANA ?=
export GRAFANA

$(CACHE)/bin/.%-$(TOOLS_KEY): | check-needs
	@tools/install '$(CACHE)/bin' $*
	@rm -f '$(CACHE)'/bin/.$*-*
	@touch '$@'

# --- our own programs ---------------------------------------------------------

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BRANCH   := $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
ABOUT    := github.com/prometheus/common/version
# No build date and no build user: the same commit gives the same program.
LDFLAGS  := -s -w -X $(ABOUT).Version=$(VERSION) -X $(ABOUT).Revision=$(REVISION) -X $(ABOUT).Branch=$(BRANCH)
BUILD     = $(GO) build -buildvcs=false -trimpath -ldflags '$(LDFLAGS)'

COMMANDS := $(sort $(notdir $(patsubst %/main.go,%,$(wildcard cmd/*/main.go))))
PLATFORMS := linux/amd64 linux/arm64 windows/amd64

RULES      := $(sort $(wildcard alerting-rules/*.yml))
RULE_TESTS := $(sort $(wildcard alerting-rules/tests/*.yml alerting-rules/records/*.yml))
ROUTES     := deploy/alertmanager/routes.txt
LEDGER     := $(CACHE)/ledger
TALLY       = '$(CACHE)/bin/tally' -ledger '$(LEDGER)'

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-24s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Without Debian's packages the lab goes on without restic, and says so.
.PHONY: restic
restic:
	@if [[ -z "$${RESTIC:-}" ]] && ! command -v restic >/dev/null; then tools/debian '$(CACHE)/debian' restic || true; fi

# make run DATABASE=postgres RECEIVERS=2: several receivers share a PostgreSQL, an
# installed one or Debian's; without one the lab says so.
DATABASE  ?= sqlite
RECEIVERS ?= 1

.PHONY: postgresql
postgresql:
	@if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then tools/debian '$(CACHE)/debian' postgresql || true; fi

.PHONY: run
run: build stack restic $(if $(filter postgres,$(DATABASE)),postgresql) ## Start everything on this machine, with simulated backup products and an inbox
	@exec bin/vigie-lab --database='$(DATABASE)' --receivers='$(RECEIVERS)'

.PHONY: past
past: build stack ## Let the lab of `make run` begin anew with a past: the month before this one, played through the receiver
	@rm -rf .cache/lab/vigie .cache/lab/prometheus
	@bin/vigie-lab --prepare
	@VIGIE_PAST='$(CURDIR)/.cache/lab' $(GO) test ./receiver -count=1 -run '^TestPastMonth$$'
	@$(PROMTOOL) tsdb create-blocks-from openmetrics -q .cache/lab/past.om .cache/lab/prometheus

# Where browsers reach Vigie, Alertmanager and the runbooks, for the links:
# make dashboards DASHBOARDS='--vigie=https://vigie.msp.example --out=DIR'
DASHBOARDS ?=

.PHONY: dashboards
dashboards: check-go ## Write the Grafana dashboards from their source
	@$(GO) run ./dashboards/generate $(DASHBOARDS)

# make rules VIGIE=https://vigie.msp.example OUT=/etc/prometheus/rules
VIGIE ?=
OUT   ?=

.PHONY: rules
rules: ## Write the alerting rules with the address of your Vigie in their runbook_url
	@if [[ ! '$(VIGIE)' =~ ^https?://[^/]+(/.*)?$$ || -z '$(OUT)' ]]; then \
	  echo "say where your browsers reach Vigie and where the rules shall lie: make rules VIGIE=https://vigie.msp.example OUT=DIR" >&2; exit 1; fi
	@mkdir -p '$(OUT)'
	@for f in $(RULES); do sed 's#https://vigie.example/runbooks/#$(patsubst %/,%,$(VIGIE))/runbooks/#' "$$f" > '$(OUT)'/"$${f##*/}"; done
	@echo "$(words $(RULES)) files in $(OUT); reload Prometheus"

.PHONY: build
build: check-needs ## Build our programs into bin/
	@mkdir -p bin
	@for c in $(filter-out backup_exporter,$(COMMANDS)); do $(BUILD) -o bin/ "./cmd/$$c"; done
	@for c in $(filter backup_exporter,$(COMMANDS)); do CGO_ENABLED=0 $(BUILD) -o bin/ "./cmd/$$c"; done

.PHONY: cross
cross: check-go ## Build backup_exporter for Linux and Windows into dist/
	@mkdir -p dist
	@for p in $(PLATFORMS); do \
	  out=dist/backup_exporter-$${p%/*}-$${p#*/}; \
	  if [[ $$p == windows/* ]]; then out+=.exe; fi; \
	  echo "$$out"; \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o "$$out" ./cmd/backup_exporter; \
	done

# Debian and RPM sort ~ before the release that is to come.
RELEASE  := 0.1.0
PACKAGE  := $(shell if t=$$(git describe --tags --exact-match 2>/dev/null); then echo "$${t#v}"; else echo "$(RELEASE)~dev$$(git rev-list --count HEAD 2>/dev/null || echo 0)+g$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"; fi)

.PHONY: packages
packages: check-needs ## Build .deb and .rpm packages of both programs into dist/
	@GO='$(GO)' tools/packages/build '$(VERSION)' '$(REVISION)' '$(PACKAGE)'

.PHONY: release
release: check-needs ## Packages, Windows zip, OCI image, bill of materials and checksums into dist/
	@GO='$(GO)' tools/packages/build '$(VERSION)' '$(REVISION)' '$(PACKAGE)' release

.PHONY: tools
tools: $(STACK) $(LINTER) ## Build the pinned Prometheus, Alertmanager, promtool, amtool and staticcheck into .cache/bin

.PHONY: stack
stack: $(STACK)

# The race detector makes everything several times dearer, so it watches what can
# race: the packages whose own code starts goroutines or holds locks. The programs
# under cmd/ mostly start other programs; one life of each runs under the detector.
# Writing a message starts one goroutine, to bound its time, and runs without it.
# Without it run, too: the long random lives, the stories that are played through
# the whole receiver, earlier builds' databases, what does the same thing ten
# thousand times or says every word that there is, passwords' hashes, the crowds at its door (smaller crowds come under the detector), what measures
# and the browser's days.
LONG   := ^(TestStoriesTwice.*|TestTwoReceiversComeToTheSame|TestManyRows|TestJournalsAreSaidInTheReadersLanguage|TestPasswords|TestDatabases|TestLookingAnew.*|TestFaultHostileInput|TestFaultTenThousandAlerts|TestFaultSummerTime|TestOverload|TestSpeed|TestBrowser.*)$
LIFE   := ^(TestServe|TestWholeExporter|TestReload|TestPage)$
# The packages that take longest come first, so that nothing is left waiting for
# one of them alone.
FIRST  := vigie/receiver vigie/receiver/web
SLOWEST := vigie/receiver/faults vigie/rules vigie/cmd/backup_exporter vigie/cmd/vigie-lab
RACING  = $(FIRST) $$(grep -rlE --include='*.go' --exclude='*_test.go' '^[[:space:]]*go (func|[a-zA-Z_.]+)\(|"sync(/atomic)?"' receiver exporters internal rules | xargs -n1 dirname | sort -u | grep -v '^receiver/message$$' | sed 's,^,vigie/,' | grep -vxF "$$(printf '%s\n' $(FIRST))")
CALM    = $(SLOWEST) $$($(GO) list ./... | grep -vxFf <(printf '%s\n' $(SLOWEST) $(RACING)))

# The lab, the faults and the browser's days mostly wait, so they go on beside
# the tests that calculate; the rules' tests only calculate, and take what the
# others leave free. What is short-lived collects its garbage less often.
.PHONY: test
test: export GOGC := 200
test: check-needs tools build tally ruletest ## Run every test and check; the last line counts them
	@rm -f '$(LEDGER)'
	@nice -n 19 $(MAKE) test-rules >'$(CACHE)/rules.txt' 2>&1 & rules=$$!; failed=0; \
	  $(MAKE) test-programs || failed=1; \
	  wait $$rules || failed=1; cat '$(CACHE)/rules.txt'; exit $$failed
	@$(TALLY) total

.PHONY: test-programs
test-programs:
	@$(TALLY) check gofmt          -- $(MAKE) check-format
	@$(TALLY) check 'go vet'       -- $(GO) vet ./...
	@$(TALLY) check staticcheck    -- '$(STATICCHECK)' ./...
	@$(TALLY) go    'go test -race'      -- $(GO) test -race -timeout=30m -json -skip '$(LONG)' $(RACING)
	@$(TALLY) go    'programs raced'     -- $(GO) test -race -json -run '$(LIFE)' ./cmd/...
	@$(MAKE) restic
	@$(TALLY) check 'end to end'   -- bin/vigie-lab --check >'$(CACHE)/end-to-end.txt' 2>&1 & lab=$$!; \
	  $(TALLY) go   'go test long' -- $(GO) test -timeout=30m -json -run '$(LONG)' ./receiver/web ./receiver ./receiver/webhook ./receiver/identity >'$(CACHE)/long.txt' 2>&1 & long=$$!; failed=0; \
	  $(TALLY) go   'go test'      -- $(GO) test -timeout=30m -json $(CALM) || failed=1; \
	  for p in $$lab $$long; do wait $$p || failed=1; done; cat '$(CACHE)/end-to-end.txt' '$(CACHE)/long.txt'; exit $$failed
	@$(TALLY) check 'go vet tools' -- $(GO) -C tools vet -tags remove_all_sd ./tally ./vmalert ./suite ./ruletest ./mutate
	@$(TALLY) go    'go test tools' -- $(GO) -C tools test -count=1 -tags remove_all_sd -json ./tally ./vmalert ./suite ./mutate

.PHONY: test-rules
test-rules:
	@$(TALLY) check 'alerting rules' -- '$(PROMTOOL)' check rules --lint=all --lint-fatal $(RULES)
	@printf '%s\0' $(RULE_TESTS) | xargs -0 -P "$$(nproc)" -I '{}' $(TALLY) check '{}' -- env GOGC=400 '$(CACHE)/bin/ruletest' -promtool '$(PROMTOOL)' '{}'
	@$(TALLY) check 'rules mutated' -- $(MAKE) mutate-rules RULE='^(Prometheus|Alertmanager|ConfigReload)' MUTANTS=12
	@$(TALLY) check 'prometheus.yml'   -- '$(PROMTOOL)' check config --lint=all --lint-fatal deploy/prometheus/prometheus.yml
	@$(TALLY) check 'central.yml'      -- '$(PROMTOOL)' check config --lint=all --lint-fatal deploy/prometheus/central.yml
	@$(TALLY) check 'agent.yml'        -- '$(PROMTOOL)' check config --agent --lint=all --lint-fatal deploy/prometheus/agent.yml
	@$(TALLY) check 'alertmanager.yml' -- '$(AMTOOL)' check-config deploy/alertmanager/alertmanager.yml
	@while read -r receiver labels; do \
	  $(TALLY) check "route of $$labels" -- '$(AMTOOL)' config routes test --config.file=deploy/alertmanager/alertmanager.yml \
	    --verify.receivers="$$receiver" $$labels </dev/null; \
	done < <(grep -v '^#' $(ROUTES))

# What each commit waits for: no race detector, short tests, and not the packages
# that start programs, play faults or long stories, or draw every board, nor single
# tests of such a kind.
SLOW  := vigie/(cmd/backup_exporter|cmd/vigie-lab|dashboards|receiver/faults|rules/story)
WAITS := ^(TestLive.*|TestFault.*|TestS[0-9].*|TestServe.*|TestJournal.*|TestKilled.*|TestUpgrades|TestWhoLeft|TestClocksOfReceiversApart|TestSilenceActLive|TestTheReceiverTellsDeadlinesAndGuarantees|TestRefusalThatIsNotOfAnAddress|TestRealPrograms|TestStates|TestProse|TestOfflineWeek)$

.PHONY: quick
quick: check-needs check-format ## Check formatting, vet and the short tests, without race detector and slow packages
	$(GO) vet ./...
	$(GO) test -short -skip '$(LONG)|$(WAITS)' $$($(GO) list ./... | grep -vxE '$(SLOW)')

.PHONY: lint
lint: check-needs $(LINTER) check-format ## Check formatting, vet and staticcheck
	$(GO) vet ./...
	'$(STATICCHECK)' ./...

.PHONY: fmt
fmt: check-go ## Format the Go code
	gofmt -w $(GOFILES)

# With another build beside it, by turns: make bench BASE=7671a44. All of it ends
# within 20 minutes.
BASE ?=

.PHONY: bench
bench: check-needs ## Measure; the figures mean something only within one run
ifneq ($(BASE),)
	@GO='$(GO)' tools/compare '$(BASE)' '$(CACHE)/compare'
endif
	@VIGIE_BENCH=long $(GO) test -count=1 -timeout=13m -v -run '^TestSpeed$$' ./receiver \
	  | sed -nE 's/^speed: ?//p; /^(ok|FAIL|panic)|_test.go:/p'
	@$(GO) test -run '^$$' -bench . -benchmem -benchtime 300ms -timeout 4m \
	  $$(grep -rl --include='*_test.go' '^func Benchmark' cmd exporters internal receiver rules | xargs -n1 dirname | sort -u | grep -vx receiver | sed 's,^,./,')

# Hours for all rules. Some of them, by a pattern of their names:
# make mutate-rules RULE='^Platform'; or so many, always the same: MUTANTS=50; or
# those that were printed so: MUTANT='for 2m -> 0s'
RULE    ?=
MUTANT  ?=
MUTANTS ?= 0

.PHONY: mutate-rules
mutate-rules: check-go stack ## Change each rule in each small way and print what no rule test notices
	@$(GO) -C tools build -buildvcs=false -trimpath -tags remove_all_sd -o '$(CACHE)/bin/mutate' ./mutate
	@'$(CACHE)/bin/mutate' -promtool '$(PROMTOOL)' -only '$(RULE)' -mutant '$(MUTANT)' -sample $(MUTANTS) -equivalent alerting-rules/equivalent-mutants.txt alerting-rules

# make vmalert-rules VIGIE=https://vigie.msp.example OUT=/etc/vmalert/rules
.PHONY: vmalert-rules
vmalert-rules: check-go ## Write the alerting rules as vmalert with VictoriaMetrics needs them
	@if [[ -z '$(OUT)' ]]; then echo "say where the rules shall lie: make vmalert-rules VIGIE=https://vigie.msp.example OUT=DIR" >&2; exit 1; fi
	@$(GO) -C tools run -buildvcs=false ./vmalert -vigie '$(VIGIE)' -out '$(abspath $(OUT))' '$(CURDIR)/alerting-rules'

# The newest VictoriaMetrics that the Go of this project builds.
VM_VERSION ?= v1.148.9
ENGINES    := $(CACHE)/engines

.PHONY: engines
engines: check-go stack ## Play a story on other engines: Debian 12's Prometheus, VictoriaMetrics with vmalert
	@tools/debian '$(CACHE)/debian' prometheus
	@for p in vmalert victoria-metrics vmagent; do [[ -x '$(ENGINES)'/$$p ]] || GOFLAGS='-mod=mod -trimpath -buildvcs=false' GOBIN='$(ENGINES)' CGO_ENABLED=0 $(GO) install github.com/VictoriaMetrics/VictoriaMetrics/app/$$p@$(VM_VERSION); done
	@$(MAKE) vmalert-rules OUT='$(ENGINES)/rules'
	@'$(CACHE)/debian/root/usr/bin/promtool' check rules $(RULES)
	@for f in '$(ENGINES)'/rules/*.yml; do '$(ENGINES)/vmalert' -dryRun -loggerLevel=ERROR -rule="$$f"; done
	@$(GO) -C tools test -count=1 -v -run '^TestOutages' ./vmalert
	@VIGIE_ENGINES=1 PROMETHEUS_DEBIAN='$(CACHE)/debian/root/usr/bin/prometheus' VICTORIAMETRICS='$(ENGINES)/victoria-metrics' VMALERT='$(ENGINES)/vmalert' VMALERT_RULES='$(ENGINES)/rules' \
	  $(GO) test -count=1 -timeout=20m -v -run '^TestEngines$$' ./alerting-rules

.PHONY: platforms
platforms: check-needs stack ## Watch a failing Moodle with Debian's blackbox_exporter and node_exporter, as far as the alerts
	@tools/debian '$(CACHE)/debian' blackbox node
	@VIGIE_PLATFORMS=1 BLACKBOX_EXPORTER='$(CACHE)/debian/root/usr/bin/prometheus-blackbox-exporter' NODE_EXPORTER='$(CACHE)/debian/root/usr/bin/prometheus-node-exporter' \
	  $(GO) test -count=1 -v -run '^TestPlatformsWithRealExporters$$' ./alerting-rules

# How many jobs: make bench-rules JOBS=10000
JOBS ?= 100000

.PHONY: bench-rules
bench-rules: check-go stack ## Evaluate the rules for 100,000 jobs in the real Prometheus and print time and memory
	@VIGIE_RULE_JOBS='$(JOBS)' $(GO) test -count=1 -timeout=2h -v -run '^TestRulesAtScale$$' ./alerting-rules | sed -nE 's/^ *[a-z_]+\.go:[0-9]+: figure: ?//p; /^(ok|FAIL|panic|--- FAIL)|_test.go:[0-9]+:/p'

.PHONY: coverage-of-requirements
coverage-of-requirements: check-go ## Which requirements have a test, and which have not
	@$(GO) run ./rules/story/coverage

# How often the long campaign kills the program, and how long it plays faults at
# random: make faults SOAK=24h
LIVES ?= 1000
SOAK  ?= 1m

.PHONY: faults
faults: check-needs stack ## Play the long fault campaign and print its figures
	@VIGIE_FAULTS=long VIGIE_FAULT_LIVES='$(LIVES)' VIGIE_FAULT_SOAK='$(SOAK)' $(GO) test -count=1 -timeout=0 -p=1 -parallel=1 -v \
	  -run 'TestFault|TestFullDisk|TestKilledDuringMigration|TestS[0-9]|TestHealthy|TestProbe|TestAlarm|TestAlertmanagerUnreachable|TestStoriesTwiceOnPostgres|TestClocksOfReceivers|TestShards|TestAgentKilled|TestPairOfExporters' \
	  ./receiver/store ./receiver ./receiver/faults ./exporters ./cmd/vigie-lab \
	  | grep --line-buffered -E 'figure:|^ *--- |^(ok|FAIL|PASS|panic)|_test.go:[0-9]+:' | sed -u -E 's/^ *[a-z_]+\.go:[0-9]+: figure:/ figure:/'

.PHONY: real-mail
real-mail: check-needs ## Read, receive and send through real mail servers, out of Debian's packages
	@VIGIE_REAL_MAIL=1 $(GO) test -count=1 -timeout=15m -v -run '^TestReal|/dovecot$$' ./exporters/inbox ./receiver/answers ./receiver | grep --line-buffered -E '^ *--- |SKIPPED|^(ok|FAIL|PASS|panic)|_test.go:[0-9]+:'

.PHONY: pictures
pictures: check-needs ## Make the pictures of the documentation anew, in a real browser
	@VIGIE_PICTURES='$(CURDIR)/docs/pictures' $(GO) test -count=1 -v -run '^TestPictures$$' ./receiver/web

.PHONY: clean
clean: ## Remove what was built, the cached tools included
	rm -rf bin dist .cache

# --- what the targets above stand on ------------------------------------------

GOFILES = $$(find . -name '*.go' -not -path './.cache/*' -not -path './bin/*' -not -path './dist/*')

.PHONY: check-format
check-format:
	@bad=$$(gofmt -l $(GOFILES)); \
	if [[ -n $$bad ]]; then echo "not formatted (make fmt mends it):"; echo "$$bad"; exit 1; fi

.PHONY: tally
tally: check-go
	@mkdir -p '$(CACHE)/bin'
	@$(GO) -C tools build -buildvcs=false -o '$(CACHE)/bin/tally' ./tally

# One file of rule tests: .cache/bin/ruletest -promtool .cache/bin/promtool FILE
.PHONY: ruletest
ruletest: check-go
	@mkdir -p '$(CACHE)/bin'
	@$(GO) -C tools build -buildvcs=false -trimpath -tags remove_all_sd -o '$(CACHE)/bin/ruletest' ./ruletest

.PHONY: check-go
check-go:
	@if ! command -v $(GO) >/dev/null; then \
	  echo "Go is missing: install Go 1.26 or newer from https://go.dev/dl and put its bin folder in PATH." >&2; exit 1; fi
	@v=$$($(GO) env GOVERSION 2>&1) || { echo "Go does not run here: $$v" >&2; exit 1; }; \
	if [[ $$v =~ ^go([0-9]+)\.([0-9]+) ]] && (( BASH_REMATCH[1] == 1 && BASH_REMATCH[2] < 26 )); then \
	  echo "Go is too old: this is $$v, 1.26 or newer is needed (https://go.dev/dl)." >&2; exit 1; fi

.PHONY: check-needs
check-needs: check-go
	@cc=$$($(GO) env CC); if ! command -v "$${cc%% *}" >/dev/null; then \
	  echo "A C compiler is missing (SQLite and the race detector need one): '$$cc' was not found; apt-get install gcc libc6-dev." >&2; exit 1; fi
	@if ! command -v git >/dev/null; then echo "git is missing: apt-get install git." >&2; exit 1; fi
