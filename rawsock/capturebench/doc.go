// Package capturebench measures what taking a frame from the kernel and decoding it costs, beside other programs that
// do so: a minimal C reader of the same ring, tcpdump, gopacket, and mdlayher/packet without a ring. It is a module of
// its own so that gopacket and its cgo are no part of the product; make bench-capture runs it.
//
//	  namespace far                         namespace near
//	┌───────────────┐                     ┌─────────────────────────────┐
//	│ burst sender  │ eth0 ──veth── eth0  │ one consumer, a process     │
//	│ on one core   │                     │ of its own on another core  │
//	└───────────────┘                     └─────────────────────────────┘
//
// The kernel's receive path runs in the context of the sender, as it runs in that of a driver on a router. What a
// filter, a snap length or a block size saves the kernel is therefore seen in the sender's CPU time, and what the
// reader of the ring spends in the consumer's.
package capturebench
