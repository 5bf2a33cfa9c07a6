# Two commands: make run, make test. The others are what they are made of.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
export VERSION

.PHONY: help build run test lint cross arm64 armv7 mipsle amd64 fuzz bench clean

help:
	@echo 'make run     build, and record the default interface into PostgreSQL (ARGS=… goes to sniffer run)'
	@echo 'make test    install what the tests need, and pass them'
	@echo 'make build   bin/sniffer for this machine; make arm64, armv7, mipsle, amd64 for routers'
	@echo 'make lint    formatting, vet, staticcheck, shellcheck'
	@echo 'make fuzz    every fuzz target for FUZZTIME (default 30s)'
	@echo 'make bench   the benchmarks'
	@echo 'make clean   remove bin/ and, with it, nothing that was recorded (that is in .local/)'

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/sniffer ./cmd/sniffer

run: build
	@cmd/demo.sh $(ARGS)

test: deps lint build cross
	.ci/test.sh

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
	.ci/fuzz.sh $(FUZZTIME)

bench:
	go test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf bin
