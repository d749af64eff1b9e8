//! Who waits for one lock while it holds another one passes on the blame.

mod common;

use common::reading::{assert_between, assert_conserved, blame_of, is_function};
use common::{alone, stay, truth::now, wait_until, waiters};
use holdup::profile::{self, NestedWait, Profile};
use holdup::{Mutex, RwLock, named_mutex, named_rwlock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// When something happened; zero before.
#[derive(Default)]
struct Moment(AtomicU64);

impl Moment {
    const fn new() -> Moment {
        Moment(AtomicU64::new(0))
    }

    fn is_now(&self) {
        self.0.store(now(), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn nanos(from: u64, to: u64) -> Duration {
    Duration::from_nanos(to.saturating_sub(from))
}

/// The part of `culprit`'s blame on `lock` during which it waited for `other`.
fn part<'a>(profile: &'a Profile, lock: &str, culprit: &str, other: &str) -> &'a NestedWait {
    let is = |one: &&NestedWait| {
        let innermost = one.culprit.first();
        one.lock == lock
            && one.waited_for == other
            && innermost.is_some_and(|frame| is_function(frame, culprit))
    };
    let found: Vec<_> = profile.nested().iter().filter(is).collect();
    assert_eq!(found.len(), 1, "{culprit} on {lock} for {other}: {:#?}", profile.nested());
    found[0]
}

fn held_by(part: &NestedWait, function: &str) -> bool {
    part.held_by.first().is_some_and(|frame| is_function(frame, function))
}

static JOURNAL: Mutex<()> = named_mutex!("nested: journal", ());
static CACHE: Mutex<()> = named_mutex!("nested: cache", ());
static DISK: RwLock<()> = named_rwlock!("nested: disk", ());

/// What each thread notes of itself.
#[derive(Default)]
struct Notes {
    flush_asked_cache: Moment,
    flush_got_cache: Moment,
    flush_released_journal: Moment,
    refill_asked_disk: Moment,
    refill_got_disk: Moment,
    refill_released_cache: Moment,
    write_back_released_disk: Moment,
}

/// Holds the journal, and waits for the cache meanwhile.
#[inline(never)]
fn flush(notes: &Notes, ready: impl FnOnce()) {
    let journal = JOURNAL.lock();
    ready();
    stay(Duration::from_millis(60));
    notes.flush_asked_cache.is_now();
    let cache = CACHE.lock();
    notes.flush_got_cache.is_now();
    drop(cache);
    stay(Duration::from_millis(30));
    notes.flush_released_journal.is_now();
    drop(journal);
    std::hint::black_box(1);
}

/// Holds the cache, and waits for the disk meanwhile.
#[inline(never)]
fn refill(notes: &Notes) {
    let cache = CACHE.lock();
    wait_until(|| JOURNAL.is_locked());
    notes.refill_asked_disk.is_now();
    let disk = DISK.write();
    notes.refill_got_disk.is_now();
    drop(disk);
    stay(Duration::from_millis(40));
    notes.refill_released_cache.is_now();
    drop(cache);
    std::hint::black_box(2);
}

/// Holds the disk until it is told.
#[inline(never)]
fn write_back(notes: &Notes, until: impl FnOnce()) {
    let disk = DISK.write();
    until();
    notes.write_back_released_disk.is_now();
    drop(disk);
    std::hint::black_box(3);
}

#[test]
fn each_part_of_a_chain_is_charged_as_what_it_is() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let notes = &Notes::default();
    const WAITERS: u32 = 3;
    // When each wait for the journal began, at least and at most.
    let asked: &[Moment] = &[const { Moment::new() }; WAITERS as usize];
    let (mut all_wait, mut flush_waits, mut refill_waits) = (0, 0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            write_back(notes, || {
                wait_until(|| waiters(&CACHE) == 1);
                stay(Duration::from_millis(150));
            });
        });
        wait_until(|| DISK.is_locked());
        scope.spawn(|| refill(notes));
        wait_until(|| CACHE.is_locked());
        scope.spawn(|| flush(notes, || wait_until(|| waiters(&JOURNAL) == WAITERS as usize)));
        wait_until(|| JOURNAL.is_locked());
        let waits_for_disk = || holdup::live().locks.iter().any(|lock| lock.name == "nested: disk");
        wait_until(waits_for_disk);
        refill_waits = now();
        for asked in asked {
            scope.spawn(|| {
                asked.is_now();
                drop(JOURNAL.lock());
            });
        }
        wait_until(|| waiters(&JOURNAL) == WAITERS as usize);
        all_wait = now();
        wait_until(|| waiters(&CACHE) == 1);
        flush_waits = now();
    });
    let profile = profile::snapshot().since(&before);
    let mut text = Vec::new();
    profile.write_text(&mut text).unwrap();
    println!("{}", String::from_utf8_lossy(&text));

    // All waiters were there before the culprit waited itself.
    let journal = part(&profile, "nested: journal", "flush", "nested: cache");
    assert!(held_by(journal, "refill"), "{journal:#?}");
    assert_between(
        "flush on journal, for cache",
        journal.delay,
        WAITERS * nanos(flush_waits, notes.refill_released_cache.get()),
        WAITERS * nanos(notes.flush_asked_cache.get(), notes.flush_got_cache.get()),
    );
    let charged = blame_of(&profile, "nested: journal", "flush");
    let since = |moment: &Moment| nanos(moment.get(), notes.flush_released_journal.get());
    assert_between(
        "flush on journal",
        charged,
        WAITERS * nanos(all_wait, notes.flush_released_journal.get()),
        asked.iter().map(since).sum(),
    );
    assert!(journal.delay < charged);

    // Its waiter came while the culprit waited already, or before.
    let cache = part(&profile, "nested: cache", "refill", "nested: disk");
    assert!(held_by(cache, "write_back"), "{cache:#?}");
    let begin = refill_waits.max(flush_waits);
    assert_between(
        "refill on cache, for disk",
        cache.delay,
        nanos(begin, notes.write_back_released_disk.get()),
        nanos(
            notes.refill_asked_disk.get().max(notes.flush_asked_cache.get()),
            notes.refill_got_disk.get(),
        ),
    );
    // The last one waits for nobody.
    assert!(profile.nested().iter().all(|one| one.lock != "nested: disk"));

    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("flush` on `nested: journal`,"), "{text}");
    assert!(text.contains("while it waited for `nested: cache`, held by `"), "{text}");
    for lock in ["nested: journal", "nested: cache", "nested: disk"] {
        assert_conserved(&profile, lock);
    }
    // The same from a file.
    let mut file = Vec::new();
    profile.write_pprof(&mut file).unwrap();
    let read = Profile::read_pprof(&file[..]).unwrap();
    assert_eq!(read.nested(), profile.nested());
    let none = profile.since(&profile);
    assert!(none.nested().is_empty());
}

#[test]
fn waiters_that_come_and_give_up_meanwhile_are_counted_for_as_long_as_they_wait() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    static OUTER: Mutex<()> = named_mutex!("nested: outer", ());
    static INNER: Mutex<()> = named_mutex!("nested: inner", ());
    #[inline(never)]
    fn outer_holder(asked: &Moment, got: &Moment, until_waited_for: impl FnOnce()) {
        let outer = OUTER.lock();
        until_waited_for();
        asked.is_now();
        drop(INNER.lock());
        got.is_now();
        drop(outer);
        std::hint::black_box(4);
    }
    let before = profile::snapshot();
    let [asked_inner, got_inner, asked, gave_up] = &[const { Moment::new() }; 4];
    let (mut inner_waits, mut queued, mut released) = (0, 0, 0);
    thread::scope(|scope| {
        let inner = INNER.lock();
        let one_waits = || wait_until(|| waiters(&OUTER) == 1);
        scope.spawn(move || outer_holder(asked_inner, got_inner, one_waits));
        wait_until(|| OUTER.is_locked());
        // One that stays, so that the list does not end.
        scope.spawn(|| drop(OUTER.lock()));
        wait_until(|| waiters(&INNER) == 1);
        inner_waits = now();
        scope.spawn(|| {
            asked.is_now();
            assert!(OUTER.try_lock_for(Duration::from_millis(80)).is_none());
            gave_up.is_now();
        });
        // It may have given up before anybody saw it.
        wait_until(|| waiters(&OUTER) == 2 || gave_up.get() != 0);
        queued = now();
        wait_until(|| waiters(&OUTER) == 1);
        stay(Duration::from_millis(50));
        released = now();
        drop(inner);
    });
    let profile = profile::snapshot().since(&before);
    let part = part(&profile, "nested: outer", "outer_holder", "nested: inner");
    // All of the wait of who gave up was while the holder waited. So was that of who
    // stayed, but for what came before.
    let slack = Duration::from_millis(1);
    let gave_up_least =
        (Duration::from_millis(80) - slack).saturating_sub(nanos(asked.get(), queued));
    assert_between(
        "outer_holder on outer, for inner",
        part.delay,
        gave_up_least + nanos(inner_waits, released),
        nanos(asked.get(), gave_up.get()) + nanos(asked_inner.get(), got_inner.get()),
    );
    assert_conserved(&profile, "nested: outer");
}
