package machine

// The operation codes of classic BPF (linux/bpf_common.h and linux/filter.h): a class, and what the class knows.
// golang.org/x/net/bpf keeps its own to itself, and those of golang.org/x/sys/unix exist on Linux alone.
const (
	classLD   uint16 = 0x00
	classLDX  uint16 = 0x01
	classST   uint16 = 0x02
	classSTX  uint16 = 0x03
	classALU  uint16 = 0x04
	classJMP  uint16 = 0x05
	classRET  uint16 = 0x06
	classMISC uint16 = 0x07

	// Loads: how much, and from where.
	sizeW   uint16 = 0x00
	sizeH   uint16 = 0x08
	sizeB   uint16 = 0x10
	modeIMM uint16 = 0x00
	modeABS uint16 = 0x20
	modeIND uint16 = 0x40
	modeMEM uint16 = 0x60
	modeLEN uint16 = 0x80
	modeMSH uint16 = 0xa0

	opADD uint16 = 0x00
	opSUB uint16 = 0x10
	opMUL uint16 = 0x20
	opDIV uint16 = 0x30
	opOR  uint16 = 0x40
	opAND uint16 = 0x50
	opLSH uint16 = 0x60
	opRSH uint16 = 0x70
	opNEG uint16 = 0x80
	opMOD uint16 = 0x90
	opXOR uint16 = 0xa0

	jumpJA   uint16 = 0x00
	jumpJEQ  uint16 = 0x10
	jumpJGT  uint16 = 0x20
	jumpJGE  uint16 = 0x30
	jumpJSET uint16 = 0x40

	// The operand of arithmetic and jumps, and what a return gives back.
	withK uint16 = 0x00
	withX uint16 = 0x08
	withA uint16 = 0x10

	moveTAX uint16 = 0x00
	moveTXA uint16 = 0x80
)
