//! Walks a wait list and checks every invariant of it. Linear in the number of
//! waiters, so only where it is asked for: under `--cfg holdup_verify`, and in
//! models. It runs at each use of a list and after each removal.

use super::{ADMITTED, HANDED, Node, WAITING, Wanted};

/// What stands on the list apart from waiters that the ledger counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nothing.
    Nobody,
    /// Perhaps one that has just left the ledger, and will be removed.
    Perhaps,
}

/// Checks the list whose newest node, which is linked, is `newest`. The
/// numbers are those of the invariants in the parent module, M those of the
/// mutex.
///
/// # Safety
/// The caller has the LIST bit, and `newest` came from a word read since.
pub(super) unsafe fn list(newest: *mut Node, leaving: Leaving) {
    // SAFETY: 3: under the LIST bit all nodes on the list live.
    let first = unsafe { &*newest };
    let account = first.account.get();
    let ledger = &account.ledger;
    let (epoch, claimed_at) = (ledger.epoch(), ledger.claimed_at());
    check(!first.oldest.get().is_null(), "4: the newest node is linked");
    let (mut waiters, mut starts, mut alone) = (0_u64, 0_u64, 0_usize);
    let mut cursor_found = account.cursor.is_null();
    let mut at = first;
    loop {
        waiters += 1;
        check(waiters <= ledger.waiters() + 1, "5: no more nodes than the ledger counts");
        let ticket = at.ticket.get();
        check(ticket.start <= ledger.latest(), "5: the ledger knows when each wait began");
        check(ticket.epoch <= epoch, "5: no ticket is from the future");
        let since = if ticket.epoch == epoch { ticket.start } else { claimed_at };
        starts = starts.wrapping_add(since);
        alone += usize::from(at.wanted.is_alone());
        cursor_found |= core::ptr::eq(account.cursor, at);
        let older = at.older.get();
        // What `newer` of the first linked one says is stale.
        if older.is_null() {
            break;
        }
        // Who waits to upgrade is handed the lock wherever it stands.
        let upgraded = at.wanted == Wanted::Upgrade && peek(at) == HANDED;
        check(upgraded || peek(at) == WAITING, "M4: nobody but the oldest was woken");
        // SAFETY: as above.
        let next = unsafe { &*older };
        check(core::ptr::eq(next.newer.get(), at), "4: the links of both ways agree");
        at = next;
    }
    check(cursor_found, "6: the cursor is on the list");
    check(core::ptr::eq(first.oldest.get(), at), "4: the first linked node knows the oldest");
    check(peek(at) < ADMITTED, "3: who was admitted is off the list");
    if leaving == Leaving::Perhaps && waiters == ledger.waiters() + 1 {
        // Its own stretch is not among the starts; which one it is, only its
        // owner knows: so check that some node explains the difference.
        let difference = starts.wrapping_sub(ledger.starts());
        let mut at = first;
        loop {
            let ticket = at.ticket.get();
            let since = if ticket.epoch == epoch { ticket.start } else { claimed_at };
            if since == difference {
                starts = starts.wrapping_sub(since);
                waiters -= 1;
                alone = account.alone;
                break;
            }
            let older = at.older.get();
            check(!older.is_null(), "5: who left the ledger is on the list");
            // SAFETY: as above.
            at = unsafe { &*older };
        }
    }
    check(waiters == ledger.waiters(), "5: the ledger counts the linked nodes");
    check(starts == ledger.starts(), "5: the ledger has the sum of their starts");
    check(alone == account.alone, "5: the account counts those that want the lock alone");
}

/// Checks that the oldest node was called only where WOKEN says so.
pub(super) fn woken(oldest: &Node, woken: bool) {
    check(woken || peek(oldest) == WAITING, "M4: who was called has the WOKEN bit");
}

/// The state of a node, without a step of the model.
fn peek(node: &Node) -> u32 {
    #[cfg(any(loom, shuttle))]
    return node.state.peek();
    // Relaxed: whether it was set is all that is asked.
    #[cfg(not(any(loom, shuttle)))]
    return node.state.load(crate::sync::atomic::Ordering::Relaxed);
}

/// Ends the program where `holds` is false: a thread that unwinds with the LIST
/// bit would leave the others waiting. A model just fails.
#[track_caller]
fn check(holds: bool, what: &str) {
    if holds {
        return;
    }
    let at = std::panic::Location::caller();
    if crate::sync::MODELLED {
        panic!("the wait list breaks its invariant {what} ({at})");
    }
    eprintln!("holdup: the wait list breaks its invariant {what} ({at})");
    std::process::abort();
}
