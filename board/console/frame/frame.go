// Package frame is what a session of the console does with a frame: match it against an expression, show its bytes, and
// write it into a pcapng stream.
//
// A Frame is what a packet socket delivered: the kernel has taken the outer VLAN tag of a received frame out of its bytes
// (Meta.VLANTPID). A Filter sees it so, as the filter of a socket does; Capture and AppendHex put the tag back.
package frame

import "network-sniffer/decode"

// Frame is one captured frame. Data are the bytes up to the snap length, beginning with the link header; who made the Frame
// says how long they are valid. Nothing in this package keeps or changes them.
type Frame struct {
	Meta  decode.Meta
	Index int32 // number of the interface in the kernel (ifindex); 0: unknown
	Data  []byte
}
