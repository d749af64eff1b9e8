//! Work on a lock whose list one has: see, change, publish.
//!
//! A session begins with LIST taken. It holds what the word and the account say
//! (the flags, the number of readers, the pot) as values of its own, and
//! publishes them with the CAS that gives LIST back. A push makes that CAS fail; it is
//! then linked, and the session goes on with the list as it is now.

mod admission;

use super::RawRwLock;
use super::word::{
    self, ALONE, DEBT, EXCLUSIVE, LIST, LOCKED, UPGRADABLE, WOKEN, with_newest, with_readers,
};
use crate::class::ClassId;
use crate::clock;
use crate::live;
use crate::raw::backoff::Backoff;
use crate::raw::handoff::{must_give_way, must_hand_over, time_to_stay};
use crate::record::{self, Draw, RowId, Section, Sums};
use crate::sync::atomic::Ordering;
use crate::thread::{self, Record};
use crate::wait_list::{self, Account, CALLED, HANDED, Node, Wanted};
use admission::Batch;

/// The thread that has LIST, and what it is about to publish.
pub(super) struct Session<'a> {
    lock: &'a RawRwLock,
    /// The word as it is but for pushes, with LIST. Its list is linked.
    word: usize,
    /// The flags to be: LOCKED, EXCLUSIVE, UPGRADABLE, and WOKEN.
    pub(super) flags: usize,
    /// The readers to be.
    pub(super) readers: usize,
    /// What readers owe and nobody took.
    pub(super) pot: u64,
    /// Sums that are not yet in the account.
    pub(super) sums: Sums,
    /// The instant of the last claim, and how long ago the one before was.
    pub(super) now: u64,
    pub(super) section: u64,
    admitted: Batch,
}

impl RawRwLock {
    /// Takes LIST of a lock that is held, and stays so.
    pub(super) fn begin(&self) -> Session<'_> {
        let mut backoff = Backoff::new();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if let Some(taken) = self.try_take_list(word) {
                return Session::of(self, taken);
            }
            backoff.wait();
        }
    }

    /// Takes LIST if it is free in `word`. The word with it.
    pub(super) fn try_take_list(&self, word: usize) -> Option<usize> {
        debug_assert!(word & (LOCKED | LIST) != 0);
        let taken = word | LIST;
        // Acquire: what the last user of the list wrote, and pushed nodes.
        (word & LIST == 0
            && self
                .word
                .compare_exchange_weak(word, taken, Ordering::Acquire, Ordering::Relaxed)
                .is_ok())
        .then_some(taken)
    }
}

impl<'a> Session<'a> {
    /// The session of a thread that took LIST by making the word `word`.
    #[inline]
    pub(super) fn of(lock: &'a RawRwLock, word: usize) -> Session<'a> {
        debug_assert!(word & (LIST | LOCKED) == LIST | LOCKED);
        let mut session = Session {
            lock,
            word,
            flags: word & (LOCKED | EXCLUSIVE | UPGRADABLE),
            readers: 0,
            pot: lock.pot.load(Ordering::Relaxed),
            sums: Sums::default(),
            now: 0,
            section: 0,
            admitted: Batch::new(),
        };
        if session.is_queued() {
            session.flags |= word & WOKEN;
            session.link();
            session.readers = session.account().readers;
        } else {
            session.readers = word::readers(word);
        }
        session
    }

    #[inline]
    pub(super) fn is_queued(&self) -> bool {
        word::is_queued(self.word)
    }

    /// Whether readers hold the lock.
    #[inline]
    fn is_shared(&self) -> bool {
        self.flags & EXCLUSIVE == 0 && self.readers > 0
    }

    #[inline]
    fn newest(&self) -> *mut Node {
        word::newest(self.word)
    }

    #[inline]
    fn link(&mut self) {
        // SAFETY: we have LIST, and `newest` is from the word read since.
        unsafe { wait_list::link(self.newest()) };
    }

    /// The account of the list, which is not empty.
    #[inline]
    pub(super) fn account(&mut self) -> &mut Account {
        // SAFETY: we have LIST and the list is linked; the borrow of the session
        // ends before either changes.
        unsafe { wait_list::account(self.newest()) }
    }

    #[inline]
    fn oldest(&self) -> &Node {
        // SAFETY: we have LIST and the list is linked; a node on it lives, and
        // none is given away while the session is borrowed.
        unsafe { &*wait_list::oldest(self.newest()) }
    }

    /// Who is to have the lock next: who waits to upgrade, else the oldest. Not
    /// borrowed from the session: it stays on the list, alive, until it has seen
    /// its state and taken LIST in its turn.
    fn next_holder<'n>(&mut self) -> &'n Node {
        let upgrader = self.account().upgrader;
        // SAFETY: as for `oldest`; the account names only nodes of its list.
        unsafe { if upgrader.is_null() { &*wait_list::oldest(self.newest()) } else { &*upgrader } }
    }

    /// A CAS failed and found `word`: only a push can have come between.
    fn relink(&mut self, word: usize) {
        debug_assert!(word & LIST != 0 && word::is_queued(word));
        self.word = word;
        self.link();
    }

    /// All waiting since the last claim, and none where nobody waits.
    #[inline]
    fn claim(&mut self) -> u64 {
        self.claim_and_draw(|_| false).0
    }

    /// The same, and who stands for it, if that is wanted of so much.
    #[inline]
    fn claim_and_draw(&mut self, wants: impl FnOnce(u64) -> bool) -> (u64, Option<RowId>) {
        if !self.is_queued() {
            return (0, None);
        }
        let (newest, nobody) = (self.newest(), core::ptr::null());
        let ledger = &self.account().ledger;
        let now = ledger.not_before(clock::now());
        let due = ledger.due(now);
        // SAFETY: we have LIST and the list is linked.
        let draw = || unsafe { wait_list::draw_victim(newest, due, now, nobody) };
        let victim = wants(due).then(draw);
        (self.claim_at(now), victim)
    }

    #[inline]
    fn claim_at(&mut self, now: u64) -> u64 {
        let ledger = &mut self.account().ledger;
        let section = ledger.since_claim(now);
        let amount = ledger.claim(now);
        // In nobody's time, unless a writer's begins.
        self.account().nested.begin(0, 0, 0);
        (self.now, self.section) = (now, section);
        amount
    }

    /// A writer, the calling thread, has got the lock, and the handoff was claimed.
    pub(super) fn begin_alone(&mut self) {
        if self.is_queued() {
            let account = self.account();
            let waiters = account.ledger.waiters();
            account.nested.begin(thread::number(), thread::own_waited(), waiters);
        }
    }

    /// Notes that the thread of `record` holds the lock since the last claim, if others
    /// wait for it.
    pub(super) fn note_hold(&self, record: &Record, shared: bool) {
        if self.is_queued() {
            live::got(record, self.lock.address(), shared, self.now);
        }
    }

    /// Claims the time since nobody held the lock.
    pub(super) fn claim_handoff(&mut self) {
        let amount = self.claim();
        self.sums.add_handoff(amount);
        if self.is_queued() {
            self.account().began = self.now;
        }
    }

    /// Claims the time since the last claim for the readers that hold the lock. What
    /// those waited who could have shared it nobody is to blame for. Who stands for
    /// the pot is drawn by lot, in proportion to what comes to what was there: a
    /// reservoir of one, with weights (Chao 1982).
    pub(super) fn claim_for_readers(&mut self) {
        let of_pot = |pot, due| record::period() != 0 && record::random_below(pot + due) >= pot;
        if let Some(victim) = self.claim_for_readers_and_draw(of_pot) {
            self.account().pot_of = victim;
        }
    }

    /// The same, with who stands for what comes to the pot if that is wanted.
    #[inline]
    fn claim_for_readers_and_draw(
        &mut self,
        wants: impl FnOnce(u64, u64) -> bool,
    ) -> Option<RowId> {
        if !self.is_queued() {
            return None;
        }
        let now = self.account().ledger.not_before(clock::now());
        let nobodys = self.waited_to_run(now);
        let newest = self.newest();
        let oldest: *const Node = self.oldest();
        let due = self.account().ledger.due(now) - nobodys;
        let except = if nobodys > 0 { oldest } else { core::ptr::null() };
        // SAFETY: we have LIST and the list is linked.
        let draw = || unsafe { wait_list::draw_victim(newest, due, now, except) };
        let victim = (due > 0 && wants(self.pot, due)).then(draw);
        let amount = self.claim_at(now);
        self.sums.add_handoff(nobodys);
        self.pot += amount - nobodys;
        victim
    }

    /// Of what was waited since the last claim, while readers held the lock, what only
    /// kept those from running who may share it: all, if nobody waits for anything
    /// else, or what the oldest waited. (How many more stand in front of the first
    /// who must wait, nobody counts.)
    fn waited_to_run(&mut self, now: u64) -> u64 {
        if !word::may_share(self.flags, self.oldest().wanted) {
            return 0;
        }
        let (oldest, upgradable) = (self.oldest().ticket.get(), self.flags & UPGRADABLE != 0);
        let account = self.account();
        if account.alone == 0 && !upgradable {
            account.ledger.of_waiters(now)
        } else {
            account.ledger.unclaimed(oldest, now)
        }
    }

    /// Who stands for the pot.
    fn pot_of(&mut self) -> RowId {
        if self.is_queued() { self.account().pot_of } else { 0 }
    }

    /// The section of all who hold the lock ends: since when it was waited for.
    fn end_section(&mut self, section: Section) -> Section {
        if !self.is_queued() {
            return section;
        }
        // SAFETY: we have LIST and the list is linked.
        let oldest = unsafe { &*wait_list::oldest(self.newest()) };
        let at = self.now;
        let hold = self.account().end_section(oldest, at, thread::number());
        Section { hold: Some(hold), at, ..section }
    }

    /// A writer's hold ends: all that is owed is its blame.
    pub(super) fn take_blame(&mut self, draw: &Draw) -> Section {
        let pot = core::mem::take(&mut self.pot);
        let nested = match self.is_queued() {
            true => self.account().nested.claim(thread::number(), thread::own_waited()),
            false => 0,
        };
        let (amount, victim) = self
            .claim_and_draw(|due| draw.keeps(pot + due) && record::random_below(pot + due) >= pot);
        let victim = victim.unwrap_or_else(|| self.pot_of());
        let blame = amount + pot;
        if self.is_queued() {
            // Of a section that began before anybody waited the first wait.
            let waited = self.now.wrapping_sub(self.oldest().ticket.get().start);
            self.account().held = self.section.min(waited);
        }
        self.add_blame(blame);
        let nested = nested.min(amount);
        self.end_section(Section { blame, victim, nested, ..Section::default() })
    }

    /// A reader's hold ends: its share is its blame.
    pub(super) fn take_share(&mut self, draw: &Draw) -> Section {
        let last = self.readers == 1;
        let victim = if last {
            // All of the pot goes with it.
            let of_all = |pot, due| draw.keeps(pot + due) && record::random_below(pot + due) >= pot;
            let victim = self.claim_for_readers_and_draw(of_all);
            victim.unwrap_or_else(|| self.pot_of())
        } else {
            self.claim_for_readers();
            self.pot_of()
        };
        let blame = self.pot / self.readers as u64;
        self.pot -= blame;
        self.readers -= 1;
        self.add_blame(blame);
        let section = Section { blame, victim, ..Section::default() };
        if last { self.end_section(section) } else { section }
    }

    fn add_blame(&mut self, blame: u64) {
        let contended = blame > 0 || self.is_queued();
        self.sums.add_blame(blame, contended);
    }

    /// A waiter stops waiting; `node` is on the list. Returns when, at the ledger.
    fn stop_waiting(&mut self, node: &Node) -> u64 {
        let now = self.now;
        let writer = self.lock.writer();
        let account = self.account();
        let now = account.ledger.not_before(now);
        account.give_up(node, now, thread::seen(writer, now));
        now
    }

    /// Ends the wait of the calling thread, whose node is `node`, now.
    pub(super) fn end_wait(&mut self, node: &Node) {
        if self.now == 0 {
            self.now = clock::now();
        }
        let now = self.stop_waiting(node);
        let start = node.ticket.get().start;
        self.sums.add_wait(now - start);
        let (culprit, victim) = (self.account().culprit_of(start), node.victim());
        node.record.slate.note_wait(self.lock.class, now - start, now, culprit, victim);
        self.remove(node);
    }

    /// Takes `node`, which the ledger no longer counts, out of the list.
    fn remove(&mut self, node: &Node) {
        let this = core::ptr::from_ref(node).cast_mut();
        if core::ptr::eq(self.oldest(), node) {
            // Invariant 4.
            self.flags &= !WOKEN;
        }
        while self.newest() == this {
            // SAFETY: we have LIST, the list is linked and `node` is on it. What this
            // does is void if the CAS fails.
            let next = unsafe { wait_list::remove(this, node) };
            let flags = self.word & (LOCKED | LIST | EXCLUSIVE | UPGRADABLE);
            let rest = if next.is_null() {
                with_readers(self.readers, flags)
            } else {
                with_newest(next, flags | self.word & (WOKEN | ALONE))
            };
            // Release: who pushes onto `next` comes after what was done to it. LIST
            // stays ours.
            match self.lock.word.compare_exchange(
                self.word,
                rest,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    if next.is_null() {
                        // Nobody is left to carry the account.
                        let account = node.account.get();
                        self.pot += account.ledger.owed();
                        self.sums.add(&account.unbooked);
                    }
                    self.word = rest;
                    return;
                }
                Err(now) => self.relink(now),
            }
        }
        // SAFETY: as above; `node` is not the newest, so that this is final.
        unsafe { wait_list::remove(self.newest(), node) };
    }

    /// Puts what is to be into the account and makes the word of it.
    #[inline]
    fn word_to_be(&mut self) -> usize {
        self.lock.pot.store(self.pot, Ordering::Relaxed);
        if !self.is_queued() {
            debug_assert!(self.flags & WOKEN == 0);
            let debt = if self.pot > 0 { DEBT } else { 0 };
            return with_readers(self.readers, self.flags | debt);
        }
        let (readers, sums) = (self.readers, core::mem::take(&mut self.sums));
        let account = self.account();
        account.readers = readers;
        account.unbooked.add(&sums);
        let alone = if account.alone > 0 { ALONE } else { 0 };
        with_newest(self.newest(), self.flags | alone)
    }

    /// The sums to book once the list was given back: all where nobody waits any
    /// more, else what is due.
    #[inline]
    fn take_due(&mut self) -> Sums {
        if !self.is_queued() {
            return core::mem::take(&mut self.sums);
        }
        let now = self.now;
        self.account().take_due(now).unwrap_or_default()
    }

    /// Ends the waits of all, at once, whether the lock is `free` or not: nobody of
    /// them exists, and nobody else does. An upgrader, who held the lock already,
    /// goes on holding it.
    pub(super) fn end_all_waits(mut self, mut free: bool) {
        let next = self.next_holder();
        // Relaxed: there is one thread.
        let handed = !free && next.state.load(Ordering::Relaxed) == HANDED;
        let reads_on = !self.account().upgrader.is_null() && !handed;
        // Handed over, but still queued: its critical section has not begun.
        free |= handed && next.wanted != Wanted::Upgrade;
        if free || handed {
            self.claim_handoff();
        } else if self.is_shared() {
            self.claim_for_readers();
        }
        if free {
            (self.flags, self.readers) = (0, 0);
        }
        while self.is_queued() {
            // SAFETY: nobody takes it out, or leaves, but us.
            let oldest = unsafe { &*wait_list::oldest(self.newest()) };
            self.end_wait(oldest);
        }
        self.readers += usize::from(reads_on);
        let word = self.word_to_be();
        self.lock.word.store(word, Ordering::Relaxed);
        book(self.lock.class, &self.sums);
    }

    /// Gives LIST back with the lock held; afterwards wakes who was admitted.
    pub(super) fn publish(mut self) {
        let class = self.lock.class;
        debug_assert!(self.flags & LOCKED != 0);
        let mut due = Sums::default();
        let mut call = None;
        loop {
            if self.is_shared()
                && self.is_queued()
                && word::may_share(self.flags, self.oldest().wanted)
            {
                call = self.let_in().or(call);
            }
            let word = self.word_to_be();
            due.add(&self.take_due());
            match self.give_back(word) {
                Ok(()) => break,
                Err(now) => self.relink(now),
            }
        }
        if self.admitted.length > 0 {
            self.admitted.wake();
        }
        if let Some(record) = call {
            record.parker.unpark();
        }
        book(class, &due);
    }

    /// As [`publish`](Session::publish), with `node` pushed in the same step: it
    /// waits for the readers that are left.
    pub(super) fn publish_with(mut self, node: &Node) {
        let class = self.lock.class;
        let this = core::ptr::from_ref(node).cast_mut();
        loop {
            self.word_to_be();
            let older = if self.is_queued() { self.newest() } else { core::ptr::null_mut() };
            node.prepare(older, 0);
            if older.is_null() {
                node.set_readers(self.readers);
            }
            match self.give_back(with_newest(this, self.flags | ALONE)) {
                Ok(()) => break,
                Err(now) => self.relink(now),
            }
        }
        wait_list::steps::count_push();
        book(class, &self.sums);
    }

    /// Gives LIST back, the hold having ended and been claimed: to who waits to
    /// upgrade, or to the oldest where it must be so or `fair`ly, else to whoever
    /// comes first. Whether the caller should leave its processor to a waiter.
    pub(super) fn release(mut self, fair: bool) -> bool {
        let class = self.lock.class;
        debug_assert!(self.readers == 0 && self.pot == 0);
        let mut hand_over = fair;
        let mut give_way = false;
        let mut wake = None;
        let mut due = Sums::default();
        self.flags &= WOKEN;
        loop {
            if self.is_queued() {
                let on_the_way = self.flags & WOKEN != 0;
                let target = self.next_holder();
                let (now, section) = (self.now, self.section);
                let account = self.account();
                let now = account.ledger.not_before(now);
                hand_over = hand_over
                    || target.wanted == Wanted::Upgrade
                    || must_hand_over(account, target, section, now);
                if hand_over {
                    account.handed_at = now;
                    self.flags |= LOCKED | EXCLUSIVE;
                    wake = Some(target.record);
                    // Release: with all that was written under the lock.
                    target.state.store(HANDED, Ordering::Release);
                } else if on_the_way {
                    if must_give_way(account, target, section, now) {
                        account.gave_way_at = now;
                        give_way = true;
                    }
                } else {
                    let stay = time_to_stay(account, target, section, now);
                    target.stay.store(stay, Ordering::Relaxed);
                    account.called_at = now;
                    account.gave_way_at = now;
                    self.flags |= WOKEN;
                    wake = Some(target.record);
                    target.state.store(CALLED, Ordering::Release);
                }
            }
            let word = self.word_to_be();
            due.add(&self.take_due());
            match self.give_back(word) {
                Ok(()) => break,
                Err(now) => self.relink(now),
            }
        }
        // Invariant 8: from here on the lock may be gone.
        if let Some(record) = wake {
            record.parker.unpark();
        }
        book(class, &due);
        give_way
    }

    #[inline]
    fn give_back(&self, word: usize) -> Result<(), usize> {
        // Release: the critical section, the list, the account. Acquire: pushes.
        self.lock
            .word
            .compare_exchange(self.word, word, Ordering::Release, Ordering::Acquire)
            .map(drop)
    }
}

fn book(class: ClassId, sums: &Sums) {
    if *sums != Sums::default() {
        record::book(class, sums);
    }
}
