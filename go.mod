module network-sniffer

go 1.26.0

require (
	github.com/lib/pq v1.12.3
	github.com/mdlayher/packet v1.2.0
	golang.org/x/crypto v0.58.0
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
)

require (
	github.com/mdlayher/socket v0.8.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
