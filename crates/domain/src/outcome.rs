//! What comes of commands.

use std::borrow::Cow;

/// What came of a command, and what an audit record says of it.
pub trait Outcome: Send {
    /// The ids of the resources that the command was about.
    fn resources(&self) -> Vec<Cow<'_, str>>;
}

impl Outcome for () {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}
