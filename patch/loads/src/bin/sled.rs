//! A data base on disk that threads write, read, scan and flush, with a count
//! in it that all of them raise by compare-and-swap.

use patch_loads::held_up;
use std::thread;

const THREADS: u64 = 4;
const WRITES: u64 = 400;

fn main() {
    held_up("sled::", || {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let config = sled::Config::new().path(dir.path());
        {
            let db: sled::Db = config.open().expect("the data base can be opened");
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let db = db.clone();
                    scope.spawn(move || work(&db, thread));
                }
            });
            assert_eq!(db.len() as u64, THREADS * WRITES + 1);
            db.flush().expect("the data base can be flushed");
        }
        // What was written is there when it is opened again.
        let db: sled::Db = config.open().expect("the data base can be opened again");
        assert_eq!(number(&db, b"count"), THREADS * WRITES);
        for thread in 0..THREADS {
            assert_eq!(number(&db, &[mark(thread); 9]), thread);
        }
    });
}

/// No first byte of another key.
fn mark(thread: u64) -> u8 {
    200 + thread as u8
}

fn work(db: &sled::Db, thread: u64) {
    for i in 0..WRITES {
        let mut key = [thread as u8; 9];
        key[1..].copy_from_slice(&i.to_be_bytes());
        db.insert(key, &i.to_be_bytes()).expect("inserted");
        raise(db);
        if i % 100 == 99 {
            assert!(db.scan_prefix([thread as u8]).count() as u64 > i);
            db.flush().expect("flushed");
        }
    }
    // One more key, and one less.
    db.insert([mark(thread); 9], &thread.to_be_bytes()).expect("inserted");
    let mut first = [0; 9];
    first[0] = thread as u8;
    db.remove(first).expect("removed").expect("was there");
}

/// Adds one to the count.
fn raise(db: &sled::Db) {
    let mut old = db.get(b"count").expect("read");
    loop {
        let count = old.as_ref().map_or(0, |value| decode(value)) + 1;
        let new = count.to_be_bytes();
        match db.compare_and_swap(b"count", old.as_ref(), Some(&new)).expect("compared") {
            Ok(_) => return,
            Err(lost) => old = lost.current,
        }
    }
}

fn number(db: &sled::Db, key: &[u8]) -> u64 {
    decode(&db.get(key).expect("read").expect("is there"))
}

fn decode(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().expect("eight bytes"))
}
