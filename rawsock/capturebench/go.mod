module network-sniffer/rawsock/capturebench

go 1.26.0

replace network-sniffer => ../..

require (
	github.com/gopacket/gopacket v1.7.7
	github.com/mdlayher/packet v1.2.0
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.49.0
	network-sniffer v0.0.0
)

require (
	github.com/lib/pq v1.12.3 // indirect
	github.com/mdlayher/socket v0.8.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)
