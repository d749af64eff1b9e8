// Go's sync.Mutex and sync.RWMutex, or the lock that its runtime uses inside
// (sync_lock.go, runtime_lock.go), with the mutex profile: the cases of
// accuracy/src/cases.rs, in Go. Prints what the goroutines noted, and what the
// profile says, by the function that called Unlock. See docs/accuracy.md.
//
// usage: accuracy CASE...
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var epoch = time.Now()

func now() int64 { return int64(time.Since(epoch)) }

type turn struct {
	row                        string
	asked, got, released, over int64
	shared                     int
}
type notes []turn

var (
	rwlock  sync.RWMutex
	begun   atomic.Int64
	little  = 20 * time.Millisecond
	nothing = func() {}
)

func exclusive(n *notes, row string, l sync.Locker, inside func()) {
	take(n, row, l, 0, inside)
}

func shared(n *notes, row string, inside func()) { take(n, row, rwlock.RLocker(), 1, inside) }

func take(n *notes, row string, l sync.Locker, shared int, inside func()) {
	begun.Add(1)
	asked := now()
	l.Lock()
	got := now()
	inside()
	released := now()
	l.Unlock()
	*n = append(*n, turn{row, asked, got, released, now(), shared})
}

// The rows of the profile.

//go:noinline
func holds_100_ms(n *notes, f func()) { exclusive(n, "holds_100_ms", mutex, f) }

//go:noinline
func holds_200_ms(n *notes, f func()) { exclusive(n, "holds_200_ms", mutex, f) }

//go:noinline
func holds_300_ms(n *notes, f func()) { exclusive(n, "holds_300_ms", mutex, f) }

//go:noinline
func holds_400_ms(n *notes, f func()) { exclusive(n, "holds_400_ms", mutex, f) }

//go:noinline
func holds_500_ms(n *notes, f func()) { exclusive(n, "holds_500_ms", mutex, f) }

//go:noinline
func slow(n *notes, f func()) { exclusive(n, "slow", mutex, f) }

//go:noinline
func innocent(n *notes, f func()) { exclusive(n, "innocent", mutex, f) }

//go:noinline
func hog(n *notes, f func()) { exclusive(n, "hog", mutex, f) }

//go:noinline
func victim(n *notes, f func()) { exclusive(n, "victim", mutex, f) }

//go:noinline
func long(n *notes, f func()) { exclusive(n, "long", mutex, f) }

//go:noinline
func short(n *notes, f func()) { exclusive(n, "short", mutex, f) }

//go:noinline
func writer(n *notes, f func()) { exclusive(n, "writer", &rwlock, f) }

//go:noinline
func slow_reader(n *notes, f func()) { shared(n, "slow_reader", f) }

//go:noinline
func reader_behind(n *notes, f func()) { shared(n, "reader_behind", f) }

//go:noinline
func reads_50_ms(n *notes, f func()) { shared(n, "reads_50_ms", f) }

//go:noinline
func reads_100_ms(n *notes, f func()) { shared(n, "reads_100_ms", f) }

//go:noinline
func reads_200_ms(n *notes, f func()) { shared(n, "reads_200_ms", f) }

// Goroutines that note what they do.
type crew struct {
	group sync.WaitGroup
	all   []*notes
}

func (c *crew) start(work func(*notes)) {
	mine := new(notes)
	c.all = append(c.all, mine)
	c.group.Go(func() { work(mine) })
}

func (c *crew) end() (all notes) {
	c.group.Wait()
	for _, one := range c.all {
		all = append(all, *one...)
	}
	return all
}

func reaches(counter *atomic.Int64, goal int, pause func(time.Duration)) {
	for counter.Load() < int64(goal) {
		pause(100 * time.Microsecond)
	}
}

func askedFor(count int, little time.Duration) {
	reaches(&begun, count, time.Sleep)
	time.Sleep(little)
}

func ms(length int) time.Duration { return time.Duration(length) * time.Millisecond }

// What is done while the lock is held: stays for a while,
func stay(length int) func() { return func() { pause(ms(length)) } }

// after so many have asked.
func after(count, length int) func() {
	return func() {
		reaches(&begun, count, pause)
		pause(little + ms(length))
	}
}

func compute(length time.Duration) {
	for end := now() + int64(length); now() < end; {
	}
}

func ladder() notes {
	var c crew
	rungs := []func(*notes, func()){holds_100_ms, holds_200_ms, holds_300_ms, holds_400_ms, holds_500_ms}
	for rung, hold := range rungs {
		inside := stay(100 * (rung + 1))
		if rung == 0 {
			inside = after(5, 100)
		}
		c.start(func(n *notes) { hold(n, inside) })
		askedFor(rung+1, little)
	}
	return c.end()
}

func behindSlow(inside func()) notes {
	var c crew
	c.start(func(n *notes) { slow(n, inside) })
	askedFor(1, little)
	for range 16 {
		c.start(func(n *notes) { innocent(n, nothing) })
	}
	return c.end()
}

func hogs(victims int) notes {
	const rounds = 25
	var c crew
	var round, served atomic.Int64
	for range victims {
		c.start(func(n *notes) {
			for mine := 1; mine <= rounds; mine++ {
				reaches(&round, mine, time.Sleep)
				victim(n, func() { compute(2 * time.Microsecond) })
				served.Add(1)
			}
		})
	}
	c.start(func(n *notes) {
		for mine := 1; mine <= rounds; mine++ {
			hog(n, func() {
				round.Store(int64(mine))
				reaches(&begun, mine*(victims+1), pause)
				compute(ms(4))
			})
			reaches(&served, mine*victims, time.Sleep)
		}
	})
	return c.end()
}

func load() notes {
	var c crew
	var stop atomic.Bool
	for number := uint64(1); number <= 8; number++ {
		c.start(func(n *notes) {
			dice := number<<32 | 0x5eed
			us := func(least, most uint64) func() {
				dice ^= dice << 13
				dice ^= dice >> 7
				dice ^= dice << 17
				length := time.Duration(1000*least + dice%(1000*(most-least)))
				return func() { compute(length) }
			}
			for !stop.Load() {
				if number <= 2 {
					long(n, us(20, 60))
				} else {
					short(n, us(2, 8))
				}
			}
		})
	}
	time.Sleep(ms(1500))
	stop.Store(true)
	return c.end()
}

func pendingWriter() notes {
	var c crew
	c.start(func(n *notes) { slow_reader(n, after(7, 200)) })
	askedFor(1, little)
	c.start(func(n *notes) { writer(n, nothing) })
	askedFor(2, little)
	for range 5 {
		c.start(func(n *notes) { reader_behind(n, nothing) })
	}
	return c.end()
}

func overlappingReaders() notes {
	var c crew
	c.start(func(n *notes) { reads_50_ms(n, after(4, 50)) })
	c.start(func(n *notes) { reads_100_ms(n, after(4, 100)) })
	c.start(func(n *notes) { reads_200_ms(n, after(4, 200)) })
	askedFor(3, little)
	c.start(func(n *notes) { writer(n, nothing) })
	return c.end()
}

func processorMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

// profile is what the mutex profile says in ms, by the function of ours that
// called Unlock.
func profile() map[string]float64 {
	var text bytes.Buffer
	if err := pprof.Lookup("mutex").WriteTo(&text, 1); err != nil {
		panic(err)
	}
	said, perSecond, cycles, inner := map[string]float64{}, 1.0, 0.0, ""
	for _, line := range strings.Split(text.String(), "\n") {
		if rest, ok := strings.CutPrefix(line, "cycles/second="); ok {
			perSecond, _ = strconv.ParseFloat(rest, 64)
		} else if fields := strings.Split(line, "\t"); strings.HasPrefix(line, "#") && len(fields) > 2 {
			function, _, _ := strings.Cut(fields[2], "+0x")
			if inner == "" {
				inner = function
			}
			row, ours := strings.CutPrefix(function, "main.")
			if ours && rows[row] && ofOurLock(inner) {
				said[row] += cycles / perSecond * 1e3
			}
		} else if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "@" {
			cycles, _ = strconv.ParseFloat(fields[0], 64)
			inner = ""
		}
	}
	return said
}

var rows = map[string]bool{}

func main() {
	for _, row := range strings.Fields(`holds_100_ms holds_200_ms holds_300_ms holds_400_ms
		holds_500_ms slow innocent hog victim long short writer slow_reader reader_behind
		reads_50_ms reads_100_ms reads_200_ms`) {
		rows[row] = true
	}
	prepare()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "{\"version\":\"%s\"}\n", runtime.Version())
	for _, name := range os.Args[1:] {
		kind, digits, _ := strings.Cut(name, "-")
		number, _ := strconv.Atoi(digits)
		if why := none(kind); why != "" {
			fmt.Fprintf(out, "{\"case\":\"%s\",\"none\":\"%s\"}\n", name, why)
			continue
		}
		rate := 1
		if kind == "rate" {
			rate = number
		}
		runtime.SetMutexProfileFraction(rate)
		begun.Store(0)
		before := profile()
		var noted notes
		switch kind {
		case "ladder":
			noted = ladder()
		case "innocent":
			noted = behindSlow(after(17, 200))
		case "hog":
			noted = hogs(number)
		case "rate":
			noted = load()
		case "pending":
			noted = pendingWriter()
		case "overlapping":
			noted = overlappingReaders()
		case "sleepless":
			noted = behindSlow(func() {
				askedFor(17, little)
				before := processorMs()
				time.Sleep(time.Second)
				fmt.Fprintf(out, "{\"case\":\"%s\",\"cpu_ms\":%v}\n", name, processorMs()-before)
			})
		default:
			panic("no such case: " + name)
		}
		for _, t := range noted {
			fmt.Fprintf(out, "{\"case\":\"%s\",\"turn\":[\"%s\",%d,%d,%d,%d,%d]}\n",
				name, t.row, t.asked, t.got, t.released, t.over, t.shared)
		}
		for row, said := range profile() {
			if said -= before[row]; said > 0 {
				fmt.Fprintf(out, "{\"case\":\"%s\",\"said\":[\"%s\",%v]}\n", name, row, said)
			}
		}
	}
}
