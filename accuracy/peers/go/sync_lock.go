//go:build !runtimelock

package main

import (
	"strings"
	"sync"
	"time"
)

// The mutex of the cases is sync.Mutex.
var mutex sync.Locker = new(sync.Mutex)

// Why a case cannot be had.
func none(kind string) string { return "" }

// Whether a stack of the profile, that ends in a function of ours, began with
// an unlock of sync's: the runtime's own locks are not ours.
func ofOurLock(inner string) bool { return strings.HasPrefix(inner, "sync.") }

// While the lock is held.
func pause(length time.Duration) { time.Sleep(length) }

func prepare() {}
