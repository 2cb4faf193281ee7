//! Rules come and go.

use super::{Role, Run};
use crate::kernel::Rule;
use crate::netlink::error::KernelError;
use crate::netlink::reply_rule::fits;
use crate::netlink::request_rule as request;

impl Run<'_> {
    /// The kernel takes a rule that selects more for the same one (`rule_exists`) where it is asked not to make it twice. So the
    /// rules are read, and it is not asked.
    pub(super) fn add_rule(&mut self, at: usize, rule: &Rule) -> Result<(), KernelError> {
        let request = request::add_rule(rule)
            .ok_or_else(|| KernelError::OddRule { doing: self.doing(at) })?;
        self.flush();
        if !self.netlink.rules()?.iter().any(|known| known.rule == *rule) {
            self.push(at, request, Role::Act);
        }
        Ok(())
    }

    /// The kernel removes the first rule that has what the request names, and what a request leaves out fits everything. So the
    /// rules are read, the request names all that the kernel told of the one to go, and nothing is done if it would take another.
    pub(super) fn delete_rule(&mut self, at: usize, rule: &Rule) -> Result<(), KernelError> {
        self.flush();
        let rules = self.netlink.rules()?;
        let Some(found) = rules.iter().find(|known| known.rule == *rule) else { return Ok(()) };
        let first = rules.iter().find(|known| fits(found, known));
        if first.is_some_and(|first| first.rule != *rule) {
            return Err(KernelError::Shadowed { doing: self.doing(at) });
        }
        self.push(at, request::delete_rule(&found.body), Role::Act);
        Ok(())
    }
}
