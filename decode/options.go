package decode

// Options is a set of TCP options that were seen and have no field of their own.
type Options uint8

// The options.
const (
	SACKPermitted Options = 1 << iota // RFC 2018 §2
	FastOpen                          // RFC 7413 §4.1.1, with or without a cookie, the experimental form of its Appendix A included
	MD5Signature                      // RFC 2385 §3
	TCPAO                             // RFC 5925 §2.2
	MPTCP                             // RFC 8684 §3
)
