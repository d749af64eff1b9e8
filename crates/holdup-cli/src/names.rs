//! The names of functions, as short as they stay clear.

use holdup::profile::Frame;

/// The function of a frame without its type arguments, so that all instances
/// of a generic function are one; its address where the function is unknown.
pub fn function(frame: &Frame) -> String {
    if frame.function.is_empty() {
        format!("{:#x}", frame.address)
    } else {
        without_type_arguments(&frame.function)
    }
}

/// The file and the line of a frame, as far as they are known.
pub fn place(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref().filter(|file| !file.is_empty())?;
    Some(match frame.line.filter(|line| *line > 0) {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    })
}

/// What of `stack` is not the lock's own: holdup leaves that out of its
/// profiles, Go's begin with it. All of it if nothing else is there.
pub fn culprit(stack: &[Frame]) -> &[Frame] {
    let locks = stack.iter().take_while(|frame| GO_LOCKS.contains(&frame.function.as_str()));
    match locks.count() {
        all if all == stack.len() => stack,
        inner => &stack[inner..],
    }
}

/// What Go's profiles show of the locks themselves.
const GO_LOCKS: &[&str] = &[
    "sync.(*Mutex).Unlock",
    "sync.(*Mutex).unlockSlow",
    "sync.(*RWMutex).Unlock",
    "sync.(*RWMutex).RUnlock",
    "sync.(*RWMutex).rUnlockSlow",
    "internal/sync.(*Mutex).Unlock",
    "internal/sync.(*Mutex).unlockSlow",
    "runtime.unlock",
    "runtime.unlock2",
    "runtime.unlock2Wake",
    "runtime.unlockWithRank",
];

/// The frames of the program itself, innermost first: without those outside of
/// the marker that std puts between the start of a thread, or of the program,
/// and the code it runs. std's own backtraces end there, too.
pub fn program(stack: &[Frame]) -> &[Frame] {
    let marker = |frame: &Frame| frame.function.contains("__rust_begin_short_backtrace");
    match stack.iter().position(marker) {
        // Nothing inside of the marker: better all than nothing.
        Some(0) | None => stack,
        Some(inner) => &stack[..inner],
    }
}

/// `name` without what is between angle brackets, unless the bracket begins a
/// path (`<Vec<T> as Extend<T>>::extend` becomes `<Vec as Extend>::extend`).
/// A name whose brackets do not match, such as an operator's in C++, stays.
pub fn without_type_arguments(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    // For each open bracket, whether it begins a path.
    let mut open: Vec<bool> = Vec::new();
    let mut hidden = 0_usize;
    let mut before = ' ';
    for c in name.chars() {
        let mut show = hidden == 0;
        match c {
            '<' => {
                let begins = !(before.is_alphanumeric() || matches!(before, '_' | '}' | ':'));
                open.push(begins);
                if !begins && hidden == 0 && short.ends_with("::") {
                    // `Vec::<T>::push` has two pairs of colons.
                    short.truncate(short.len() - 2);
                }
                hidden += usize::from(!begins);
                show &= begins;
            }
            // The arrow of a function's type is no bracket.
            '>' if before != '-' => match open.pop() {
                Some(true) => {}
                Some(false) => hidden -= 1,
                None => return name.to_owned(),
            },
            _ => {}
        }
        if show {
            short.push(c);
        }
        before = c;
    }
    if !open.is_empty() || short.is_empty() {
        return name.to_owned();
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str) -> Frame {
        Frame { function: function.into(), file: None, line: None, address: 0x10, inlined: false }
    }

    #[test]
    fn type_arguments_are_left_out() {
        let cases = [
            ("shop::sort", "shop::sort"),
            ("drop<holdup::raw_mutex::RawMutex, u32>", "drop"),
            ("{closure#1}<a::{closure_env#1}<b>>", "{closure#1}"),
            ("alloc::vec::Vec::<T>::push", "alloc::vec::Vec::push"),
            ("core::mem::drop::<u32>", "core::mem::drop"),
            ("<Vec<T> as Extend<T>>::extend", "<Vec as Extend>::extend"),
            ("<f::<fn() -> u8> as Call>::call", "<f as Call>::call"),
            ("sync.(*Mutex).Unlock", "sync.(*Mutex).Unlock"),
            ("std::operator<< <char>", "std::operator<< <char>"),
            ("a->b", "a->b"),
            ("a>b", "a>b"),
            ("", "0x10"),
        ];
        for (name, short) in cases {
            assert_eq!(function(&frame(name)), short);
        }
    }

    #[test]
    fn a_place_is_as_exact_as_it_is_known() {
        let mut known = frame("f");
        assert_eq!(place(&known), None);
        known.file = Some("a.rs".into());
        assert_eq!(place(&known).unwrap(), "a.rs");
        known.line = Some(7);
        assert_eq!(place(&known).unwrap(), "a.rs:7");
    }

    #[test]
    fn go_locks_are_not_the_culprits() {
        let stack =
            ["internal/sync.(*Mutex).Unlock", "sync.(*Mutex).Unlock", "main.work"].map(frame);
        assert_eq!(culprit(&stack), &stack[2..]);
        assert_eq!(culprit(&stack[..2]), &stack[..2], "better that than nothing");
        assert_eq!(culprit(&stack[2..]), &stack[2..]);
        assert!(culprit(&[]).is_empty());
    }

    #[test]
    fn the_start_of_a_thread_is_no_part_of_the_program() {
        let marker = "std::sys::backtrace::__rust_begin_short_backtrace::<f>";
        let stack = ["work", "main", marker, "start", "clone"].map(frame);
        assert_eq!(program(&stack), &stack[..2]);
        assert_eq!(program(&stack[..2]), &stack[..2]);
        assert_eq!(program(&stack[2..]), &stack[2..]);
    }
}
