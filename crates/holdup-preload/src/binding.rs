//! The C library's own functions, which this library has replacements for.
//!
//! Two ways to reach them:
//!
//! - glibc exports the busiest under a second name, `__pthread_mutex_lock` and
//!   others, of which nobody has replacements. They are bound when this library is
//!   loaded, before any code of it runs, by a table of addresses that the dynamic
//!   linker fills. No `dlsym`, no check whether it was done.
//! - The others are looked up at first use by `dlvsym`, past this library, in the
//!   version that programs of today are linked with (an older `pthread_cond_wait` is
//!   another protocol). A look-up that succeeds allocates nothing, and takes the
//!   loader's lock by a way that does not come through here. Two threads may both
//!   look up and store the same.

use core::ffi::{CStr, c_int, c_void};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// A function of one lock.
pub(crate) type OfLock = unsafe extern "C" fn(*mut c_void) -> c_int;

/// What the dynamic linker fills in, in the order of the table below.
#[repr(C)]
pub(crate) struct Bound {
    pub(crate) mutex_lock: OfLock,
    pub(crate) mutex_trylock: OfLock,
    pub(crate) mutex_unlock: OfLock,
    pub(crate) mutex_destroy: OfLock,
    pub(crate) rwlock_rdlock: OfLock,
    pub(crate) rwlock_tryrdlock: OfLock,
    pub(crate) rwlock_wrlock: OfLock,
    pub(crate) rwlock_trywrlock: OfLock,
    pub(crate) rwlock_unlock: OfLock,
    pub(crate) rwlock_destroy: OfLock,
}

#[cfg(target_arch = "x86_64")]
macro_rules! version {
    () => {
        "GLIBC_2.2.5"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! version {
    () => {
        "GLIBC_2.17"
    };
}

/// One entry: an undefined symbol of a name of our own, which stands for the C
/// library's in its base version, and a word for its address.
macro_rules! entry {
    ($name:literal) => {
        concat!(
            ".symver holdup_real_",
            $name,
            ", __pthread_",
            $name,
            "@",
            version!(),
            "\n.quad holdup_real_",
            $name,
            "\n"
        )
    };
}

core::arch::global_asm!(
    ".pushsection .data.rel.ro.holdup_bound, \"aw\"",
    ".balign 8",
    ".globl holdup_bound",
    ".hidden holdup_bound",
    "holdup_bound:",
    entry!("mutex_lock"),
    entry!("mutex_trylock"),
    entry!("mutex_unlock"),
    entry!("mutex_destroy"),
    entry!("rwlock_rdlock"),
    entry!("rwlock_tryrdlock"),
    entry!("rwlock_wrlock"),
    entry!("rwlock_trywrlock"),
    entry!("rwlock_unlock"),
    entry!("rwlock_destroy"),
    ".popsection",
);

unsafe extern "C" {
    #[link_name = "holdup_bound"]
    static BOUND: Bound;
    #[link_name = "__libc_single_threaded"]
    static SINGLE_THREADED: AtomicU8;
}

/// Whether there is no other thread that could wait: glibc's mutexes do without atomic
/// operations then, but not in a try.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: a byte of the C library, which it writes when the first thread is made,
    // before that runs.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed) != 0 }
}

/// The functions that were bound at load.
#[inline(always)]
pub(crate) fn bound() -> &'static Bound {
    // SAFETY: the table has this layout, each of its words is the address of a
    // function of that type, and it does not change after it was loaded.
    unsafe { &BOUND }
}

/// A function that is looked up at first use, of type `F`, a function pointer.
pub(crate) struct Later<F> {
    name: &'static CStr,
    versions: &'static [&'static CStr],
    found: AtomicPtr<c_void>,
    function: PhantomData<F>,
}

impl<F: Copy> Later<F> {
    /// `versions` of the symbol, best first.
    ///
    /// # Safety
    /// A function of that name and of any of these versions has the type `F`.
    pub(crate) const unsafe fn new(
        name: &'static CStr,
        versions: &'static [&'static CStr],
    ) -> Later<F> {
        assert!(size_of::<F>() == size_of::<*mut c_void>());
        Later {
            name,
            versions,
            found: AtomicPtr::new(core::ptr::null_mut()),
            function: PhantomData,
        }
    }

    /// The function; none if the C library has none.
    #[inline]
    pub(crate) fn get(&self) -> Option<F> {
        // Relaxed: the address is all there is to see.
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            found = self.look_up();
        }
        // SAFETY: not null, so a function of this type, as `new` was promised.
        (!found.is_null()).then(|| unsafe { core::mem::transmute_copy::<*mut c_void, F>(&found) })
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        // SAFETY: both are strings that end in zero.
        let versioned = |version: &&CStr| unsafe {
            libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr())
        };
        let found = self.versions.iter().map(versioned).find(|found| !found.is_null());
        // SAFETY: as above.
        let found =
            found.unwrap_or_else(|| unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) });
        self.found.store(found, Ordering::Relaxed);
        found
    }
}

/// A static [`Later`], whose type is that of the function of this name in glibc.
macro_rules! later {
    ($(#[$attribute:meta])* $static:ident: $type:ty = $name:literal, [$($version:literal),+]) => {
        $(#[$attribute])*
        // SAFETY: the type is that of POSIX, or of glibc's headers, for all of them.
        static $static: $crate::binding::Later<$type> = unsafe {
            $crate::binding::Later::new($name, &[$($version),+])
        };
    };
}
pub(crate) use later;
