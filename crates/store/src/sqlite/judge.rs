//! Which commits of a batch hold, decided in order, each against the state that the accepted ones
//! before it leave behind. Nothing is written here, so a refused commit leaves nothing behind.

use std::collections::HashMap;
use std::sync::Arc;

use super::recent::{Change, Recent};
use crate::{Commit, Compare, Revision, StoreError};

/// What lies under the recent records: the `records` table.
pub(crate) trait Base {
    /// The version of a key, 0 if it is not there.
    fn version(&mut self, key: &str) -> Result<Revision, StoreError>;

    /// Whether the prefix holds a key that `hidden` does not hide.
    fn any_below(
        &mut self,
        prefix: &str,
        hidden: &dyn Fn(&str) -> bool,
    ) -> Result<bool, StoreError>;
}

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The revision to answer with, and what changes; nothing if `changes` is empty.
    Accepted { revision: Revision, changes: Vec<Change> },
    /// The index of the first compare that does not hold.
    Conflict { compare: usize },
}

/// Judges the commits of one batch.
pub(crate) struct Judge<'a> {
    recent: &'a Recent,
    /// What this batch has written so far; version 0 for what it has deleted.
    batch: HashMap<Arc<str>, Revision>,
    revision: Revision,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(recent: &'a Recent) -> Self {
        Self { recent, batch: HashMap::new(), revision: recent.revision() }
    }

    /// Judges the next commit.
    pub(crate) fn judge(
        &mut self,
        commit: Commit,
        base: &mut impl Base,
    ) -> Result<Verdict, StoreError> {
        let untouched = commit.read_at.is_some_and(|revision| self.recent.knows_since(revision));
        for (compare, condition) in commit.compares.iter().enumerate() {
            let holds = match untouched {
                true => self.still_holds(condition),
                false => self.holds(condition, base)?,
            };
            if !holds {
                return Ok(Verdict::Conflict { compare });
            }
        }
        let mut changes = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            if write.value.is_some() || self.version(&write.key, base)? != 0 {
                changes.push((Arc::from(write.key), write.value.map(Arc::from)));
            }
        }
        if !changes.is_empty() {
            self.revision += 1;
            for (key, value) in &changes {
                let version = if value.is_some() { self.revision } else { 0 };
                self.batch.insert(Arc::clone(key), version);
            }
        }
        Ok(Verdict::Accepted { revision: self.revision, changes })
    }

    fn holds(&self, condition: &Compare, base: &mut impl Base) -> Result<bool, StoreError> {
        match condition {
            Compare::Key { key, version } => Ok(self.version(key, base)? == *version),
            Compare::EmptyPrefix { prefix } => Ok(!self.any_below(prefix, base)?),
        }
    }

    /// Whether a condition holds that held at a revision since which nothing has left the recent records.
    fn still_holds(&self, condition: &Compare) -> bool {
        match condition {
            Compare::Key { key, version } => self.known(key).is_none_or(|now| now == *version),
            Compare::EmptyPrefix { prefix } => !self.any_known_below(prefix),
        }
    }

    fn version(&self, key: &str, base: &mut impl Base) -> Result<Revision, StoreError> {
        match self.known(key) {
            Some(version) => Ok(version),
            None => base.version(key),
        }
    }

    /// The version, if the answer is not in the base.
    fn known(&self, key: &str) -> Option<Revision> {
        let written = self.batch.get(key).copied();
        written.or_else(|| self.recent.get(key).map(|entry| entry.seen_version()))
    }

    fn any_below(&self, prefix: &str, base: &mut impl Base) -> Result<bool, StoreError> {
        Ok(self.any_known_below(prefix)
            || base.any_below(prefix, &|key| self.known(key).is_some())?)
    }

    fn any_known_below(&self, prefix: &str) -> bool {
        let mut written = self.batch.iter().filter(|(key, _)| key.starts_with(prefix));
        let mut recent = self.recent.below(prefix, None);
        written.any(|(_, version)| *version != 0)
            || recent.any(|(key, entry)| entry.value.is_some() && !self.batch.contains_key(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Write;

    struct Keys(&'static [(&'static str, Revision)]);

    impl Base for Keys {
        fn version(&mut self, key: &str) -> Result<Revision, StoreError> {
            Ok(self.0.iter().find(|(name, _)| *name == key).map_or(0, |(_, version)| *version))
        }

        fn any_below(
            &mut self,
            prefix: &str,
            hidden: &dyn Fn(&str) -> bool,
        ) -> Result<bool, StoreError> {
            Ok(self.0.iter().any(|(name, _)| name.starts_with(prefix) && !hidden(name)))
        }
    }

    #[test]
    fn each_commit_sees_the_accepted_ones_before_it() {
        let mut recent = Recent::new(8, vec![]);
        recent.apply(9, vec![("a/recent".into(), Some(Arc::from(&b""[..])))]);
        let mut base = Keys(&[("a/recent", 3), ("a/base", 4)]);
        let mut judge = Judge::new(&recent);
        type Step = (Vec<Compare>, Vec<Write>, Result<Revision, usize>);
        let steps: [Step; 9] = [
            (vec![Compare::version("a/recent", 3)], vec![], Err(0)),
            (vec![Compare::version("a/recent", 9)], vec![Write::delete("a/recent")], Ok(10)),
            (vec![Compare::absent("a/recent"), Compare::empty("a/")], vec![], Err(1)),
            (vec![Compare::version("a/base", 4)], vec![Write::delete("a/base")], Ok(11)),
            (vec![Compare::empty("a/")], vec![Write::delete("a/base")], Ok(11)),
            (vec![Compare::empty("a/")], vec![Write::put("a/new", "")], Ok(12)),
            (vec![Compare::empty("a/")], vec![Write::put("a/other", "")], Err(0)),
            (vec![Compare::absent("a/other")], vec![Write::put("a/new", "")], Ok(13)),
            (vec![Compare::version("a/new", 12)], vec![], Err(0)),
        ];
        for (step, (compares, writes, expected)) in steps.into_iter().enumerate() {
            let got =
                match judge.judge(Commit { compares, writes, read_at: None }, &mut base).unwrap() {
                    Verdict::Accepted { revision, .. } => Ok(revision),
                    Verdict::Conflict { compare } => Err(compare),
                };
            assert_eq!(got, expected, "step {step}");
        }
    }
}
