//! Which traits types implement, asked at run time: see `tests/`.

use std::marker::PhantomData;

/// Stands for a type; its inherent constants say what the type implements.
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// For the types whose `Probe` has no inherent constant of the name.
pub trait Not {
    /// Whether the type is `Send`; and so on.
    const SEND: bool = false;
    #[allow(missing_docs)]
    const SYNC: bool = false;
    #[allow(missing_docs)]
    const UNPIN: bool = false;
    #[allow(missing_docs)]
    const UNWIND_SAFE: bool = false;
    #[allow(missing_docs)]
    const REF_UNWIND_SAFE: bool = false;
    #[allow(missing_docs)]
    const DEBUG: bool = false;
    #[allow(missing_docs)]
    const DISPLAY: bool = false;
    #[allow(missing_docs)]
    const DEFAULT: bool = false;
    #[allow(missing_docs)]
    const FROM_U32: bool = false;
    #[allow(missing_docs)]
    const COPY: bool = false;
    #[allow(missing_docs)]
    const EQ: bool = false;
    #[allow(missing_docs)]
    const STABLE_ADDRESS: bool = false;
    #[allow(missing_docs)]
    const SERIALIZE: bool = false;
    #[allow(missing_docs)]
    const DESERIALIZE: bool = false;
}

impl<T: ?Sized> Not for Probe<T> {}

macro_rules! probes {
    ($($name:ident: $bound:path;)*) => {$(
        impl<T: $bound> Probe<T> {
            #[allow(missing_docs)]
            pub const $name: bool = true;
        }
    )*};
}

probes! {
    SEND: Send;
    SYNC: Sync;
    UNPIN: Unpin;
    UNWIND_SAFE: std::panic::UnwindSafe;
    REF_UNWIND_SAFE: std::panic::RefUnwindSafe;
    DEBUG: std::fmt::Debug;
    DISPLAY: std::fmt::Display;
    DEFAULT: Default;
    FROM_U32: From<u32>;
    COPY: Copy;
    EQ: Eq;
    STABLE_ADDRESS: owning_ref::StableAddress;
    SERIALIZE: serde::Serialize;
    DESERIALIZE: serde::de::DeserializeOwned;
}

/// All answers for one type: the auto traits, then the others.
#[macro_export]
macro_rules! answers {
    ($type:ty) => {{
        #[allow(unused_imports)]
        use $crate::{Not as _, Probe};
        (
            [
                ("Send", <Probe<$type>>::SEND),
                ("Sync", <Probe<$type>>::SYNC),
                ("Unpin", <Probe<$type>>::UNPIN),
                ("UnwindSafe", <Probe<$type>>::UNWIND_SAFE),
                ("RefUnwindSafe", <Probe<$type>>::REF_UNWIND_SAFE),
            ],
            [
                ("Debug", <Probe<$type>>::DEBUG),
                ("Display", <Probe<$type>>::DISPLAY),
                ("Default", <Probe<$type>>::DEFAULT),
                ("From<u32>", <Probe<$type>>::FROM_U32),
                ("Copy", <Probe<$type>>::COPY),
                ("Eq", <Probe<$type>>::EQ),
                ("StableAddress", <Probe<$type>>::STABLE_ADDRESS),
                ("Serialize", <Probe<$type>>::SERIALIZE),
                ("DeserializeOwned", <Probe<$type>>::DESERIALIZE),
            ],
        )
    }};
}
