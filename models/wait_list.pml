/* The wait list of the mutex, and who wakes whom: push, link, remove, wake, hand
 * over, time out, for THREADS threads of which the first TIMED may give up.
 *
 * It models crates/holdup-core/src/wait_list.rs and raw/mutex, without clocks
 * and books: what a policy decides by time (a time-out, a handoff) may happen or
 * not at any moment here. Each change of the word is one CAS of all of it, and
 * one step. What is done to nodes under the LIST bit is one step: only `state` can
 * be seen by others meanwhile, and it is a step of its own where that matters.
 *
 * Checked as safety: mutual exclusion, the invariants of the list, no touch of a
 * node that is not on the list, at most one waiter awake because of an unlock,
 * linking visits each pushed node at most once (so that it is amortized
 * constant), and no end with a thread asleep: no wake-up is lost. Each thread may
 * stop after any critical section, so that a sleeper cannot count on others.
 *
 * Checked as liveness, under weak fairness: no run in which threads step for ever
 * and no call ends, with the lock or without. So while a push fails, and a CAS
 * or a look at the LIST bit, others get the lock or give up.
 *
 * `-DFAULT_...` plants a fault; models/spin.sh shows that each is found.
 */

#ifndef THREADS
#define THREADS 3
#endif
#ifndef TIMED
#define TIMED 1
#endif

#define LOCKED 1
#define LIST 2
#define WOKEN 4
#define NODE 8
#define newest(word) ((word) / NODE)
#define flags(word) ((word) % NODE)
#define has(word, bit) (((word) / (bit)) % 2 == 1)

#define WAITING 0
#define CALLED 1
#define AWAKE 2
#define HANDED 3

/* Threads and their nodes have the same numbers, from 1; 0 is no node. */
byte word;
byte older[THREADS + 1], newer[THREADS + 1], oldest[THREADS + 1];
byte state[THREADS + 1];
/* In the first linked node: how many are linked. */
byte counted[THREADS + 1];
/* Whether the node is on the list, and was visited by linking since its push. */
bool queued[THREADS + 1], visited[THREADS + 1];
/* The tokens of the parkers. */
bool token[THREADS + 1];
byte inside;

/* The word becomes `to` if it is `from`. Either way `from` becomes the word. */
inline cas(from, to, done) {
    d_step {
        if
        :: word == from -> word = to; done = true
        :: else -> done = false
        fi;
        from = word
    }
}

/* All invariants of a linked list whose newest node is this one. */
inline verify(newest_node) {
    length = 0;
    at = newest_node;
    assert(oldest[newest_node] != 0);
    do
    :: at != 0 ->
        assert(queued[at]);
        length++;
        if
        :: older[at] != 0 -> assert(newer[older[at]] == at)
        :: else -> assert(oldest[newest_node] == at)
        fi;
        at = older[at]
    :: else -> break
    od;
    assert(counted[newest_node] == length);
    at = 0;
    length = 0
}

inline link(newest_node) {
    d_step {
        if
        :: oldest[newest_node] == 0 ->
            at = newest_node;
            do
            :: oldest[at] == 0 ->
                assert(queued[at] && !visited[at]);
                visited[at] = true;
                length++;
                newer[older[at]] = at;
                at = older[at]
            :: else -> break
            od;
            assert(queued[at]);
            counted[newest_node] = counted[at] + length;
            oldest[newest_node] = oldest[at]
        :: else
        fi;
        verify(newest_node)
    }
}

/* Takes `self` out of the linked list of `newest_node`, where it is not the newest. */
inline remove_inner(newest_node, self) {
    d_step {
        older[newer[self]] = older[self];
        if
        :: older[self] == 0 -> oldest[newest_node] = newer[self]
        :: else -> newer[older[self]] = newer[self]
        fi;
        counted[newest_node]--;
        queued[self] = false;
        verify(newest_node)
    }
}

/* Takes `self` out of the list, which is linked from `w`, and gives LIST back. */
inline leave_list() {
    mine = (oldest[newest(w)] == self -> WOKEN : 0);
    if
    :: newest(w) == self ->
        next = older[self];
        d_step {
            if
            :: next != 0 ->
                oldest[next] = oldest[self];
                counted[next] = counted[self] - 1
            :: else
            fi
        };
        /* With nobody left WOKEN is nobody's. */
        d_step {
            cas(w, next * NODE +
                ((next == 0 || mine == WOKEN) -> LOCKED : (flags(w) - LIST)), ok);
            if
            :: ok -> queued[self] = false
            :: else
            fi;
            next = 0
        };
        if
        :: ok -> skip
        :: else ->
#ifndef FAULT_NO_RELINK
            link(newest(w));
#endif
            remove_inner(newest(w), self);
            give_back_list()
        fi
    :: else ->
        remove_inner(newest(w), self);
        give_back_list()
    fi
}

/* LIST and `mine` are cleared; pushes may have come. */
inline give_back_list() {
    d_step {
        assert(has(word, LIST));
        word = word - LIST;
        if
        :: mine == WOKEN && has(word, WOKEN) -> word = word - WOKEN
        :: else
        fi
    }
}

inline take_list() {
    w = word;
    do
    :: !has(w, LIST) ->
        cas(w, w + LIST, ok);
        if
        :: ok -> break
        :: else
        fi
    :: else -> w = word
    od
}

/* The CAS that takes a free lock, and the list with it if there is one. */
inline take_free() {
    cas(w, w + LOCKED + (newest(w) != 0 -> LIST : 0), ok)
}

/* The lock and the list are ours. */
inline acquired() {
    w = word;
    link(newest(w));
    leave_list()
}

inline called(node) {
    d_step {
        assert(state[node] == WAITING);
        at = 1;
        do
        :: at <= THREADS ->
            assert(!(queued[at] && (state[at] == CALLED || state[at] == AWAKE)));
            at++
        :: else -> break
        od;
        at = 0;
        state[node] = CALLED
    }
}

inline unlock() {
    w = word;
    do
    :: newest(w) == 0 ->
        cas(w, 0, ok);
        if
        :: ok -> goto unlocked
        :: else
        fi
    :: newest(w) != 0 && has(w, LIST) -> w = word
    :: newest(w) != 0 && !has(w, LIST) ->
        had = has(w, WOKEN);
        first = true;
        cas(w, w + LIST + (has(w, WOKEN) -> 0 : WOKEN), ok);
        if
        :: ok -> break
        :: else
        fi
    od;
#ifdef FAULT_WOKEN_TWICE
    had = false;
#endif
    hand = false;
    do
    :: link(newest(w));
        old = oldest[newest(w)];
        /* The policy: the oldest is due, or it is not. */
        if
        :: hand = true
        :: skip
        fi;
        /* Called once, though pushes may make another turn: that it waits is asserted. */
        if
        :: hand -> state[old] = HANDED
        :: !hand && !had && first ->
            called(old);
#ifndef FAULT_CALLED_AGAIN
            first = false
#endif
        :: !hand && (had || !first)
        fi;
        cas(w, w - LIST - (hand -> 0 : LOCKED), ok);
        if
        :: ok -> break
        :: else
        fi
    od;
    if
    :: hand || !had -> token[old] = true
    :: else
    fi;
unlocked:
    atomic { hand = false; had = false; first = false; old = 0 }
}

active [THREADS] proctype thread() {
    byte self = _pid + 1;
    byte w, at, length, next, old, mine;
    bool ok, woken, had, hand, first;
again:
    w = word;
    do
    :: !has(w, LOCKED) ->
        take_free();
        if
        :: ok ->
            if
            :: newest(w) != 0 ->
                link(newest(w));
                mine = 0;
                give_back_list()
            :: else
            fi;
            goto critical
        :: else
        fi
    :: has(w, LOCKED) ->
        d_step {
            older[self] = newest(w);
            state[self] = WAITING;
            visited[self] = false;
            oldest[self] = (newest(w) == 0 -> self : 0);
            counted[self] = 1
        };
        d_step {
            cas(w, self * NODE + flags(w), ok);
            if
            :: ok -> queued[self] = true
            :: else
            fi
        };
        if
        :: ok -> break
        :: else
        fi
    od;
    woken = false;
wait:
    /* Stale values would only make more states of one. */
    atomic { w = 0; ok = false; mine = 0; next = 0 };
    if
    :: state[self] == HANDED -> take_list(); acquired(); goto critical
    :: else
    fi;
    d_step {
        if
        :: state[self] == CALLED -> woken = true; state[self] = AWAKE
        :: else
        fi
    };
    w = word;
    if
    :: !has(w, LOCKED) ->
        take_free();
        if
        :: ok -> acquired(); goto critical
        :: else -> goto wait
        fi
    :: else
    fi;
    if
    :: woken ->
        /* Had its try: gives WOKEN back, unless the lock became free or ours. */
        d_step {
            if
            :: state[self] == AWAKE -> state[self] = WAITING
            :: else
            fi
        };
        if
        :: state[self] == HANDED -> goto wait
        :: else
        fi;
        w = word;
        do
#ifndef FAULT_LOST_WAKE
        :: !has(w, LOCKED) -> goto wait
        :: has(w, LOCKED) && has(w, LIST) -> w = word
        :: has(w, LOCKED) && !has(w, LIST) ->
#else
        :: has(w, LIST) -> w = word
        :: !has(w, LIST) ->
#endif
            cas(w, w - (has(w, WOKEN) -> WOKEN : 0), ok);
            if
            :: ok -> break
            :: else
            fi
        od;
        if
        :: state[self] == HANDED -> goto wait
        :: else -> woken = false
        fi
    :: else
    fi;
    if
    :: atomic { token[self] -> token[self] = false }; goto wait
    :: self <= TIMED -> skip
    fi;
    /* The deadline has passed. */
    w = word;
    do
    :: !has(w, LOCKED) ->
        take_free();
        if
        :: ok -> acquired(); goto critical
        :: else
        fi
    :: has(w, LOCKED) && has(w, LIST) -> w = word
    :: has(w, LOCKED) && !has(w, LIST) ->
        cas(w, w + LIST, ok);
        if
        :: ok -> break
        :: else
        fi
    od;
    if
    :: state[self] == HANDED -> acquired(); goto critical
    :: else
    fi;
    link(newest(w));
    leave_list();
    goto stop;
critical:
    atomic { w = 0; ok = false; mine = 0; woken = false };
    inside++;
    assert(inside == 1 && has(word, LOCKED));
    inside--;
    unlock();
stop:
progress:
    atomic { w = 0; next = 0; mine = 0; ok = false; woken = false };
    if
    :: goto again
    :: skip
    fi
}
