//! A link's filters become what they are to be.
//!
//! What is missing is added first and what is too much is removed after it, so that a packet meets no fewer filters meanwhile.
//! Only what takes the place of something else (another action for the same packets, another classifier in a priority) has to
//! wait until that is gone.

use std::collections::{BTreeSet, HashMap};

use super::{BATCH, Run, errno};
use crate::fence::{Action, Condition, Direction, Fence, Filter, Trace};
use crate::netlink::describe;
use crate::netlink::error::KernelError;
use crate::netlink::exchange::Answer;
use crate::netlink::reply::Outcome;
use crate::netlink::reply_filter::FilterRecord;
use crate::netlink::request::Request;
use crate::netlink::request_filter as request;

/// Where filters are of one kind.
type Place = (Direction, u32, u16);

/// What is missing, each filter with a free handle, and what is too much.
struct Steps<'a> {
    missing: Vec<(&'a Filter, u32)>,
    surplus: Vec<&'a FilterRecord>,
    /// The places in which filters stay.
    live: BTreeSet<Place>,
}

fn place(filter: &FilterRecord) -> Place {
    (filter.trace.direction, filter.chain, filter.trace.priority)
}

fn place_of(filter: &Filter) -> Place {
    (filter.direction, 0, filter.priority)
}

fn steps<'a>(found: &'a [FilterRecord], wanted: &'a [Filter]) -> Steps<'a> {
    let mut there: HashMap<Trace, Vec<&FilterRecord>> = HashMap::new();
    let (mut surplus, mut live) = (Vec::new(), BTreeSet::new());
    for filter in found {
        if filter.chain == 0 && filter.is_ours() {
            there.entry(filter.trace).or_default().push(filter);
        } else {
            surplus.push(filter);
        }
    }
    let mut absent = Vec::new();
    for filter in wanted {
        match there.get_mut(&filter.trace()).and_then(Vec::pop) {
            Some(_) => drop(live.insert(place_of(filter))),
            None => absent.push(filter),
        }
    }
    surplus.extend(there.into_values().flatten());
    surplus.sort_by_key(|filter| (place(filter), filter.handle));
    let mut taken: BTreeSet<(Place, u32)> =
        found.iter().map(|filter| (place(filter), filter.handle)).collect();
    let missing = absent.into_iter().map(|filter| {
        let handle = match filter.condition {
            // The handle is what is looked for.
            Condition::Mark(bits) => bits,
            Condition::All | Condition::Vlan(_) | Condition::Arp { .. } | Condition::Ip { .. } => {
                let free = |handle: &u32| !taken.contains(&(place_of(filter), *handle));
                (1..).find(free).expect("fewer filters than numbers")
            }
        };
        taken.insert((place_of(filter), handle));
        (filter, handle)
    });
    Steps { missing: missing.collect(), surplus, live }
}

impl Run<'_> {
    pub(super) fn set_fence(
        &mut self,
        at: usize,
        link: &str,
        fence: Option<&Fence>,
    ) -> Result<(), KernelError> {
        let index = match fence {
            Some(_) => self.need(at, link)?,
            None => match self.find(at, link)? {
                Some(index) => index,
                None => return Ok(()),
            },
        };
        self.flush();
        self.netlink.heard.filters.insert(index);
        let found = self.netlink.filters_of(index)?;
        let Some(fence) = fence else { return self.remove_fence(at, index, &found) };
        let wanted = fence.filters(&self.netlink.marks);
        self.take_filters(at, index)?;
        let Steps { missing, surplus, mut live } = steps(&found, &wanted);
        let add = |missing: &[(&Filter, u32)]| {
            missing.iter().map(|(filter, at)| request::add_filter(index, filter, *at)).collect()
        };
        let blocked: BTreeSet<Place> = surplus.iter().map(|filter| place(filter)).collect();
        let mut again = Vec::new();
        for (outcome, item) in self.ask(at, add(&missing))?.into_iter().zip(&missing) {
            let place = place_of(item.0);
            match outcome.errno {
                0 => drop(live.insert(place)),
                errno::EEXIST | errno::EINVAL if blocked.contains(&place) => again.push(*item),
                _ => return Err(self.filter_refused(at, item.0, outcome)),
            }
        }
        self.remove_filters(at, index, &surplus, &live)?;
        for (outcome, item) in self.ask(at, add(&again))?.into_iter().zip(&again) {
            if outcome.errno != 0 {
                return Err(self.filter_refused(at, item.0, outcome));
            }
        }
        Ok(())
    }

    /// Makes the link take filters both ways.
    fn take_filters(&mut self, at: usize, index: u32) -> Result<(), KernelError> {
        let mut outcome = self.ask_one(at, request::add_clsact(index))?;
        if outcome.errno == errno::EINVAL {
            // `ingress` is in the place, which takes them one way only.
            self.ask_one(at, request::delete_clsact(index))?;
            outcome = self.ask_one(at, request::add_clsact(index))?;
        }
        match outcome.errno {
            0 => Ok(()),
            errno::ENOENT => Err(self.lacking(at, outcome, "sch_ingress")),
            _ => Err(self.refused(at, outcome)),
        }
    }

    fn remove_fence(
        &mut self,
        at: usize,
        index: u32,
        found: &[FilterRecord],
    ) -> Result<(), KernelError> {
        let ours: Vec<&FilterRecord> = found.iter().filter(|filter| filter.is_ours()).collect();
        if ours.is_empty() {
            return Ok(());
        }
        if ours.len() == found.len() {
            let outcome = self.ask_one(at, request::delete_clsact(index))?;
            return match outcome.errno {
                0 | errno::ENOENT | errno::EINVAL | errno::ENODEV => Ok(()),
                _ => Err(self.refused(at, outcome)),
            };
        }
        let foreign = found.iter().filter(|filter| !filter.is_ours());
        let live = foreign.map(place).collect();
        self.remove_filters(at, index, &ours, &live)
    }

    /// Removes filters: priorities at once where nothing in them stays, which also takes what cannot be removed alone.
    fn remove_filters(
        &mut self,
        at: usize,
        index: u32,
        surplus: &[&FilterRecord],
        live: &BTreeSet<Place>,
    ) -> Result<(), KernelError> {
        let mut whole = BTreeSet::new();
        let mut requests = Vec::new();
        for filter in surplus {
            let one_by_one = live.contains(&place(filter));
            if one_by_one || whole.insert(place(filter)) {
                requests.push(request::delete_filter(index, filter, !one_by_one));
            }
        }
        for outcome in self.ask(at, requests)? {
            if !matches!(outcome.errno, 0 | errno::ENOENT) {
                return Err(self.refused(at, outcome));
            }
        }
        Ok(())
    }

    fn ask_one(&mut self, at: usize, request: Request) -> Result<Outcome, KernelError> {
        let outcome = self.ask(at, vec![request])?.pop();
        outcome.ok_or_else(|| self.unanswered(at))
    }

    /// Sends requests that belong to a change; an outcome for each.
    fn ask(&mut self, at: usize, requests: Vec<Request>) -> Result<Vec<Outcome>, KernelError> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let (mut bytes, mut sequences) = (Vec::new(), Vec::new());
            for request in requests.by_ref().take(BATCH) {
                let sequence = self.netlink.next_sequence();
                bytes.extend(request.numbered(sequence));
                sequences.push(sequence);
            }
            let mut answers = self.netlink.exchange(&bytes, &sequences);
            for sequence in &sequences {
                match answers.remove(sequence) {
                    Some(Answer::Outcome(outcome)) => outcomes.push(outcome),
                    Some(Answer::Link(_)) | None => return Err(self.unanswered(at)),
                }
            }
        }
        Ok(outcomes)
    }

    fn filter_refused(&self, at: usize, filter: &Filter, outcome: Outcome) -> KernelError {
        let (classifier, action) = modules(filter);
        if outcome.errno != errno::ENOENT {
            return self.refused(at, outcome);
        }
        // The kernel's words, where it has any, tell which of the two it is.
        let module = if outcome.text.contains("classifier") {
            classifier.to_owned()
        } else if outcome.text.contains("action") {
            action.to_owned()
        } else {
            format!("{classifier} {action}")
        };
        self.lacking(at, outcome, &module)
    }

    fn lacking(&self, at: usize, outcome: Outcome, modules: &str) -> KernelError {
        let hint = format!("the kernel lacks a module: modprobe -a {modules}");
        let detail = match outcome.text.as_str() {
            "" => hint,
            text => format!("{text}; {hint}"),
        };
        let why = std::io::Error::from_raw_os_error(outcome.errno);
        KernelError::Refused {
            doing: describe::change(&self.changes[at], &self.netlink.index),
            why,
            detail,
        }
    }
}

/// The kernel modules of a filter.
const fn modules(filter: &Filter) -> (&'static str, &'static str) {
    let classifier = match filter.condition {
        Condition::All => "cls_matchall",
        Condition::Mark(_) => "cls_fw",
        Condition::Vlan(_) | Condition::Arp { .. } | Condition::Ip { .. } => "cls_flower",
    };
    let action = match filter.action {
        Action::Pass | Action::Drop => "act_gact",
        Action::Police(_) | Action::Limit(_) => "act_police",
        Action::Mark { .. } => "act_skbedit",
    };
    (classifier, action)
}
