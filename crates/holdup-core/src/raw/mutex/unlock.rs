//! Releasing a lock that somebody waits for, or owes a debt.

use super::RawMutex;
use crate::clock;
use crate::live;
use crate::raw::backoff::Backoff;
use crate::raw::handoff::{must_give_way, must_hand_over, time_to_stay};
use crate::record::{self, Draw, Section, Sums};
use crate::sync::atomic::Ordering;
use crate::sync::yield_now;
use crate::thread;
use crate::wait_list::{self, CALLED, HANDED};
use crate::word::{self, LIST, LOCKED, WOKEN};

impl RawMutex {
    /// Releases a lock that somebody waits for, or owes a debt.
    #[cold]
    #[inline(never)]
    pub(super) fn unlock_slow(&self, fair: bool) {
        let class = self.class;
        live::released(core::ptr::from_ref(self).addr());
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        // Take the list, or release a lock that has none.
        let had = loop {
            if !word::has_waiters(word) {
                // Release: the next holder sees the critical section.
                match self.word.compare_exchange_weak(word, 0, Ordering::Release, Ordering::Relaxed)
                {
                    Ok(_) => {
                        let debt = word::debt(word);
                        if debt > 0 {
                            let sums = Sums { contentions: 1, blamed: debt, ..Sums::default() };
                            record::book(class, &sums);
                            let section = Section { blame: debt, ..Section::default() };
                            record::section_ended(class, &Draw::new(), &section);
                        }
                        return;
                    }
                    Err(now) => word = now,
                }
            } else if word & LIST != 0 {
                // A waiter that timed out is leaving.
                backoff.wait();
                word = self.word.load(Ordering::Relaxed);
            } else {
                // WOKEN goes in before any `state` does (invariant 4).
                // Acquire: the list.
                let taken = word | LIST | WOKEN;
                match self.word.compare_exchange_weak(
                    word,
                    taken,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break word,
                    Err(now) => word = now,
                }
            }
        };
        let on_the_way = had & WOKEN != 0;
        word = had | LIST | WOKEN;
        let draw = Draw::new();
        let (mut section_over, mut first) = (Section::default(), true);
        let mut victim = None;
        let mut sums = None;
        let mut hand_over = fair;
        let mut give_way = false;
        let mut called = on_the_way;
        let wake = loop {
            let newest = word::newest(word);
            // SAFETY: we have LIST, `newest` was read since; `oldest` is alive
            // as long as we have it.
            let oldest = unsafe {
                wait_list::link(newest);
                let account = wait_list::account(newest);
                let now = account.ledger.not_before(clock::now());
                let section = account.ledger.since_claim(now);
                let oldest = &*wait_list::oldest(newest);
                wait_list::check_woken(oldest, on_the_way || !first);
                if hand_over || must_hand_over(account, oldest, section, now) {
                    hand_over = true;
                    account.handed_at = now;
                } else if !on_the_way {
                    let stay = time_to_stay(account, oldest, section, now);
                    oldest.stay.store(stay, Ordering::Relaxed);
                    account.called_at = now;
                    account.gave_way_at = now;
                } else if !oldest.moved.get() && must_give_way(account, oldest, section, now) {
                    account.gave_way_at = now;
                    give_way = true;
                }
                let due = account.ledger.due(now);
                if victim.is_none() && draw.keeps(section_over.blame + due) {
                    victim = Some(wait_list::draw_victim(newest, due, now, core::ptr::null()));
                }
                let nested = account.nested.claim(thread::number(), thread::own_waited());
                let claim = account.ledger.claim(now);
                section_over.nested += nested.min(claim);
                account.unbooked.add_blame(claim, first);
                if first {
                    let hold = account.end_section(oldest, now, thread::number());
                    section_over = Section { hold: Some(hold), at: now, ..section_over };
                }
                first = false;
                section_over.blame += claim;
                // Once: what a second turn claims stays for the next unlock.
                if sums.is_none() {
                    sums = account.take_due(now);
                }
                oldest
            };
            let wake = oldest.record;
            let released = if hand_over {
                // Release: its owner may see it before the word.
                oldest.state.store(HANDED, Ordering::Release);
                word & !LIST
            } else {
                // Once: it may be awake already, and about to give WOKEN back; a
                // second call would outlive the bit.
                if !called {
                    called = true;
                    oldest.state.store(CALLED, Ordering::Release);
                }
                word & !(LIST | LOCKED)
            };
            // Release: the critical section, the list, `state`.
            match self.word.compare_exchange(word, released, Ordering::Release, Ordering::Acquire) {
                // Invariant 7: from here on the mutex may be gone.
                Ok(_) => break (hand_over || !on_the_way).then_some(wake),
                Err(now) => word = now,
            }
        };
        if let Some(record) = wake {
            record.parker.unpark();
        }
        if let Some(sums) = sums {
            record::book(class, &sums);
        }
        section_over.victim = victim.unwrap_or(0);
        record::section_ended(class, &draw, &section_over);
        if give_way {
            yield_now();
        }
    }
}
