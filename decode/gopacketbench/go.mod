module network-sniffer/decode/gopacketbench

go 1.26.0

replace network-sniffer => ../..

require (
	github.com/gopacket/gopacket v1.7.7
	network-sniffer v0.0.0
)
