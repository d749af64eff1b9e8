//! The rows of each table, filtered and sorted, and what is behind a row.

use std::cmp::{Ordering, Reverse};

use super::document::{Frame, Holder, LiveLock, Waiter};
use super::interval::{Culprit, Interval, Lock, Longest, of_program};
use super::state::{Panel, Sort, State, Waiting};
use crate::names::without_type_arguments;
use crate::units::{count, duration, printable, share};

/// A row: figures, and names, which are cut if there is no room.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub figures: Vec<String>,
    pub names: Vec<String>,
    /// Belongs to the row above it.
    pub below: bool,
}

/// A table as it is to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Titles of the figures, and how wide they are.
    pub figures: &'static [(&'static str, u16)],
    pub names: &'static [&'static str],
    pub rows: Vec<Row>,
    /// What to say if there are none.
    pub empty: String,
}

impl State {
    /// The table of `panel`.
    pub fn table(&self, panel: Panel) -> Table {
        let nothing = |interval: Option<&Interval>, what: &str| match interval {
            None => "nothing known yet".to_owned(),
            Some(_) if !self.filter.is_empty() => format!("nothing with \"{}\"", self.filter),
            Some(_) => what.to_owned(),
        };
        match panel {
            Panel::Culprits => Table {
                figures: &[("share", 7), ("held up", 8), ("times", 8)],
                names: &["function that held others up", "lock"],
                rows: self.culprits().into_iter().map(|it| self.culprit_row(it)).collect(),
                empty: nothing(self.interval(), "nobody was held up"),
            },
            Panel::Locks => Table {
                figures: &[("waited", 8), ("waits", 8), ("handoff", 8), ("longest", 8)],
                names: &["lock"],
                rows: self.locks().into_iter().map(lock_row).collect(),
                empty: nothing(self.interval(), "nobody waited"),
            },
            Panel::Waiting => Table {
                figures: &[("waiting", 8)],
                names: &["who, for what"],
                rows: self.waiting_locks().into_iter().flat_map(waiting_rows).collect(),
                empty: match &self.waiting {
                    Waiting::Unknown(why) => why.clone(),
                    Waiting::Known(live) if !live.locks.is_empty() => {
                        format!("nothing with \"{}\"", self.filter)
                    }
                    Waiting::Known(_) => "nobody waits".to_owned(),
                },
            },
            Panel::Longest => Table {
                figures: &[("waited", 8)],
                names: &["held up by", "who waited in", "lock"],
                rows: self.longest().into_iter().map(longest_row).collect(),
                empty: nothing(self.interval(), "not known of this program"),
            },
        }
    }

    fn has(&self, names: &[&str]) -> bool {
        self.filter.is_empty()
            || names.iter().any(|name| name.to_lowercase().contains(&self.filter))
    }

    fn order<T>(&self, rows: &mut [T], count: fn(&T) -> u64, name: fn(&T) -> &str) {
        match self.sort {
            // As they are.
            Sort::Time => {}
            Sort::Count => rows.sort_by_key(|row| Reverse(count(row))),
            Sort::Name => rows.sort_by(|a, b| -> Ordering { name(a).cmp(name(b)) }),
        }
    }

    fn culprits(&self) -> Vec<&Culprit> {
        let all = self.interval().map_or(&[][..], |interval| &interval.culprits);
        let mut rows: Vec<&Culprit> =
            all.iter().filter(|it| self.has(&[&it.function, &it.lock])).collect();
        self.order(&mut rows, |it| it.count, |it| &it.function);
        rows
    }

    fn locks(&self) -> Vec<&Lock> {
        let all = self.interval().map_or(&[][..], |interval| &interval.locks);
        let shown = |it: &&Lock| it.waits > 0 && self.has(&[&it.name]);
        let mut rows: Vec<&Lock> = all.iter().filter(shown).collect();
        self.order(&mut rows, |it| it.waits, |it| &it.name);
        rows
    }

    fn longest(&self) -> Vec<&Longest> {
        let all = self.interval().map_or(&[][..], |interval| &interval.longest);
        let shown = |it: &&Longest| {
            let victim = it.victim.first().map_or("", |call| &call.function);
            let threads = (&it.culprit_thread, &it.victim_thread);
            self.has(&[it.held_up_by(), victim, &it.lock, threads.0, threads.1])
        };
        let mut rows: Vec<&Longest> = all.iter().filter(shown).collect();
        self.order(&mut rows, |it| it.wait_ns, |it| &it.lock);
        rows
    }

    fn waiting_locks(&self) -> Vec<&LiveLock> {
        let Waiting::Known(live) = &self.waiting else { return Vec::new() };
        let shown = |it: &&LiveLock| {
            let threads = it.waiters.iter().map(|waiter| &waiter.thread_name);
            let mut threads = threads.chain(it.holders.iter().map(|holder| &holder.thread_name));
            self.has(&[&it.name]) || threads.any(|it| it.as_ref().is_some_and(|it| self.has(&[it])))
        };
        let mut rows: Vec<&LiveLock> = live.locks.iter().filter(shown).collect();
        self.order(&mut rows, |it| it.waiters.len() as u64, |it| &it.name);
        rows
    }

    fn culprit_row(&self, it: &Culprit) -> Row {
        let charged = self.interval().map_or(0, |interval| interval.charged_ns);
        Row {
            figures: vec![
                share(it.delay_ns.into(), charged.into()),
                duration(it.delay_ns.into()),
                count(it.count),
            ],
            names: vec![name(&it.function), printable(&it.lock)],
            below: false,
        }
    }

    /// What is behind the chosen row, in lines.
    pub fn details(&self) -> Vec<String> {
        let lines = match self.panel {
            Panel::Culprits => self.culprits().get(self.selected).map(|it| {
                let mut lines = vec![
                    format!("{} held others up at the lock {}", it.function, it.lock),
                    format!("for {}, {} times", duration(it.delay_ns.into()), count(it.count)),
                    String::new(),
                    "where its critical section ended, innermost call first:".to_owned(),
                ];
                lines.extend(indented(it.stack.iter()));
                lines
            }),
            Panel::Locks => self.locks().get(self.selected).map(|it| self.lock_details(it)),
            Panel::Waiting => self.waiting_at(self.selected).map(waiting_details),
            Panel::Longest => self.longest().get(self.selected).map(|it| {
                let mut lines = vec![
                    format!("{} waited for the lock {}", duration(it.wait_ns.into()), it.lock),
                    String::new(),
                    format!("held up by {}, thread {}:", it.held_up_by(), it.culprit_thread),
                ];
                lines.extend(indented(it.culprit.iter()));
                lines.push(String::new());
                lines.push(format!("who waited, thread {}:", it.victim_thread));
                lines.extend(indented(it.victim.iter()));
                lines
            }),
        };
        let lines = lines.unwrap_or_else(|| vec!["it is not there any more".to_owned()]);
        lines.iter().map(|line| printable(line)).collect()
    }

    fn lock_details(&self, it: &Lock) -> Vec<String> {
        let mut lines = vec![
            format!("the lock {}", it.name),
            format!(
                "{} waited in {} waits: {} blamed on {} critical sections, {} handoff",
                duration(it.waited_ns.into()),
                count(it.waits),
                duration(it.blamed_ns.into()),
                count(it.contentions),
                duration(it.handoff_ns.into())
            ),
            String::new(),
            "who held others up at it:".to_owned(),
        ];
        let all = self.interval().map_or(&[][..], |interval| &interval.culprits);
        let here = all.iter().filter(|culprit| culprit.lock == it.name);
        lines.extend(here.map(|culprit| {
            format!("{:>10}  {}", duration(culprit.delay_ns.into()), name(&culprit.function))
        }));
        lines
    }

    /// The lock of a row of those who wait: it has a row, and each waiter.
    fn waiting_at(&self, row: usize) -> Option<&LiveLock> {
        let mut rows = 0;
        self.waiting_locks().into_iter().find(|lock| {
            rows += 1 + lock.waiters.len();
            row < rows
        })
    }
}

fn name(function: &str) -> String {
    printable(&without_type_arguments(function))
}

fn indented<'a>(calls: impl Iterator<Item = &'a Frame>) -> Vec<String> {
    let lines = calls.map(|call| {
        let function = without_type_arguments(&call.function);
        match (&call.file, call.line) {
            (Some(file), Some(line)) => format!("  {function}  {file}:{line}"),
            _ => format!("  {function}"),
        }
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { vec!["  (stack unknown)".to_owned()] } else { lines }
}

fn lock_row(it: &Lock) -> Row {
    let longest = it.longest_ns.map_or("-".to_owned(), |longest| duration(longest.into()));
    let times = [it.waited_ns, it.handoff_ns].map(|time| duration(time.into()));
    let [waited, handoff] = times;
    Row {
        figures: vec![waited, count(it.waits), handoff, longest],
        names: vec![printable(&it.name)],
        below: false,
    }
}

fn longest_row(it: &Longest) -> Row {
    let victim = it.victim.first().map_or(&it.victim_thread, |call| &call.function);
    Row {
        figures: vec![duration(it.wait_ns.into())],
        names: vec![name(it.held_up_by()), name(victim), printable(&it.lock)],
        below: false,
    }
}

/// The lock with its holder, and below it each waiter.
fn waiting_rows(lock: &LiveLock) -> Vec<Row> {
    let longest = lock.waiters.first().map_or(0, |waiter| waiter.waited_ns);
    let waiters = lock.waiters.len();
    let those = if waiters == 1 { "waits" } else { "wait" };
    let mut rows = vec![Row {
        figures: vec![duration(longest.into())],
        names: vec![printable(&format!(
            "{}: {waiters} {those}, held by {}",
            lock.name,
            held_by(lock)
        ))],
        below: false,
    }];
    rows.extend(lock.waiters.iter().map(|waiter| {
        let calls = of_program(waiter.stack.iter().collect());
        let place = calls.first().map(|call| format!(" in {}", name(&call.function)));
        let who = thread(waiter.thread_name.as_deref(), waiter.os_id, waiter.thread);
        Row {
            figures: vec![duration(waiter.waited_ns.into())],
            names: vec![printable(&format!("{who}{}", place.unwrap_or_default()))],
            below: true,
        }
    }));
    rows
}

fn waiting_details(lock: &LiveLock) -> Vec<String> {
    let mut lines = vec![
        format!("the lock {} at {}", lock.name, lock.address),
        format!("held by {}", held_by(lock)),
    ];
    for waiter in &lock.waiters {
        let Waiter { waited_ns, wants, timed, .. } = waiter;
        let who = thread(waiter.thread_name.as_deref(), waiter.os_id, waiter.thread);
        let timed = if *timed { ", until its time is over" } else { "" };
        lines.push(String::new());
        lines.push(format!("{who} has waited {} ({wants}{timed}):", duration((*waited_ns).into())));
        lines.extend(indented(of_program(waiter.stack.iter().collect()).into_iter()));
    }
    lines
}

fn held_by(lock: &LiveLock) -> String {
    let holders = lock.holders.iter().map(|holder| {
        let Holder { thread: number, os_id, thread_name, held_ns } = holder;
        let who = thread(thread_name.as_deref(), *os_id, *number);
        match held_ns {
            Some(held) => format!("{who} for {}", duration((*held).into())),
            None => who,
        }
    });
    let holders: Vec<String> = holders.collect();
    match (lock.held_by.as_str(), holders.is_empty()) {
        ("readers", true) => "readers".to_owned(),
        ("readers", false) => format!("readers, among them {}", holders.join(", ")),
        (_, true) => "nobody yet".to_owned(),
        (_, false) => holders.join(", "),
    }
}

fn thread(name: Option<&str>, os_id: Option<u32>, number: u32) -> String {
    match (name, os_id) {
        (Some(name), Some(os_id)) => format!("{name} ({os_id})"),
        (Some(name), None) => name.to_owned(),
        (None, Some(os_id)) => format!("thread {os_id}"),
        (None, None) => format!("thread #{number}"),
    }
}
