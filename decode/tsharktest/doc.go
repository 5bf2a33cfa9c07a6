// Package tsharktest compares package decode with tshark, which others wrote from the same specifications: every
// column of every packet, over generated frames (TestGenerated) and over capture files (TestFiles).
//
//	make test-tshark FILES="one.pcap two.pcapng"
//
// Everything else in it is a test, so that the product cannot import anything of it. How it works:
//
//   - tshark_test.go runs tshark and reads what it prints, as layers of fields.
//   - parts_test.go finds the outer and the inner packet among these layers.
//   - mapping_test.go is the table that says what each column is in tshark's fields.
//   - differences_test.go is the table of the differences that are meant, with their reasons. Any other fails.
//   - compare_test.go puts the three together; generate*_test.go make the frames.
package tsharktest
