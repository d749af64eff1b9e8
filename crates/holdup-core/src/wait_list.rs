//! The wait list: who waits for one lock, in the order they came.
//!
//! A waiter pushes its node with one CAS on the lock word, at the *newest*
//! end, and writes nothing else that is shared. The other direction is linked
//! later, by whoever has exclusive use of the list (the `LIST` bit of the
//! word): it walks from the newest node along `older`, sets `newer` of each,
//! and stops at the first node that was linked before. Each node is visited
//! once, so linking is amortized constant, and no thread ever walks the list.
//!
//! ```text
//!   word --> D ----> C ----> B ----> A            older -->
//!            |       |      / \     / \
//!            |       +-?   C   <-- B              <-- newer
//!          pushed, not     |
//!          yet linked      first linked node: holds `account` and `oldest` (= A)
//!
//!   after `link`:
//!   word --> D <---> C <---> B <---> A            D holds `account` and `oldest`
//! ```
//!
//! # Invariants
//!
//! 1. **Push only.** Without the `LIST` bit a list changes only by a push: the
//!    pusher's own node, whose `older` is the word's node at the moment of the
//!    CAS, becomes the word's node. A failed push means that another thread
//!    made lasting progress on this lock.
//! 2. **Exclusive use.** Every field of a node except `state` and `stay` is read and
//!    written only by its owner before it is pushed, and by the thread that
//!    has the `LIST` bit afterwards.
//! 3. **Out before it dies.** A node is removed, under the `LIST` bit, by the
//!    thread that pushed it before its call returns, or by the one that gives
//!    it what it waits for, before it says so in `state` (`ADMITTED`). So under
//!    that bit every node on the list is alive, and a node is never touched
//!    after its owner left. From a condvar's list a notifier may take it, too:
//!    then it is the notifier's, in its owner's place, until it is pushed on
//!    the list of a mutex or `ADMITTED`. The owner does not return before.
//! 4. **First linked.** On the way from the newest node along `older`, the
//!    first node whose `oldest` is not null is the first linked one. It holds
//!    the valid `account` and `oldest`; what stands in these fields of nodes
//!    further on is stale. All nodes from there on are linked: their `newer`
//!    are right, and that of the first linked one is null or stale.
//! 5. **Counted when linked.** The ledger counts exactly the linked nodes, and
//!    so does the account count those that want the lock for themselves alone.
//! 6. **A cursor on the list.** The account's `cursor` is null, or a linked node:
//!    it moves on when its node is removed.
//!
//! # Orderings
//!
//! A push is a Release CAS on the word, taking the `LIST` bit an Acquire one:
//! the fields of each node reachable from the word are visible. Giving the
//! bit back is a Release, so what one user of the list wrote the next one
//! sees. All changes of the word are read-modify-writes, so a release is not
//! lost when a push or a flag follows it.

use crate::ledger::{Ledger, Ticket};
use crate::nested::{Nested, Seen};
use crate::record::{self, Ended, RowId, Sums};
use crate::sync::Cell;
use crate::sync::atomic::AtomicU32;
use crate::thread::Record;
// What no lock depends on: see `sync`.
use core::sync::atomic::{AtomicU32 as Hint, AtomicU64 as HintOfTime, Ordering::Relaxed};

#[cfg(any(holdup_verify, loom, shuttle))]
mod verify;

/// The node waits, nobody has called it.
pub(crate) const WAITING: u32 = 0;
/// The node was woken and shall try to get the lock (the `WOKEN` bit is its).
pub(crate) const CALLED: u32 = 1;
/// The node was woken, runs, and looks at the lock (the `WOKEN` bit is its).
pub(crate) const AWAKE: u32 = 3;
/// The lock was handed to the node: it holds it. (The `WOKEN` bit of a mutex is its.)
pub(crate) const HANDED: u32 = 2;
/// The node is off the list, and its owner counts among the readers that hold
/// the lock. Of a condvar's list: its owner was notified.
pub(crate) const ADMITTED: u32 = 4;
/// As `ADMITTED`, and its owner shall go on admitting those behind it.
pub(crate) const ADMITTED_ON: u32 = 5;

/// What a waiter waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// The lock for itself alone.
    Exclusive,
    /// The lock together with other readers.
    Shared,
    /// As `Shared`, as the one reader that may upgrade.
    Upgradable,
    /// The end of the other readers: it holds the lock upgradably.
    Upgrade,
}

impl Wanted {
    /// Whether new readers must stand behind such a waiter.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Wanted::Exclusive | Wanted::Upgrade)
    }
}

/// What has a wait list.
pub(crate) trait Awaited {
    /// Called in a forked child for each wait of a thread that does not exist
    /// there: ends all waits, because nobody will take the nodes out. Their memory
    /// is still what it was at the fork. May be called again.
    ///
    /// # Safety
    /// The caller is the only thread of the process, and waits for nothing.
    unsafe fn forget_waiters(&self);
}

/// One waiting call. Lives on the stack of the thread that waits. Aligned so
/// that the flags of a lock word fit below its address.
#[repr(align(128))]
pub(crate) struct Node {
    /// The node pushed before this one.
    pub(crate) older: Cell<*mut Node>,
    /// The node pushed after this one (invariant 4).
    newer: Cell<*mut Node>,
    /// In the first linked node, the oldest node of all; null until a node
    /// was first linked once.
    oldest: Cell<*mut Node>,
    /// Start of the wait, and since when the ledger counts it.
    pub(crate) ticket: Cell<Ticket>,
    /// How to wake the thread. Records are never freed, so the parker may be
    /// used after the node is gone.
    pub(crate) record: &'static Record,
    /// What it saw of the holder's own waits when it began to wait.
    pub(crate) seen: Cell<Seen>,
    /// What it waits for. Written by its owner before it is pushed.
    pub(crate) wanted: Wanted,
    /// When it was admitted, if it was.
    pub(crate) admitted_at: Cell<u64>,
    /// Whether a notifier moved it here from the list of a condvar.
    pub(crate) moved: Cell<bool>,
    /// One of `WAITING` to `ADMITTED_ON`. The thread that has the `LIST` bit
    /// calls, hands over or admits; the owner answers a call with `AWAKE`, and
    /// takes that back to `WAITING`.
    pub(crate) state: AtomicU32,
    /// How long its owner, when called, should stay awake, in nanoseconds. A hint,
    /// written by who calls it.
    pub(crate) stay: HintOfTime,
    /// The stack of its owner, once that is about to sleep; zero before, and where
    /// it is not kept.
    victim: Hint,
    /// Who ended the section after which it was admitted.
    pub(crate) admitted_by: Cell<Ended>,
    /// In the first linked node, the sums of the lock.
    pub(crate) account: Cell<Account>,
}

/// What travels with the list: the ledger, and what is claimed but not yet
/// booked.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    pub(crate) ledger: Ledger,
    /// Sums that were not yet added to those of the class. Here an addition
    /// costs next to nothing, there it is an atomic one: so they are carried
    /// along while the list lives, and booked when they are due.
    pub(crate) unbooked: Sums,
    booked_at: u64,
    /// When the oldest waiter was last woken.
    pub(crate) called_at: u64,
    /// When the oldest waiter was last woken, or a processor left to it.
    pub(crate) gave_way_at: u64,
    /// When the lock was last handed over directly.
    pub(crate) handed_at: u64,
    /// Of a lock with readers, how many hold it.
    pub(crate) readers: usize,
    /// Of a lock with readers, how long its last writer held it while somebody waited.
    pub(crate) held: u64,
    /// How many linked nodes want the lock for themselves alone.
    pub(crate) alone: usize,
    /// The node that waits to upgrade, null if none does.
    pub(crate) upgrader: *mut Node,
    /// The part of what is waited during which the holder waits itself.
    pub(crate) nested: Nested,
    /// Where the next victim is sought from; null for the newest node.
    cursor: *mut Node,
    /// Who stands for what those who gave up left owed.
    owed_by: RowId,
    /// Who stands for what readers owe and nobody took.
    pub(crate) pot_of: RowId,
    /// Since when the section that goes on is waited for.
    pub(crate) began: u64,
    /// The longest section that somebody who waits may have waited for.
    longest: (u64, Ended),
    /// The last one.
    last: Ended,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            ledger: Ledger::default(),
            unbooked: Sums::default(),
            booked_at: 0,
            called_at: 0,
            gave_way_at: 0,
            handed_at: 0,
            readers: 0,
            held: 0,
            alone: 0,
            upgrader: core::ptr::null_mut(),
            nested: Nested::default(),
            cursor: core::ptr::null_mut(),
            owed_by: 0,
            pot_of: 0,
            began: 0,
            longest: (0, Ended { thread: 0, at: 0 }),
            last: Ended { thread: 0, at: 0 },
        }
    }
}

/// How long sums may wait to be booked while there are waiters, in
/// nanoseconds.
const BOOKING_INTERVAL: u64 = 20_000;

impl Account {
    /// Counts a node that was linked. It was pushed after the last claim; what its
    /// thread waited before that without being on the list, other sections were the
    /// cause of, and they are claimed. It is spun.
    fn join(&mut self, node: &Node) {
        let start = node.ticket.get().start;
        let late = self.ledger.claimed_at().saturating_sub(start);
        self.unbooked.spun += late;
        node.ticket.set(self.ledger.join(start + late));
        if late > 0 {
            // What it saw was before.
            node.seen.set(Seen::default());
        }
        self.nested.join(node.seen.get());
        self.alone += usize::from(node.wanted.is_alone());
        if node.wanted == Wanted::Upgrade {
            self.upgrader = core::ptr::from_ref(node).cast_mut();
        }
    }

    /// A linked node stops waiting at `now`, which is not before the last
    /// instant the ledger knows; returns how long it waited.
    pub(crate) fn leave(&mut self, node: &Node, now: u64) -> u64 {
        self.leave_as(node, now, Seen::default())
    }

    /// The same, where the lock is still held: `holder` says by whom, and how long that
    /// has waited by now.
    fn leave_as(&mut self, node: &Node, now: u64, holder: Seen) -> u64 {
        self.alone -= usize::from(node.wanted.is_alone());
        if node.wanted == Wanted::Upgrade {
            self.upgrader = core::ptr::null_mut();
        }
        let claimed = self.ledger.is_claimed(node.ticket.get());
        let waited = (holder.holder != 0).then_some(holder.waited);
        self.nested.leave(node.seen.get(), claimed, holder.holder, waited);
        self.ledger.leave(node.ticket.get(), now)
    }

    /// As [`leave`](Account::leave), of a waiter that gives up. It stands for what
    /// it leaves owed, or who does so already: by lot, in proportion. `holder` is the
    /// lock's, if it is known.
    pub(crate) fn give_up(&mut self, node: &Node, now: u64, holder: Seen) -> u64 {
        let owed = self.ledger.owed();
        let waited = self.leave_as(node, now, holder);
        let all = self.ledger.owed();
        if all > owed && record::random_below(all) >= owed {
            self.owed_by = node.victim();
        }
        waited
    }

    /// The section that `thread` had the lock for ends at `now`. For how long it
    /// was waited for.
    #[inline]
    pub(crate) fn end_section(&mut self, oldest: &Node, now: u64, thread: u32) -> u64 {
        let hold = now.saturating_sub(self.began);
        self.began = now;
        self.last = Ended { thread, at: now };
        // Nobody waited for one that ended before the oldest came.
        if hold >= self.longest.0 || self.longest.1.at <= oldest.ticket.get().start {
            self.longest = (hold, self.last);
        }
        hold
    }

    /// Whose section held up who has waited since `start`: the longest one, if it
    /// saw that; else the last.
    #[inline]
    pub(crate) fn culprit_of(&self, start: u64) -> Ended {
        if self.longest.1.at > start { self.longest.1 } else { self.last }
    }

    /// The unbooked sums, if it is time to book them.
    #[inline]
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Sums> {
        (now.wrapping_sub(self.booked_at) >= BOOKING_INTERVAL).then(|| {
            self.booked_at = now;
            core::mem::take(&mut self.unbooked)
        })
    }
}

impl Node {
    pub(crate) fn new(record: &'static Record, wanted: Wanted, start: u64) -> Node {
        Node {
            wanted,
            admitted_at: Cell::new(0),
            moved: Cell::new(false),
            older: Cell::new(core::ptr::null_mut()),
            newer: Cell::new(core::ptr::null_mut()),
            oldest: Cell::new(core::ptr::null_mut()),
            ticket: Cell::new(Ticket { start, epoch: 0 }),
            seen: Cell::new(Seen::default()),
            record,
            state: AtomicU32::new(WAITING),
            stay: HintOfTime::new(0),
            victim: Hint::new(0),
            admitted_by: Cell::new(Ended { thread: 0, at: 0 }),
            account: Cell::new(Account::default()),
        }
    }

    /// Sets the start of the wait of a node that is not yet pushed.
    pub(crate) fn begin(&self, start: u64) {
        self.ticket.set(Ticket { start, epoch: 0 });
    }

    /// Notes what is to be seen of the thread that holds the lock, zero for none; of a
    /// node that is not yet pushed, and whose start is set.
    #[inline]
    pub(crate) fn see(&self, holder: u32) {
        self.seen.set(crate::thread::seen(holder, self.ticket.get().start));
    }

    /// Makes a node that is not yet pushed the only one of a list that owes
    /// `debt`, or a follower of `older`.
    pub(crate) fn prepare(&self, older: *mut Node, debt: u64) {
        self.older.set(older);
        if older.is_null() {
            let began = self.ticket.get().start;
            let ledger = Ledger::owing(debt);
            let mut account = Account { ledger, began, ..Account::default() };
            account.join(self);
            self.account.set(account);
            self.oldest.set(core::ptr::from_ref(self).cast_mut());
        } else {
            self.oldest.set(core::ptr::null_mut());
        }
    }
}

impl Node {
    /// Notes the stack of its owner, who calls this before it sleeps. Once.
    #[inline]
    pub(crate) fn enter_victim(&self) {
        if self.victim() == 0 {
            self.victim.store(record::enter_victim(), Relaxed);
            self.record.slate.learn_name();
        }
    }

    /// What `enter_victim` noted.
    #[inline]
    pub(crate) fn victim(&self) -> RowId {
        self.victim.load(Relaxed)
    }

    /// Says, of a node prepared as the only one of its list, how many readers hold
    /// the lock.
    pub(crate) fn set_readers(&self, readers: usize) {
        self.account.set(Account { readers, ..self.account.get() });
    }
}

/// Links the list whose newest node is `newest`; afterwards that is the first
/// linked one. Amortized constant: visits each pushed node once.
///
/// # Safety
/// The caller has the `LIST` bit, and `newest` came, not null, from a word
/// read since.
#[inline]
pub(crate) unsafe fn link(newest: *mut Node) {
    // SAFETY: invariant 3: under the LIST bit all nodes on the list live.
    let first = unsafe { &*newest };
    if first.oldest.get().is_null() {
        // SAFETY: the caller's promise.
        unsafe { link_pushed(first) }
    }
    #[cfg(any(holdup_verify, loom, shuttle))]
    // SAFETY: the caller's promise.
    unsafe {
        verify::list(newest, verify::Leaving::Perhaps);
    }
    steps::count_use();
}

#[inline(never)]
unsafe fn link_pushed(first: &Node) {
    let mut at = first;
    let linked = loop {
        steps::count_step();
        let older = at.older.get();
        // SAFETY: invariant 3; `older` is not null, because a node without an
        // older one is linked from its birth (`prepare`).
        let next = unsafe { &*older };
        next.newer.set(core::ptr::from_ref(at).cast_mut());
        if !next.oldest.get().is_null() {
            break next;
        }
        at = next;
    };
    // Invariant 5: count those passed. They join at their own start, so the
    // order does not matter; walk back from the one that was linked.
    let mut account = linked.account.get();
    let mut at = linked.newer.get();
    loop {
        // SAFETY: invariant 3; `newer` was set above up to `first`.
        let node = unsafe { &*at };
        account.join(node);
        if core::ptr::eq(node, first) {
            break;
        }
        at = node.newer.get();
    }
    first.oldest.set(linked.oldest.get());
    first.account.set(account);
}

/// The oldest node of a linked list.
///
/// # Safety
/// As for [`link`], and `newest` is linked.
#[inline]
pub(crate) unsafe fn oldest(newest: *mut Node) -> *mut Node {
    // SAFETY: invariant 3.
    unsafe { (*newest).oldest.get() }
}

/// Where invariants are checked: a node that was called has WOKEN in the word,
/// which is ours to judge by whether it was set when we took the list.
#[inline(always)]
pub(crate) fn check_woken(oldest: &Node, woken: bool) {
    #[cfg(any(holdup_verify, loom, shuttle))]
    verify::woken(oldest, woken);
    let _ = (oldest, woken);
}

/// The node pushed after `node`.
///
/// # Safety
/// As for [`oldest`], `node` is on the list, linked, and not the newest; or all of
/// that was true when the whole list was taken out, and `node` was not given away since.
#[inline]
pub(crate) unsafe fn newer(node: *mut Node) -> *mut Node {
    // SAFETY: invariant 3.
    unsafe { (*node).newer.get() }
}

/// The account of a linked list.
///
/// # Safety
/// As for [`oldest`], and the reference is dropped before LIST is given back
/// and before the list is linked again or a node removed.
#[inline]
pub(crate) unsafe fn account<'a>(newest: *mut Node) -> &'a mut Account {
    // SAFETY: invariants 2 and 3: nobody else uses it.
    unsafe { &mut *(*newest).account.as_ptr() }
}

/// How far the cursor goes for a victim, at most, and how often.
const REACH: u64 = 4;
const TRIES: usize = 4;

/// Draws a victim of the `due` that is about to be claimed at `now`: each waiter in
/// proportion to its part (`except`, if it is not null, none), zero if the one that
/// is drawn has no stack. Constant time.
///
/// A waiter is proposed by moving the cursor on by less than [`REACH`] nodes, by
/// lot, and accepted with the chance `part / most`. With up to [`REACH`] waiters all
/// are proposed alike, from wherever the cursor starts. With more of them the cursor
/// goes round, with steps that have no rhythm, so that over many draws all who wait
/// equally long are proposed equally often.
///
/// # Safety
/// As for [`account`], and the list is linked.
#[cold]
#[inline(never)]
pub(crate) unsafe fn draw_victim(
    newest: *mut Node,
    due: u64,
    now: u64,
    except: *const Node,
) -> RowId {
    // SAFETY: the caller's promise.
    let (account, oldest) = unsafe { (account(newest), &*oldest(newest)) };
    let ledger = account.ledger;
    // What was owed when it was claimed has its own one.
    if ledger.owed() > 0 && record::random_below(due) < ledger.owed() {
        return account.owed_by;
    }
    let most = match ledger.claimed_at() {
        0 => ledger.unclaimed(oldest.ticket.get(), now),
        claimed_at => now.saturating_sub(claimed_at),
    };
    let mut at: *const Node = if account.cursor.is_null() { newest } else { account.cursor };
    for _ in 0..TRIES {
        for _ in 0..record::random_below(REACH.min(ledger.waiters())) {
            // SAFETY: invariants 3 and 6, and all linked nodes are on the list.
            let older = unsafe { (*at).older.get() };
            at = if older.is_null() { newest } else { older };
        }
        // SAFETY: as above.
        let node = unsafe { &*at };
        let part = ledger.unclaimed(node.ticket.get(), now);
        if !core::ptr::eq(node, except) && record::random_below(most.max(1)) < part {
            account.cursor = at.cast_mut();
            return node.victim();
        }
    }
    // Nearly all came just now: then it is the oldest that waited.
    account.cursor = at.cast_mut();
    oldest.victim()
}

/// Calls `visit` with each node of the list, newest first. Linear: for lists
/// that end.
///
/// # Safety
/// As for [`link`].
pub(crate) unsafe fn for_each(newest: *mut Node, mut visit: impl FnMut(&Node)) {
    let mut at = newest;
    // SAFETY: invariant 3.
    while let Some(node) = unsafe { at.as_ref() } {
        visit(node);
        at = node.older.get();
    }
}

/// Takes `node` out of the linked list `newest`, constant time. The newest
/// node afterwards is returned; it holds the account, which is lost where it
/// is null. If that is another node than `newest`, it must be put into the
/// word in the place of `newest`; where that fails because of a push, this
/// call did nothing, and must be done again after linking.
///
/// # Safety
/// As for [`link`], `newest` is linked and `node` is on its list.
#[inline]
pub(crate) unsafe fn remove(newest: *mut Node, node: &Node) -> *mut Node {
    // SAFETY: the caller's promise.
    let newest = unsafe { take_out(newest, node) };
    #[cfg(any(holdup_verify, loom, shuttle))]
    if !newest.is_null() {
        // SAFETY: what is left is linked, and still only ours.
        unsafe { verify::list(newest, verify::Leaving::Nobody) };
    }
    newest
}

#[inline(always)]
unsafe fn take_out(newest: *mut Node, node: &Node) -> *mut Node {
    let older = node.older.get();
    // SAFETY: invariant 3 for all nodes named by nodes of the list.
    unsafe {
        if core::ptr::eq(newest, node) {
            if !older.is_null() {
                // Stale, and harmless, if the word turns out to have changed
                // (invariant 4): `node` then still is the first linked one.
                (*older).oldest.set(node.oldest.get());
                let mut account = node.account.get();
                if core::ptr::eq(account.cursor, node) {
                    account.cursor = older;
                }
                (*older).account.set(account);
            }
            return older;
        }
        let account = account(newest);
        if core::ptr::eq(account.cursor, node) {
            account.cursor = older;
        }
        let newer = node.newer.get();
        (*newer).older.set(older);
        if older.is_null() {
            (*newest).oldest.set(newer);
        } else {
            (*older).newer.set(newer);
        }
        newest
    }
}

/// Counts of linking work, kept only under `--cfg holdup_count_steps`.
pub mod steps {
    #[cfg(holdup_count_steps)]
    pub use counted::*;

    #[cfg(holdup_count_steps)]
    mod counted {
        use core::sync::atomic::{AtomicU64, Ordering};

        static STEPS: AtomicU64 = AtomicU64::new(0);
        static USES: AtomicU64 = AtomicU64::new(0);
        static PUSHES: AtomicU64 = AtomicU64::new(0);

        /// How much work the wait lists of this program were so far.
        #[derive(Clone, Copy, Debug)]
        pub struct LinkingWork {
            /// Nodes visited.
            pub steps: u64,
            /// Times that a list was linked before it was used.
            pub uses: u64,
            /// Nodes pushed.
            pub pushes: u64,
        }

        /// Reads the counts.
        #[must_use]
        pub fn linking_work() -> LinkingWork {
            let get = |count: &AtomicU64| count.load(Ordering::SeqCst);
            LinkingWork { steps: get(&STEPS), uses: get(&USES), pushes: get(&PUSHES) }
        }

        pub fn count_step() {
            STEPS.fetch_add(1, Ordering::SeqCst);
        }

        pub fn count_use() {
            USES.fetch_add(1, Ordering::SeqCst);
        }

        pub fn count_push() {
            PUSHES.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[cfg(not(holdup_count_steps))]
    pub(crate) fn count_step() {}
    #[cfg(not(holdup_count_steps))]
    pub(crate) fn count_use() {}
    #[cfg(not(holdup_count_steps))]
    pub(crate) fn count_push() {}
}
