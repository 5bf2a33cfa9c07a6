// Package crashtest proves that the uplink stores every sealed row exactly once, and that the books balance, while
// everything that can break does: the daemon is killed, the server stops in the middle of COPY and COMMIT, refuses for
// one reason after the other, or never answers; disks are full, read-only or failing; the database is away for a day.
//
//	go test ./uplink/crashtest             each of them a few times
//	make soak COUNT=1000 SEED=7            1,000 kills, and 200 of each fault of the server
//
// Everything else in it is a test, so that the product cannot import anything of it. How it works:
//
//   - source_test.go makes packets that carry their run and their number; check_test.go asks the database whether
//     each number is there once.
//   - relay_test.go stands between uplink and server, reads the protocol, and knows where in a transaction it is.
//   - child_test.go is a recorder in a process of its own, which dies by SIGKILL at a named point of points_test.go,
//     or when its parent pleases.
//   - kill_test.go, server_test.go, refusal_test.go, disk_test.go and outage_test.go are the proofs.
//
// A hook in the product would be a place where the product differs from what is proved: the points are found from
// outside, in the file operations of spool.FS and in the messages to the server.
package crashtest
