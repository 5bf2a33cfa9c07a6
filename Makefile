# Two commands: make run, make test. The others are what they are made of.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
export VERSION

.PHONY: help build run test test-tshark test-filter lint cross arm64 armv7 mipsle amd64 fuzz bench bench-gopacket bench-capture bench-uplink bench-console soak clean

help:
	@echo 'make run     build, and record the default interface into PostgreSQL (ARGS=… goes to sniffer run)'
	@echo 'make test    install what the tests need, and pass them'
	@echo 'make test-tshark FILES="a.pcap b.pcapng"    compare every packet of capture files with tshark'
	@echo 'make test-filter COUNT=20000 SEED=7    compare the filter compiler with tcpdump on more expressions'
	@echo 'make build   bin/sniffer for this machine; make arm64, armv7, mipsle, amd64 for routers'
	@echo 'make lint    formatting, vet, staticcheck, shellcheck'
	@echo 'make bench-uplink     rows into PostgreSQL beside psql, lib/pq and pgx, which it fetches; 3 minutes (COUNT=9 for longer)'
	@echo 'make soak COUNT=1000 SEED=7    kill the recorder COUNT times, the server and its answers COUNT/5 times each; 10 minutes'
	@echo 'make fuzz    every fuzz target, or those of PACKAGE=./decode, for FUZZTIME (default 30s) each'
	@echo 'make bench   the benchmarks'
	@echo 'make bench-gopacket   the decoder beside gopacket, which it fetches (COUNT=10 for benchstat -col /decoder)'
	@echo 'make bench-capture    the ring beside C, tcpdump, gopacket and mdlayher/packet, as root; 4 minutes (COUNT=9 for longer)'
	@echo 'make bench-console    what 100 clients of the console see and cost, alone and beside 900 that stall, as root; 3 minutes'
	@echo 'make clean   remove bin/ and, with it, nothing that was recorded (that is in .local/)'

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/sniffer ./cmd/sniffer

run: build
	@cmd/demo.sh $(ARGS)

test: deps lint build cross
	.ci/test.sh

# Each difference is printed with its frame; the exit status is 1 when there are any.
test-tshark:
ifeq ($(strip $(FILES)),)
	@echo 'usage: make test-tshark FILES="a.pcap b.pcapng" (pcap or pcapng, paths without spaces)'
	@echo 'It needs tshark. What is compared and which differences are meant: decode/tsharktest.'
else
	@go test -count=1 -v -timeout 30m -run '^TestFiles$$' ./decode/tsharktest -args $(abspath $(FILES))
endif

# Generated expressions beside those of the lists, each of which is tried on every link type.
test-filter: COUNT ?= 20000
test-filter: SEED ?= 1
test-filter:
	go test -count=1 -v -timeout 60m -run '^TestSameAsTcpdump$$' ./rawsock/pcapfilter/tcpdumptest -args -expressions $(COUNT) -seed $(SEED) -every

.PHONY: deps
deps:
	.ci/install.sh

lint:
	.ci/lint.sh

cross:
	buildroot/cross.sh

arm64 armv7 mipsle amd64:
	buildroot/cross.sh $@

# What uplink/crashtest does a few times in make test, many times. The line of each scenario at the end says what was
# struck, resent, lost and known, and whether the books balance. SEED=0 is another one each time; it is printed.
soak: COUNT = 1000
soak: SEED = 0
soak:
	SNIFFER_TEST_REQUIRE=1 go test -count=1 -v -timeout 180m ./uplink/crashtest -args -kills $(COUNT) -faults $$((($(COUNT) + 4) / 5)) -seed $(SEED)

FUZZTIME ?= 30s
fuzz:
	.ci/fuzz.sh $(FUZZTIME) $(PACKAGE)

bench:
	go test -run '^$$' -bench . -benchmem ./...

COUNT ?= 1
bench-gopacket:
	cd decode/gopacketbench && go vet ./... && go test -bench . -benchmem -count $(COUNT) ./...

# COUNT is how often each consumer runs. It needs root, two cores, cc, tcpdump and taskset, and says which it misses.
bench-capture: COUNT = 5
bench-capture:
	cd rawsock/capturebench && go vet ./... && SNIFFER_TEST_REQUIRE=1 go test -run '^$$' -bench . -timeout 60m ./... -args -pairs $(COUNT)

# COUNT is how often each client stores ROWS rows. It needs PostgreSQL and psql.
bench-uplink: COUNT = 3
bench-uplink: ROWS = 1000000
bench-uplink:
	cd uplink/uplinkbench && go vet ./... && SNIFFER_TEST_REQUIRE=1 go test -run '^$$' -bench . -timeout 60m ./... -args -rows $(ROWS) -runs $(COUNT)

# COUNT is how often each crowd comes. It needs root.
bench-console: COUNT = 1
bench-console:
	SNIFFER_TEST_REQUIRE=1 go test -run '^$$' -bench '^BenchmarkCrowd$$' -count $(COUNT) -timeout 60m ./cmd/sniffer

clean:
	rm -rf bin
