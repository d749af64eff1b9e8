//! Pictures of states, drawn into memory.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Modifier, Style};

use super::document::{Live, Profile, read};
use super::keys::asked;
use super::render::{chosen_rows, draw};
use super::state::{Look, State, Update, Waiting};

/// A profile: what each of two functions held others up, in milliseconds, at `orders`
/// and at `journal`, and handoffs of one millisecond.
fn profile(second: u64, prune: u64, append: u64) -> Profile {
    let (prune, append) = (prune * 1_000_000, append * 1_000_000);
    let json = serde_json::json!({
        "schema": 1, "time_unix_ns": 0, "duration_ns": second * 1_000_000_000, "period_ns": 1,
        "locks": [
            {"name": "orders", "contentions": prune / 1000, "waits": second * 5, "waited_ns":
                prune + 1_000_000, "blamed_ns": prune, "handoff_ns": 1_000_000,
                "longest_ns": 7_000_000, "something": "new"},
            {"name": "journal", "contentions": 2, "waits": second * 90, "waited_ns": append,
                "blamed_ns": append, "handoff_ns": 0, "longest_ns": 6_000_000},
        ],
        "frames": [
            {"function": "shop::index::prune::<u8>", "file": null, "line": null},
            {"function": "shop::journal::append", "file": "src/journal.rs", "line": 7},
            {"function": "shop::main", "file": null, "line": null},
        ],
        "stacks": [[0, 2], [1, 2]],
        "samples": [
            {"kind": "blame", "lock": 0, "stack": 0, "victim": null, "count": second,
                "delay_ns": prune},
            {"kind": "blame", "lock": 1, "stack": 1, "victim": null, "count": second * 9,
                "delay_ns": append},
            {"kind": "handoff", "lock": 0, "stack": null, "victim": null, "count": 3,
                "delay_ns": 1_000_000},
        ],
        "longest": [
            {"lock": 0, "wait_ns": 7_000_000, "culprit": 0, "victim": 1, "culprit_thread":
                "janitor", "victim_thread": "worker", "time_unix_ns": 0},
        ],
        "nested": [],
    });
    read(json.to_string().as_bytes()).unwrap()
}

/// Three who wait for `vault`, which `janitor` holds.
fn live() -> Live {
    let waiter = |number: u64| {
        serde_json::json!({
            "thread": number, "os_id": 40 + number, "thread_name": format!("worker-{number}"),
            "waited_ns": 2_000_000_000 - number * 1_000_000, "wants": "mutex", "timed": false,
            "stack": [{"function": "shop::serve", "file": null, "line": null}],
        })
    };
    let json = serde_json::json!({
        "schema": 1, "time_unix_ns": 0,
        "locks": [{
            "name": "vault", "address": "0x10", "held_by": "thread",
            "holders": [{"thread": 9, "os_id": 49, "thread_name": "janitor", "held_ns": null}],
            "waiters": [waiter(1), waiter(2), waiter(3)],
        }],
    });
    read(json.to_string().as_bytes()).unwrap()
}

fn seen(profile: Profile) -> Update {
    Update::Seen(Look { profile: Some(profile), live: Some(Waiting::Known(live())) })
}

/// In the first ten seconds `append` was the worst, in the last it was `prune`.
fn state() -> State {
    let now = Instant::now();
    let mut state = State::new("http://127.0.0.1:6060".to_owned(), true, now);
    state.update(seen(profile(10, 100, 5000)), now);
    state.update(seen(profile(11, 1000, 5100)), now);
    state
}

fn press(state: &mut State, keys: &[KeyCode]) -> bool {
    keys.iter().all(|key| {
        let asked = asked(KeyEvent::new(*key, KeyModifiers::NONE), state.filtering);
        state.act(asked, chosen_rows(state))
    })
}

fn typed(state: &mut State, text: &str) {
    text.chars().for_each(|c| assert!(press(state, &[KeyCode::Char(c)])));
}

fn drawn(state: &State, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    terminal.backend().clone()
}

fn picture(state: &State, width: u16, height: u16) -> Vec<String> {
    let screen = drawn(state, width, height);
    let buffer = screen.buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| line(y).trim_end().to_owned()).collect()
}

/// The lines of the table whose title has `title`, without its titles.
fn rows<'a>(picture: &'a [String], title: &str) -> &'a [String] {
    let is_title = |line: &String| line.starts_with("-- ");
    let first = picture.iter().position(|line| is_title(line) && line.contains(title));
    let rows = &picture[first.unwrap_or_else(|| panic!("no {title} in {picture:#?}")) + 2..];
    let end = rows.iter().position(is_title).unwrap_or(rows.len() - 1);
    &rows[..end]
}

#[test]
fn the_culprit_of_the_last_interval_comes_first() {
    let picture = picture(&state(), 100, 30);
    assert!(picture[0].starts_with("holdup top  http://127.0.0.1:6060"), "{picture:#?}");
    assert!(picture[0].ends_with("the last 1.00 s"));
    assert!(picture[1].starts_with("waited 1.00 s, as if 1.00 threads"), "{picture:#?}");
    let culprits = rows(&picture, "culprits");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let first = ["orders", "shop::index::prune", "1", "ms", "900", "%", "90.0", ">"];
    assert!(words(&culprits[0]).iter().rev().eq(first.iter()), "{culprits:#?}");
    let second = ["10.0", "%", "100", "ms", "9", "shop::journal::append", "journal"];
    assert_eq!(words(&culprits[1]), second);
    assert_eq!(culprits[2], "", "no handoff in this interval");
}

#[test]
fn since_the_start_another_one_was_the_worst() {
    let mut state = state();
    press(&mut state, &[KeyCode::Char('t')]);
    let picture = picture(&state, 100, 30);
    assert!(picture[0].ends_with("since its start, 11.0 s"), "{picture:#?}");
    let culprits = rows(&picture, "culprits");
    assert!(culprits[0].contains("shop::journal::append"), "{culprits:#?}");
    assert!(culprits[2].contains("[handoff: nobody held the lock]"), "{culprits:#?}");
}

#[test]
fn who_waits_now_has_holder_and_waiters() {
    let picture = picture(&state(), 100, 40);
    let waiting = rows(&picture, "waiting now: 3");
    assert!(waiting[0].ends_with("2.00 s  vault: 3 wait, held by janitor (49)"), "{waiting:#?}");
    assert!(waiting[1].ends_with("2.00 s    worker-1 (41) in shop::serve"), "{waiting:#?}");
    assert!(waiting[3].contains("worker-3 (43)"), "{waiting:#?}");
    assert!(rows(&picture, "longest")[0].contains("7.00 ms  shop::index::prune"), "{picture:#?}");
}

#[test]
fn sorting_changes_the_order() {
    let mut state = state();
    press(&mut state, &[KeyCode::Char('s')]);
    let by_count = picture(&state, 100, 30);
    assert!(rows(&by_count, "culprits by count")[0].contains("append"), "{by_count:#?}");
    press(&mut state, &[KeyCode::Char('s')]);
    let by_name = picture(&state, 100, 30);
    assert!(rows(&by_name, "culprits by name")[0].contains("prune"), "{by_name:#?}");
}

#[test]
fn a_filter_leaves_what_it_names_in_all_tables() {
    let mut state = state();
    press(&mut state, &[KeyCode::Char('/')]);
    typed(&mut state, "JOURn");
    assert!(picture(&state, 100, 30)[29].starts_with("filter: journ_"));
    press(&mut state, &[KeyCode::Enter]);
    let filtered = picture(&state, 100, 30);
    let culprits = rows(&filtered, "culprits by time with \"journ\": 1");
    assert!(culprits[0].contains("append") && culprits[1].is_empty(), "{culprits:#?}");
    assert!(!filtered.iter().any(|line| line.contains("vault")), "{filtered:#?}");
    assert!(filtered.iter().any(|line| line == "  nothing with \"journ\""), "{filtered:#?}");
    press(&mut state, &[KeyCode::Esc]);
    assert!(picture(&state, 100, 30).iter().any(|line| line.contains("vault")));
}

#[test]
fn a_small_screen_has_the_chosen_table_with_the_culprit_first() {
    let mut state = state();
    let culprits = picture(&state, 40, 10);
    let row = &rows(&culprits, "culprits")[0];
    assert!(row.contains("90.0 %") && row.contains("index::prune"), "{culprits:#?}");
    assert!(!culprits.iter().any(|line| line.contains("waiting now")), "{culprits:#?}");
    press(&mut state, &[KeyCode::Char('3')]);
    let waiting = picture(&state, 40, 10);
    let row = &rows(&waiting, "waiting now")[0];
    assert!(row.contains("vault: 3 wait, held by"), "{waiting:#?}");
}

#[test]
fn a_wide_screen_has_names_in_full() {
    let picture = picture(&state(), 200, 50);
    let longest = &rows(&picture, "longest")[0];
    for name in ["shop::index::prune", "shop::journal::append", "orders"] {
        assert!(longest.contains(name), "{picture:#?}");
    }
}

#[test]
fn any_size_can_be_drawn() {
    let mut state = state();
    for keys in [&[][..], &[KeyCode::Enter], &[KeyCode::Char('?')]] {
        press(&mut state, keys);
        for width in (1..30).chain([80, 300]) {
            for height in (1..30).chain([100]) {
                drawn(&state, width, height);
            }
        }
    }
}

#[test]
fn a_row_opens_and_closes() {
    let mut state = state();
    press(&mut state, &[KeyCode::Down, KeyCode::Enter]);
    let opened = picture(&state, 100, 30);
    assert!(opened[2].starts_with("shop::journal::append held others up"), "{opened:#?}");
    assert!(opened.contains(&"  shop::main".to_owned()), "its stack: {opened:#?}");
    assert!(press(&mut state, &[KeyCode::Esc]), "closes, and does not quit");
    press(&mut state, &[KeyCode::Char('3'), KeyCode::Down, KeyCode::Down, KeyCode::Enter]);
    let opened = picture(&state, 100, 30);
    assert!(opened[2].starts_with("the lock vault at 0x10"), "{opened:#?}");
    assert!(opened.iter().any(|line| line.starts_with("worker-2 (42) has waited")), "{opened:#?}");
    assert!(!press(&mut state, &[KeyCode::Esc, KeyCode::Esc]), "nothing left to close: quits");
}

#[test]
fn a_vanished_program_leaves_the_last_picture_and_is_back_when_it_answers() {
    let mut state = state();
    let now = Instant::now();
    let failed = || Update::Failed("cannot fetch it: connection refused".to_owned());
    state.update(failed(), now);
    state.update(failed(), now + Duration::from_secs(3));
    let gone = picture(&state, 100, 30);
    assert!(gone[0].ends_with("NO ANSWER"), "{gone:#?}");
    assert!(gone[29].starts_with("no answer for 3 s, trying again: cannot fetch it"), "{gone:#?}");
    assert!(rows(&gone, "culprits")[0].contains("prune"), "{gone:#?}");
    // It comes back as another process, which has waited less: no interval spans both.
    state.update(seen(profile(1, 2, 3)), now);
    let back = picture(&state, 100, 30);
    assert!(back[0].ends_with("since its start, 1.00 s"), "{back:#?}");
}

#[test]
fn a_pause_keeps_the_picture() {
    let mut state = state();
    press(&mut state, &[KeyCode::Char('p')]);
    state.update(seen(profile(12, 1000, 9000)), Instant::now());
    let paused = picture(&state, 100, 30);
    assert!(paused[0].ends_with("PAUSED") && rows(&paused, "culprits")[0].contains("prune"));
    press(&mut state, &[KeyCode::Char(' ')]);
    state.update(seen(profile(13, 1000, 9500)), Instant::now());
    assert!(rows(&picture(&state, 100, 30), "culprits")[0].contains("append"));
}

#[test]
fn without_colour_nothing_is_styled() {
    let styled = |state: &State| {
        let screen = drawn(state, 100, 30);
        let plain = |style: Style| style.add_modifier == Modifier::empty();
        let is_styled = |cell: &ratatui::buffer::Cell| {
            let style = cell.style();
            let default = Some(ratatui::style::Color::Reset);
            style.fg != default || style.bg != default || !plain(style)
        };
        screen.buffer().content().iter().any(is_styled)
    };
    let mut state = state();
    assert!(styled(&state));
    state.colour = false;
    assert!(!styled(&state));
    press(&mut state, &[KeyCode::Char('?')]);
    assert!(!styled(&state));
    let help = picture(&state, 100, 30);
    assert!(help.iter().any(|line| line.starts_with("q, Ctrl-C")), "{help:#?}");
}

#[test]
fn what_programs_name_things_cannot_steer_the_terminal() {
    let mut state = State::new("x\x1b[2J".to_owned(), true, Instant::now());
    let mut profile = profile(1, 5, 3);
    profile.frames[0].function = "evil\x1b]0;\u{202e}title".to_owned();
    profile.locks[0].name = "lock\x07\n".to_owned();
    state.update(seen(profile), Instant::now());
    let whole = picture(&state, 100, 30).concat();
    assert!(whole.contains("evil"), "{whole}");
    assert!(!whole.contains(|c: char| c.is_control() || c == '\u{202e}'), "{whole:?}");
}
