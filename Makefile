# Two commands: make run, make test. The others are what they are made of.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
export VERSION

.PHONY: help build run test test-tshark lint cross arm64 armv7 mipsle amd64 fuzz bench bench-gopacket clean

help:
	@echo 'make run     build, and record the default interface into PostgreSQL (ARGS=… goes to sniffer run)'
	@echo 'make test    install what the tests need, and pass them'
	@echo 'make test-tshark FILES="a.pcap b.pcapng"    compare every packet of capture files with tshark'
	@echo 'make build   bin/sniffer for this machine; make arm64, armv7, mipsle, amd64 for routers'
	@echo 'make lint    formatting, vet, staticcheck, shellcheck'
	@echo 'make fuzz    every fuzz target, or those of PACKAGE=./decode, for FUZZTIME (default 30s) each'
	@echo 'make bench   the benchmarks'
	@echo 'make bench-gopacket   the decoder beside gopacket, which it fetches (COUNT=10 for benchstat -col /decoder)'
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

.PHONY: deps
deps:
	.ci/install.sh

lint:
	.ci/lint.sh

cross:
	buildroot/cross.sh

arm64 armv7 mipsle amd64:
	buildroot/cross.sh $@

FUZZTIME ?= 30s
fuzz:
	.ci/fuzz.sh $(FUZZTIME) $(PACKAGE)

bench:
	go test -run '^$$' -bench . -benchmem ./...

COUNT ?= 1
bench-gopacket:
	cd decode/gopacketbench && go vet ./... && go test -bench . -benchmem -count $(COUNT) ./...

clean:
	rm -rf bin
