//! Bytes: of a lock, and of a thread that waits for it.
//!
//! A waiter is started on a stack of our own, all zero, and asks for a lock
//! that is held; when it is done, the lowest byte that is not zero says how
//! deep it got. What the same thread needs where nobody holds the lock is taken
//! off. Allocations are counted by the allocator of this program.

use crate::growth::wait_until_asleep;
use crate::load::Edge;
use crate::locks::{Bench, Lock};
use crate::metrics::{HEAP_BYTES, LOCK_BYTES, STACK_BYTES, Values};
use crate::work::Apart;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes that are allocated.
pub struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator; the counts only look on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Relaxed: read when all threads that matter sleep.
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: our caller keeps the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: our caller keeps the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Measures bytes.
pub struct Memory;

/// How many wait at a time.
const WAITERS: usize = 16;
/// The stack of each.
const STACK: usize = 256 * 1024;

impl Bench for Memory {
    fn run<L: Lock>(&self, _edge: &mut dyn FnMut(Edge)) -> Values {
        let (free, held) = (wait::<L>(false), wait::<L>(true));
        vec![
            (LOCK_BYTES, L::BYTES as f64),
            (STACK_BYTES, held.0.saturating_sub(free.0) as f64),
            (HEAP_BYTES, held.1.saturating_sub(free.1) as f64 / WAITERS as f64),
        ]
    }
}

struct Waiter<L> {
    lock: *const Apart<L>,
    asking: *const AtomicUsize,
}

extern "C" fn waiter<L: Lock>(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `wait` joins this thread before any of these goes.
    let (lock, asking) = unsafe {
        let waiter = &*argument.cast::<Waiter<L>>();
        (&(*waiter.lock).0, &*waiter.asking)
    };
    asking.fetch_add(1, Ordering::Relaxed);
    *lock.lock() += 1;
    ptr::null_mut()
}

/// Starts the waiters: the median depth of their stacks, and what is allocated
/// for all while they wait.
fn wait<L: Lock>(held: bool) -> (usize, usize) {
    let lock = Box::new(Apart(L::new()));
    let asking = AtomicUsize::new(0);
    let shared = Waiter { lock: &raw const *lock, asking: &raw const asking };
    let mut stacks: Vec<Stack> = (0..WAITERS).map(|_| Stack::new()).collect();
    let mut threads = Vec::with_capacity(WAITERS);
    let guard = held.then(|| lock.0.lock());
    let before = ALLOCATED.load(Ordering::Relaxed);
    for stack in &stacks {
        threads.push(stack.start(waiter::<L>, (&raw const shared).cast_mut().cast()));
    }
    if held {
        wait_until_asleep(WAITERS, &asking);
    }
    let allocated = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    drop(guard);
    for thread in threads {
        // SAFETY: started by `start`, and joined once.
        unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    }
    stacks.sort_by_key(Stack::depth);
    (stacks[WAITERS / 2].depth(), if held { allocated } else { 0 })
}

/// Memory for a stack, all zero at first.
struct Stack(*mut u8);

impl Stack {
    fn new() -> Stack {
        // SAFETY: fresh memory, wherever the kernel likes.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                STACK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(memory, libc::MAP_FAILED, "no memory for a stack");
        Stack(memory.cast())
    }

    fn start(
        &self,
        run: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> libc::pthread_t {
        // SAFETY: the attributes are initialized before use, the stack lives
        // until after the thread is joined, and so does what `argument` is.
        unsafe {
            let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
            libc::pthread_attr_init(&raw mut attributes);
            libc::pthread_attr_setstack(&raw mut attributes, self.0.cast(), STACK);
            let mut thread = 0;
            let error = libc::pthread_create(&raw mut thread, &raw const attributes, run, argument);
            assert_eq!(error, 0, "no thread");
            libc::pthread_attr_destroy(&raw mut attributes);
            thread
        }
    }

    /// How many bytes from its begin (the upper end) to the deepest that was used.
    fn depth(&self) -> usize {
        // SAFETY: mapped until `drop`; the thread that used it was joined.
        let bytes = unsafe { std::slice::from_raw_parts(self.0, STACK) };
        STACK - bytes.iter().position(|&byte| byte != 0).unwrap_or(STACK)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no thread uses it any more.
        unsafe { libc::munmap(self.0.cast(), STACK) };
    }
}
