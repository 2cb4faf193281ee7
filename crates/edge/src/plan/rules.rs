//! The routing rules that keep packets in their VRFs.
//!
//! Three of each family, before every other rule:
//!
//! 1. what is in a VRF is looked up in the VRF's table (l3mdev);
//! 2. what has a routing domain's mark and no route there is dropped, without a word: the router's answer would have no mark, and
//!    without the first rule it would leave by the main table;
//! 3. the router's own addresses (the table `local`), which the kernel's own rule would ask first: then customers would reach
//!    them from every VRF (kernel documentation, networking/vrf, "Using VRFs"). That rule goes, and comes back with the last VRF.
//!
//! The kernel makes a rule for l3mdev of its own, at 1000, with its first VRF and never again: it is kept too.

use linkway_domain::net::AddressFamily;

use crate::kernel::{Change, Kernel, Rule, RuleAction, Selector};
use crate::mark::Marks;

/// `RT_TABLE_LOCAL`.
const LOCAL: u32 = 255;
/// `RTPROT_KERNEL`.
const KERNEL: u8 = 2;
/// `FIB_RULE_L3MDEV_PREF` of the kernel's drivers/net/vrf.c.
const KERNEL_L3MDEV: u32 = 1000;

const FAMILIES: [AddressFamily; 2] = [AddressFamily::Ipv4, AddressFamily::Ipv6];

/// What makes the rules right; `serves`: whether there is a routing domain to serve. Of a family, rules are removed after others
/// were added.
#[must_use]
pub fn changes(kernel: &Kernel, marks: &Marks, serves: bool) -> Vec<Change> {
    let of_family = |family| move |rule: &&Rule| rule.family == family;
    FAMILIES
        .into_iter()
        .flat_map(|family| {
            let now: Vec<&Rule> = kernel.rules.iter().filter(of_family(family)).collect();
            if serves { serving(&now, family, marks) } else { released(&now, family, marks) }
        })
        .collect()
}

/// Why packets may be looked up elsewhere than in their VRF: a rule of somebody else's that is asked first.
#[must_use]
pub fn obstacle(kernel: &Kernel, marks: &Marks) -> Option<String> {
    FAMILIES.into_iter().find_map(|family| {
        let first = wanted(family, marks)[0];
        let mut before = kernel.rules.iter().filter(|rule| rule.family == family);
        let other = before.find(|rule| **rule == first || !is_kernels_local(rule))?;
        // Ours is put behind those of its preference.
        (*other != first && other.preference <= marks.rule_preference).then(|| {
            format!(
                "the router has an {} rule at preference {} that is asked before Linkway's at {}: customers' packets may leave \
                 their VRF (ip rule show); remove it or give it a higher preference",
                family.as_str(), other.preference, marks.rule_preference
            )
        })
    })
}

fn wanted(family: AddressFamily, marks: &Marks) -> [Rule; 3] {
    let rule = |behind: u32, selector, action| {
        let preference = marks.rule_preference.saturating_add(behind);
        Rule { family, preference, selector, action, protocol: marks.route_protocol }
    };
    [
        rule(0, Selector::All, RuleAction::L3mdev),
        rule(1, Selector::Mark(marks.domain_mark), RuleAction::Blackhole),
        rule(2, Selector::All, RuleAction::Lookup(LOCAL)),
    ]
}

fn kernels(family: AddressFamily, preference: u32, action: RuleAction) -> Rule {
    Rule { family, preference, selector: Selector::All, action, protocol: KERNEL }
}

/// The kernel's own rule for the router's addresses, or one that somebody put in its place.
fn is_kernels_local(rule: &Rule) -> bool {
    let plain = (rule.preference, rule.selector) == (0, Selector::All);
    plain && rule.action == RuleAction::Lookup(LOCAL)
}

fn serving(now: &[&Rule], family: AddressFamily, marks: &Marks) -> Vec<Change> {
    let wanted = wanted(family, marks);
    let is_kernels_l3mdev = |rule: &&&Rule| {
        let plain = (rule.preference, rule.selector) == (KERNEL_L3MDEV, Selector::All);
        plain && rule.action == RuleAction::L3mdev
    };
    let mut missing: Vec<Rule> =
        wanted.iter().filter(|rule| !now.contains(rule)).copied().collect();
    if !now.iter().any(|rule| is_kernels_l3mdev(&rule)) {
        missing.push(kernels(family, KERNEL_L3MDEV, RuleAction::L3mdev));
    }
    let stray = |rule: &&&Rule| {
        !wanted.contains(rule) && (rule.protocol == marks.route_protocol || is_kernels_local(rule))
    };
    let remove = now.iter().filter(stray).map(|rule| Change::DeleteRule(**rule));
    missing.into_iter().map(Change::AddRule).chain(remove).collect()
}

/// Ours go, and the kernel's own comes back.
fn released(now: &[&Rule], family: AddressFamily, marks: &Marks) -> Vec<Change> {
    let ours: Vec<&&Rule> =
        now.iter().filter(|rule| rule.protocol == marks.route_protocol).collect();
    let local = !ours.is_empty() && !now.iter().any(|rule| is_kernels_local(rule));
    let back = local.then(|| kernels(family, 0, RuleAction::Lookup(LOCAL)));
    let back = back.into_iter().map(Change::AddRule);
    back.chain(ours.into_iter().map(|rule| Change::DeleteRule(**rule))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: AddressFamily = AddressFamily::Ipv4;

    fn fresh() -> Kernel {
        let rules = FAMILIES.into_iter().flat_map(|family| {
            [
                kernels(family, 0, RuleAction::Lookup(LOCAL)),
                kernels(family, KERNEL_L3MDEV, RuleAction::L3mdev),
                kernels(family, 32_766, RuleAction::Lookup(254)),
            ]
        });
        Kernel { rules: rules.collect(), ..Kernel::default() }
    }

    fn apply(kernel: &mut Kernel, changes: &[Change]) {
        for change in changes {
            match change {
                Change::AddRule(rule) => {
                    let place = |other: &Rule| (other.family.as_str(), other.preference);
                    let at = kernel.rules.partition_point(|other| place(other) <= place(rule));
                    kernel.rules.insert(at, *rule);
                }
                Change::DeleteRule(rule) => kernel.rules.retain(|other| other != rule),
                other => panic!("{other:?} is not about a rule"),
            }
        }
    }

    fn settled(kernel: &mut Kernel, serves: bool) {
        let marks = Marks::default();
        let steps = changes(kernel, &marks, serves);
        apply(kernel, &steps);
        assert_eq!(changes(kernel, &marks, serves), []);
    }

    fn preferences(kernel: &Kernel) -> Vec<u32> {
        let rules = kernel.rules.iter().filter(|rule| rule.family == FOUR);
        rules.map(|rule| rule.preference).collect()
    }

    #[test]
    fn ours_come_first_and_leave_as_they_came() {
        let mut kernel = fresh();
        settled(&mut kernel, true);
        assert_eq!(preferences(&kernel), [0, 1, 2, 1000, 32_766]);
        assert_eq!(kernel.rules[0].action, RuleAction::L3mdev);
        assert_eq!(obstacle(&kernel, &Marks::default()), None);
        settled(&mut kernel, false);
        assert_eq!(kernel, fresh());
    }

    #[test]
    fn a_router_that_never_served_is_left_alone() {
        for kernel in [fresh(), Kernel::default()] {
            assert_eq!(changes(&kernel, &Marks::default(), false), []);
        }
    }

    /// Whatever somebody removes comes back, and the local table is never without a rule on the way.
    #[test]
    fn what_is_removed_comes_back() {
        let marks = Marks::default();
        let mut whole = fresh();
        settled(&mut whole, true);
        for at in 0..whole.rules.len() {
            let mut kernel = whole.clone();
            let gone = kernel.rules.remove(at);
            if gone.action == RuleAction::Lookup(254) {
                // The main table's is not ours.
                continue;
            }
            let steps = changes(&kernel, &marks, true);
            apply(&mut kernel, &steps);
            assert_eq!(kernel, whole, "{gone:?}");
        }
        let mut kernel = fresh();
        for step in changes(&fresh(), &marks, true) {
            apply(&mut kernel, &[step]);
            for family in FAMILIES {
                let local = |rule: &&Rule| {
                    rule.family == family && rule.action == RuleAction::Lookup(LOCAL)
                };
                assert!(kernel.rules.iter().any(|rule| local(&rule)));
            }
        }
    }

    #[test]
    fn a_rule_before_ours_is_an_obstacle_and_one_behind_is_not() {
        let marks = Marks::default();
        let mut kernel = fresh();
        settled(&mut kernel, true);
        let foreign =
            |preference| Rule { protocol: 3, ..kernels(FOUR, preference, RuleAction::Lookup(254)) };
        for preference in [0, 1, 500] {
            let mut later = kernel.clone();
            apply(&mut later, &[Change::AddRule(foreign(preference))]);
            assert_eq!(obstacle(&later, &marks), None, "{preference}");
        }
        let mut earlier = fresh();
        apply(&mut earlier, &[Change::AddRule(foreign(0))]);
        settled(&mut earlier, true);
        let text = obstacle(&earlier, &marks).expect("it is asked first");
        assert!(text.contains("ipv4 rule at preference 0"), "{text}");
    }
}
