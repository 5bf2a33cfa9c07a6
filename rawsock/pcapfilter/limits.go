package pcapfilter

// The limits of the package. Whatever exceeds one is refused with ErrTooLong; nothing is cut short.
const (
	// DefaultSnapLength is the accept value of a program whose Options name none: the 262144 bytes
	// tcpdump uses.
	DefaultSnapLength = 262144

	// MaxInstructions is the longest program Linux attaches (BPF_MAXINSNS, linux/bpf_common.h).
	MaxInstructions = 4096

	// MaxExpression bounds the text, in bytes. It leaves 32 bytes per instruction.
	MaxExpression = 128 << 10

	// maxTerms bounds the primitives of an expression and with them the depth of the tree: each
	// costs at least one instruction, so a longer list could not be attached anyway.
	maxTerms = MaxInstructions

	// maxNesting bounds parentheses, negations and index expressions inside each other.
	maxNesting = 100

	// maxChain is how many headers "protochain" steps over. One that comes later is not found.
	maxChain = 8

	// maxOffset bounds a constant offset into a header, in bytes. Classic BPF reads offsets with
	// the sign bit set as kernel extensions, so an offset must stay far away from it.
	maxOffset = 1 << 30
)

// The last three of the 16 words of scratch memory hold where headers stand that move at run time. The words before
// them hold operands of arithmetic: an operation takes one more than its operands only when both take the same, so
// the 4096 operands that maxTerms allows take all 13.
const (
	headerSlot = 13 // the Ethernet header inside GENEVE, in bytes from the start of the frame
	typeSlot   = 14 // the EtherType inside GENEVE, likewise; before that, the GENEVE header
	shiftSlot  = 15 // what the network header is away from its fixed offset, such as the width of a VLAN tag
)
