// Package testbed is what the tests of this repository stand on: network namespaces joined by veth
// pairs, a private PostgreSQL, a proxy that breaks connections on demand, and a sender of numbered frames.
// Only tests import it.
//
//	namespace.go  NewNamespace, Do, Listen, Dial, Sysctl         a network of one's own
//	process.go    StartProcess, Namespace.Command, Run, Start    programs, and their end
//	link.go       Link, Addr, Route, Neighbour, Quiet            cables and addresses
//	router.go     Router                                         lan host, router, wan host in one call
//	ping.go       Namespace.Ping                                 is there a way from here to there
//	postgres.go   StartPostgres, SharedPostgres, Main            a database server to kill
//	database.go   NewDatabase, DB, QueryInt                      databases in it
//	proxy.go      NewProxy                                       the network between client and server, failing
//	frame.go      BuildFrame, FrameNumber                        frames with a number in them
//	sender.go     NewSender, SendNumbered                        as many of them as the kernel takes
//	kernel.go     KernelFilter                                   what the kernel makes of a BPF program
//	wait.go       Eventually, Await                              waiting with a deadline
//	require.go    NeedRoot, NeedTool                             skip, or fail where skipping is forbidden
//	limits.go     every bound of the package
//
// Everything a helper makes is taken away by the Cleanup of the test it was given. What a killed test
// binary could not take away is named after its process id ("sn-<pid>-…"); its servers and processes die
// with it, its namespaces and directories are removed by the next test binary that needs some.
//
// No helper touches the host's network beyond binding ports on 127.0.0.1.
package testbed
