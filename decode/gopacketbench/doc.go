// Package gopacketbench compares decode.Decode with gopacket's DecodingLayerParser, frame by frame. It is a module of
// its own so that gopacket is no part of the product's module graph; make bench-gopacket runs it.
package gopacketbench
