// Package tcpdumptest proves package pcapfilter against Debian's tcpdump: both compile the same expressions, and both
// programs must say the same of every frame.
//
//	make test-filter COUNT=20000 SEED=7
//
// Everything else in it is a test, so that the product cannot import anything of it. How it works:
//
//   - testdata has the expressions that people wrote; grammar_test.go makes more of them.
//   - tcpdump_test.go runs tcpdump, with its optimizer and without.
//   - links_test.go and frames_test.go make the frames of each link type and read the captures of package
//     decode/tsharktest; steer_test.go makes those that an expression asks for, by running its program and turning
//     its branches around.
//   - machine_test.go runs programs that golang.org/x/net/bpf cannot; kernel_test.go runs ours in Linux.
//   - compare_test.go puts them together; differences_test.go is the table of the differences that are meant, with
//     their reasons. Any other fails, and so does one that is no longer met.
//   - length_test.go compares the lengths of the programs.
package tcpdumptest
