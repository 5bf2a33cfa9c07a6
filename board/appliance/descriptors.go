package appliance

import "syscall"

// descriptorReserve is what rings, spool, database and listeners take of the process's file descriptors, and more: a client
// of the console shall not be the reason that a segment cannot be written.
const descriptorReserve = 64

// sessionsWithin is how many sessions of the console there may be if so many are wanted and each takes a descriptor. The
// limit is RLIMIT_NOFILE, which Go's runtime has raised to the hard one; getrlimit(2).
func sessionsWithin(limit uint64, wanted int) int {
	if limit <= descriptorReserve {
		return 1
	}
	return int(min(limit-descriptorReserve, uint64(wanted)))
}

// sessions is how many sessions the console may have here.
func (a *Appliance) sessions(wanted int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return wanted // and nothing is known of a limit
	}
	allowed := sessionsWithin(uint64(limit.Cur), wanted)
	if allowed < wanted {
		a.log.Warn("the console has fewer sessions than it may: raise the limit of open files (ulimit -n)",
			"wanted", wanted, "sessions", allowed, "open_files", limit.Cur)
	}
	return allowed
}
