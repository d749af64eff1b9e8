//! Profiles by who waited instead of who was waited for.

use super::named::{Builder, Weight};
use super::{Contents, Frame, Kind, Profile};

impl Profile {
    /// The waits by lock: a sample for each, whose one frame is the lock.
    pub(crate) fn waits_by_lock(&self) -> Profile {
        let mut builder = Builder::default();
        for class in self.classes.iter().filter(|class| class.sums.waits != 0) {
            let function = class.name.as_str().into();
            let frame = Frame { function, file: None, line: None, address: 0, inlined: false };
            let (stack, unknown) = (builder.stack(vec![frame]), builder.stack(Vec::new()));
            let lock = builder.lock(&class.name);
            let weight = Weight { count: class.sums.waits, delay: class.sums.waited };
            builder.add(stack, unknown, lock, Kind::Blame, weight);
        }
        let named = builder.finish(Vec::new(), Vec::new());
        let (time, duration, period) = (self.time, self.duration, self.period);
        let classes = self.classes.clone();
        Profile::from_parts(time, duration, period, Contents::Blame, classes, named)
    }
}
