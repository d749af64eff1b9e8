//! What guards may do, by the feature `send_guard` alone: the guard state of
//! `lock_api` 0.5, and the guard marker of 0.4. Both take no room.

#[cfg(not(feature = "send_guard"))]
mod choice {
    pub(crate) type Guard = lock_api::GuardNoSend;
    pub(crate) type Marker = lock_api_04::GuardNoSend;
}

#[cfg(feature = "send_guard")]
mod choice {
    pub(crate) type Guard = lock_api::GuardSend;
    pub(crate) type Marker = lock_api_04::GuardSend;
}

pub(crate) use choice::{Guard, Marker};
