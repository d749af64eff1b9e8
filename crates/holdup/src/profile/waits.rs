//! Profiles by who waited instead of who was waited for.

use super::classes::Class;
use super::snapshot::Named;
use super::{Frame, Kind, Profile, Sample};
use std::time::Duration;

impl Profile {
    /// The waits by lock: a sample for each, whose one frame is the lock.
    pub(crate) fn waits(&self) -> Profile {
        let samples = self.classes.iter().filter(|class| class.sums.waits != 0).map(sample);
        let named = Named { samples: samples.collect(), mappings: Vec::new() };
        Profile::from_parts(self.time, self.duration, self.period, self.classes.clone(), named)
    }
}

fn sample(class: &Class) -> Sample {
    let frame =
        Frame { function: class.name.clone(), file: None, line: None, address: 0, inlined: false };
    Sample {
        stack: vec![frame],
        lock: class.name.clone(),
        kind: Kind::Blame,
        count: class.sums.waits,
        delay: Duration::from_nanos(class.sums.waited),
    }
}
