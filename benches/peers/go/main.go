// Go's sync.Mutex, under the loads of the benchmark. See ../README.md.
package main

import (
	"fmt"
	"math/bits"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	what, arguments := os.Args[1], os.Args[2:]
	switch what {
	case "pairs":
		pairs(number(arguments[0]))
	case "throughput", "waits":
		load{
			shape: arguments[0], threads: int(number(arguments[1])),
			inside: number(arguments[2]), outside: number(arguments[3]),
			hogged: number(arguments[4]), window: time.Duration(number(arguments[5])),
		}.run(what == "waits")
	case "growth":
		growth(int(number(arguments[0])))
	case "queue":
		queue(int(number(arguments[0])), int(number(arguments[1])), arguments[2] == "1")
	case "memory":
		say("size of a lock", float64(unsafe.Sizeof(sync.Mutex{})))
	}
}

func number(word string) uint64 {
	number, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return number
}

func say(name string, value float64) { fmt.Printf("%s: %g\n", name, value) }

// work is the same chain as in work.rs.
//
//go:noinline
func work(turns uint64) uint64 {
	x := uint64(1)
	for ; turns > 0; turns-- {
		x = (x ^ x>>29) * 6364136223846793005
	}
	return x
}

// padded is alone on its cache lines.
type padded struct {
	mutex sync.Mutex
	value uint64
	_     [112]byte
}

func pairs(count uint64) {
	lock := new(padded)
	run := func(count uint64) {
		for ; count > 0; count-- {
			lock.mutex.Lock()
			lock.value++
			lock.mutex.Unlock()
		}
	}
	run(count)
	begin := time.Now()
	run(count)
	say("uncontended lock and unlock", float64(time.Since(begin))/float64(count))
}

type load struct {
	shape                   string
	threads                 int
	inside, outside, hogged uint64
	window                  time.Duration
}

// worker is one thread's, alone on its cache lines.
type worker struct {
	done  atomic.Uint64
	waits *histogram
	_     [112]byte
}

func (l load) run(timed bool) {
	locks := make([]padded, map[bool]int{true: 1024, false: 1}[l.shape == "many"])
	workers := make([]worker, l.threads)
	var stop atomic.Bool
	var all sync.WaitGroup
	begin := make(chan struct{})
	for index := range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			if timed {
				workers[index].waits = new(histogram)
			}
			<-begin
			l.work(locks, &workers[index], uint64(index), &stop)
		}()
	}
	if l.shape == "hog" {
		all.Add(1)
		go func() {
			defer all.Done()
			<-begin
			for !stop.Load() {
				locks[0].mutex.Lock()
				work(l.hogged)
				locks[0].mutex.Unlock()
			}
		}()
	}
	close(begin)
	time.Sleep(l.window / 8)
	fmt.Println("begin")
	before, usage, start := counts(workers), usageNow(), time.Now()
	time.Sleep(l.window)
	length, used, after := time.Since(start), usageNow().since(usage), counts(workers)
	fmt.Println("end")
	stop.Store(true)
	all.Wait()
	if timed {
		waits := new(histogram)
		for index := range workers {
			waits.merge(workers[index].waits)
		}
		say("median wait", waits.quantile(0.5))
		say("99 % wait", waits.quantile(0.99))
		say("99.9 % wait", waits.quantile(0.999))
		say("longest wait", float64(waits.longest))
		return
	}
	sum, squares := 0.0, 0.0
	for index := range after {
		share := float64(after[index] - before[index])
		sum += share
		squares += share * share
	}
	say("throughput", sum/length.Seconds())
	say("fairness", sum*sum/(float64(len(workers))*squares))
	say("processor time", used.cpu/sum)
	say("sleeps", used.switches*1000/sum)
}

func counts(workers []worker) []uint64 {
	counts := make([]uint64, len(workers))
	for index := range workers {
		counts[index] = workers[index].done.Load()
	}
	return counts
}

func (l load) work(locks []padded, me *worker, seed uint64, stop *atomic.Bool) {
	dice := (seed+1)*0x9e3779b97f4a7c15 | 1
	done := uint64(0)
	for !stop.Load() {
		lock := &locks[0]
		if l.shape == "many" {
			dice ^= dice << 13
			dice ^= dice >> 7
			dice ^= dice << 17
			number, among := dice>>20, uint64(1024)
			if number&1 == 0 {
				among = 4
			}
			lock = &locks[(number>>1)%among]
		}
		if me.waits != nil {
			asked := time.Now()
			lock.mutex.Lock()
			me.waits.add(uint64(time.Since(asked)))
		} else {
			lock.mutex.Lock()
		}
		lock.value++
		if l.inside > 0 {
			work(l.inside)
		}
		lock.mutex.Unlock()
		done++
		me.done.Store(done)
		if l.outside > 0 {
			work(l.outside)
		}
		if l.shape == "bursts" && done%64 == 0 {
			const pause = 5_000_000
			time.Sleep(time.Duration(pause - time.Now().UnixNano()%pause))
		}
	}
}

// growth is that of growth.rs.
func growth(waiters int) {
	lock := new(padded)
	times := make([]float64, waiters)
	var all sync.WaitGroup
	lock.mutex.Lock()
	for index := range times {
		all.Add(1)
		go func() {
			lock.mutex.Lock()
			begin := time.Now()
			lock.mutex.Unlock()
			times[index] = float64(time.Since(begin))
			all.Done()
		}()
	}
	// The first word of the mutex counts its waiters, above three bits of flags.
	for int(atomic.LoadInt32((*int32)(unsafe.Pointer(&lock.mutex)))>>3) < waiters {
		time.Sleep(2 * time.Millisecond)
	}
	begin := time.Now()
	lock.mutex.Unlock()
	all.Wait()
	drained := time.Since(begin)
	sort.Float64s(times)
	fastest := times[:(waiters*9+9)/10]
	sum := 0.0
	for _, time := range fastest {
		sum += time
	}
	say("contended unlock", (times[(waiters-1)/2]+times[waiters/2])/2)
	say("contended unlock, mean", sum/float64(len(fastest)))
	say("queue drained", float64(drained)/float64(waiters))
}

// queue is that of monitor.rs.
func queue(pairs, places int, held bool) {
	const items = 20_000
	var mutex sync.Mutex
	conditions := [2]*sync.Cond{sync.NewCond(&mutex), sync.NewCond(&mutex)}
	waiting := 0
	var all sync.WaitGroup
	half := func(which, full, step int) {
		defer all.Done()
		for count := items / pairs; count > 0; count-- {
			mutex.Lock()
			for waiting == full {
				conditions[which].Wait()
			}
			waiting += step
			if held {
				conditions[1-which].Signal()
				mutex.Unlock()
			} else {
				mutex.Unlock()
				conditions[1-which].Signal()
			}
		}
	}
	usage, begin := usageNow(), time.Now()
	for range pairs {
		all.Add(2)
		go half(0, places, 1)
		go half(1, 0, -1)
	}
	all.Wait()
	length, used := time.Since(begin), usageNow().since(usage)
	say("condition variables", float64(length)/items)
	say("condition variables, processor time", used.cpu/items)
	say("condition variables, sleeps", used.switches/items)
}

type usage struct{ cpu, switches float64 }

func usageNow() usage {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return usage{float64(used.Utime.Nano() + used.Stime.Nano()), float64(used.Nvcsw)}
}

func (u usage) since(earlier usage) usage {
	return usage{u.cpu - earlier.cpu, u.switches - earlier.switches}
}

// histogram is that of stats.rs: 32 buckets for each power of two.
type histogram struct {
	buckets        [64 << 5]uint64
	count, longest uint64
}

func (h *histogram) add(value uint64) {
	shift := 63 - bits.LeadingZeros64(value|32) - 5
	h.buckets[uint64(shift)<<5+value>>shift]++
	h.count++
	h.longest = max(h.longest, value)
}

func (h *histogram) merge(other *histogram) {
	for index, count := range other.buckets {
		h.buckets[index] += count
	}
	h.count += other.count
	h.longest = max(h.longest, other.longest)
}

func (h *histogram) quantile(q float64) float64 {
	wanted, seen := uint64(q*float64(h.count)+0.999999), uint64(0)
	for index, count := range h.buckets {
		seen += count
		if seen >= wanted {
			next := uint64(index + 1)
			shift := max(next>>5, 1) - 1
			return float64(min((next-shift<<5)<<shift-1, h.longest))
		}
	}
	return float64(h.longest)
}
