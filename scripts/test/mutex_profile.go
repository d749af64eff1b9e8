// A profile made by Go itself, for the command to read.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var mu sync.Mutex

//go:noinline
func holdLong() {
	mu.Lock()
	defer mu.Unlock()
	time.Sleep(2 * time.Millisecond)
}

func main() {
	runtime.SetMutexProfileFraction(1)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				holdLong()
			}
		})
	}
	group.Wait()
	if err := pprof.Lookup("mutex").WriteTo(os.Stdout, 0); err != nil {
		panic(err)
	}
}
