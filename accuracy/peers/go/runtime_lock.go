//go:build runtimelock

package main

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
	_ "unsafe" // for go:linkname
)

// The mutex of the cases is the lock that Go's runtime uses inside; its
// contention is in the mutex profile as well. Built with -checklinkname=0.
var mutex sync.Locker = new(runtimeLock)

// As runtime.mutex is without lock ranking.
type runtimeLock struct{ key uintptr }

//go:linkname lock runtime.lock
func lock(l *runtimeLock)

//go:linkname unlock runtime.unlock
func unlock(l *runtimeLock)

func (l *runtimeLock) Lock()   { lock(l) }
func (l *runtimeLock) Unlock() { unlock(l) }

func none(kind string) string {
	switch kind {
	case "pending", "overlapping":
		return "the lock has no readers"
	case "sleepless":
		return "its holders may not sleep"
	}
	return ""
}

func ofOurLock(string) bool { return true }

// Who holds a lock of the runtime must not give up its thread.
func pause(length time.Duration) { compute(length) }

// Each waiter keeps its processor of the runtime, and nothing may stop the
// world while one holds the lock for long.
func prepare() {
	runtime.GOMAXPROCS(24)
	debug.SetGCPercent(-1)
}
