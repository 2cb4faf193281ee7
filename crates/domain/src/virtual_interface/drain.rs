//! Taking an interface out of use without an interruption for those who have another one (RFC 8326): both sides are first asked to
//! prefer other ways, then nothing is announced any more, then the sessions are shut. Undone, everything is as before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decide::wrong_state;
use super::{Phase, VirtualInterface};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::time::Time;
use crate::view::{Asked, View};

/// How long both sides have to choose other ways, unless the operator says otherwise.
pub const WAIT: Duration = Duration::from_secs(60);
/// The longest that an operator can say.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How long a session stays after its announcements were withdrawn: what is on its way still arrives.
pub const AFTER_WITHDRAWAL: Duration = Duration::from_secs(5);

/// How far an interface is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Drain {
    /// Other ways are preferred, until then.
    Graceful {
        /// When nothing is announced any more.
        until: Time,
    },
    /// Nothing is announced to the customer, until then.
    Withdrawn {
        /// When the sessions are shut.
        until: Time,
    },
    /// The sessions are shut.
    Shut,
}

impl Drain {
    /// When the next stage comes.
    #[must_use]
    pub const fn until(self) -> Option<Time> {
        match self {
            Self::Graceful { until } | Self::Withdrawn { until } => Some(until),
            Self::Shut => None,
        }
    }

    /// The stage at a moment, of which this was the last that is recorded.
    #[must_use]
    pub fn at(self, now: Time) -> Self {
        match self {
            Self::Graceful { until } if now >= until => {
                Self::Withdrawn { until: now.plus(AFTER_WITHDRAWAL) }
            }
            Self::Withdrawn { until } if now >= until => Self::Shut,
            Self::Graceful { .. } | Self::Withdrawn { .. } | Self::Shut => self,
        }
    }

    /// As the operator is shown it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Graceful { .. } => "draining",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Shut => "drained",
        }
    }
}

/// Drains an interface, or ends that. One that is being drained goes on as it was.
#[derive(Clone, Debug)]
pub struct DrainInterface {
    /// The interface.
    pub interface: String,
    /// How long both sides have to choose other ways, in seconds; `None`: [`WAIT`].
    pub wait: Option<i64>,
    /// Whether it is to be as before.
    pub undo: bool,
}

impl Command for DrainInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let wait = self.wait.map_or(Ok(WAIT), wait)?;
        let found =
            access::find::<VirtualInterface>(view, context, Action::Update, &self.interface)?;
        if found.phase != Phase::Accepted {
            let rule = "only one that was accepted can be drained";
            return Err(wrong_state(view, found, context, rule)?.into());
        }
        let mut interface = found.clone();
        interface.options.drain = match (self.undo, found.options.drain) {
            (true, _) => None,
            (false, Some(drain)) => Some(drain),
            (false, None) => Some(Drain::Graceful { until: context.now.plus(wait) }),
        };
        if interface == *found {
            return Decision::unchanged(interface);
        }
        let mut changes = Changes::new(view);
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

fn wait(seconds: i64) -> Result<Duration, Fault> {
    let wait = u64::try_from(seconds).ok().map(Duration::from_secs);
    wait.filter(|wait| *wait <= LONGEST_WAIT).ok_or_else(|| {
        let rule = format!("must be from 0 to {} seconds", LONGEST_WAIT.as_secs());
        Fault::field("waitSeconds", seconds, rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stage_follows_the_other() {
        let at = Time::from_millis;
        let first = Drain::Graceful { until: at(10_000) };
        assert_eq!(first.at(at(9_999)), first);
        let second = first.at(at(10_001));
        assert_eq!(second, Drain::Withdrawn { until: at(15_001) });
        assert_eq!(second.at(at(15_000)), second);
        assert_eq!(second.at(at(15_001)), Drain::Shut);
        assert_eq!(Drain::Shut.at(at(u64::MAX)), Drain::Shut);
    }
}
