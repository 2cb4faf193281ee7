//! What an edge is asked now ([`linkway_domain::edge::Inquiry`]): held in memory from the call that asks to the report that
//! answers, so only the server that an edge is connected to can ask it ([ADR 0032](../../../../docs/adr/0034-inquiries.md)).
//!
//! Everything is bounded, for a router has better things to do: how many inquiries are open at an edge, how many of them are of one account,
//! and how long one is waited for. What was asked a moment ago, or is being asked, is not asked again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use linkway_domain::edge::{Finding, Inquiry, InquiryAnswer, Question};
use linkway_domain::id::AccountId;
use tokio::sync::{Notify, oneshot};

/// How many inquiries may be open at an edge.
const MOST: usize = 8;
/// How many of these may be accounts': the operator finds a place.
const MOST_OF_ACCOUNTS: usize = 6;
/// How many of these may be of one account.
const MOST_OF_ONE: usize = 2;
/// How long a finding answers the same question.
const FRESH: Duration = Duration::from_secs(3);
/// How many findings are kept for that.
const KEPT: usize = 4;
/// How long an edge that had a question open counts as connected: it asks again at once.
const BETWEEN_POLLS: Duration = Duration::from_secs(5);
/// How long an inquiry is waited for. A look at an interface takes some seconds.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Why nothing was found. `Display` is a sentence for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No question of the edge for its configuration is open here.
    #[error("is not connected to this server, so it cannot be asked")]
    NotConnected,
    /// The edge has as many inquiries as it may have.
    #[error("is being asked as much as it can answer; try again in some seconds")]
    Busy,
    /// The account has as many inquiries as it may have.
    #[error("is being asked by this account already; try again in some seconds")]
    BusyForAccount,
    /// It did not answer in time.
    #[error("did not answer within {} seconds", PATIENCE.as_secs())]
    Silent,
}

/// What one edge is asked.
#[derive(Default)]
pub(super) struct Inquiries {
    state: Mutex<State>,
    /// Wakes the edge's question for its configuration.
    asked: Notify,
}

#[derive(Default)]
struct State {
    last_number: u64,
    open: Vec<Open>,
    kept: VecDeque<(Instant, Question, Arc<Finding>)>,
    polls: usize,
    last_poll: Option<Instant>,
}

struct Open {
    inquiry: Inquiry,
    account: Option<AccountId>,
    since: Instant,
    is_given: bool,
    waiting: Vec<oneshot::Sender<Arc<Finding>>>,
}

/// While it lives, a question of the edge for its configuration is open.
pub(super) struct Poll(Arc<super::Slot>);

impl Poll {
    pub(super) fn begin(slot: &Arc<super::Slot>) -> Self {
        slot.inquiries.state().polls += 1;
        Self(Arc::clone(slot))
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let mut state = self.0.inquiries.state();
        state.polls -= 1;
        state.last_poll = Some(Instant::now());
    }
}

/// What asking comes to at first.
#[derive(Debug)]
enum Asked {
    Known(Arc<Finding>),
    Open(oneshot::Receiver<Arc<Finding>>),
}

impl Inquiries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits for the finding. `first` is above the numbers of earlier runs of this server.
    pub(super) async fn ask(
        &self,
        question: Question,
        account: Option<&AccountId>,
        first: u64,
    ) -> Result<Arc<Finding>, AskError> {
        let asked = self.state().ask(question, account, first, Instant::now())?;
        let waiting = match asked {
            Asked::Known(finding) => return Ok(finding),
            Asked::Open(waiting) => waiting,
        };
        self.asked.notify_one();
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(finding)) => Ok(finding),
            Ok(Err(_)) | Err(_) => Err(AskError::Silent),
        }
    }

    /// Waits until there is something that the edge has not been asked yet.
    pub(super) async fn wait(&self) {
        while !self.state().open.iter().any(|open| !open.is_given) {
            self.asked.notified().await;
        }
    }

    /// What the edge has not been asked yet.
    pub(super) fn take(&self) -> Vec<Inquiry> {
        let mut state = self.state();
        state.forget_old(Instant::now());
        let new = state.open.iter_mut().filter(|open| !open.is_given);
        new.map(|open| {
            open.is_given = true;
            open.inquiry.clone()
        })
        .collect()
    }

    /// Takes the edge's findings. A number that is not open is one that nobody waits for any more.
    pub(super) fn answer(&self, answers: Vec<InquiryAnswer>) {
        let mut state = self.state();
        for InquiryAnswer { number, finding } in answers {
            state.answer(number, finding, Instant::now());
        }
    }
}

impl State {
    fn ask(
        &mut self,
        question: Question,
        account: Option<&AccountId>,
        first: u64,
        now: Instant,
    ) -> Result<Asked, AskError> {
        self.forget_old(now);
        if let Some((_, _, finding)) = self.kept.iter().find(|(_, kept, _)| *kept == question) {
            return Ok(Asked::Known(Arc::clone(finding)));
        }
        let is_connected = self.polls > 0
            || self.last_poll.is_some_and(|last| now.duration_since(last) < BETWEEN_POLLS);
        if !is_connected {
            return Err(AskError::NotConnected);
        }
        let (tell, waiting) = oneshot::channel();
        if let Some(same) = self.open.iter_mut().find(|open| open.inquiry.question == question) {
            same.waiting.retain(|waiting| !waiting.is_closed());
            same.waiting.push(tell);
            return Ok(Asked::Open(waiting));
        }
        let of_accounts = self.open.iter().filter(|open| open.account.is_some()).count();
        let of_this = self.open.iter().filter(|open| open.account.as_ref() == account).count();
        if account.is_some() && of_this >= MOST_OF_ONE {
            return Err(AskError::BusyForAccount);
        }
        if self.open.len() >= MOST || account.is_some() && of_accounts >= MOST_OF_ACCOUNTS {
            return Err(AskError::Busy);
        }
        let number = first.max(self.last_number.saturating_add(1));
        self.last_number = number;
        self.open.push(Open {
            inquiry: Inquiry { number, question },
            account: account.cloned(),
            since: now,
            is_given: false,
            waiting: vec![tell],
        });
        Ok(Asked::Open(waiting))
    }

    fn answer(&mut self, number: u64, finding: Finding, now: Instant) {
        let Some(at) = self.open.iter().position(|open| open.inquiry.number == number) else {
            return;
        };
        let open = self.open.swap_remove(at);
        let finding = Arc::new(finding.bounded());
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((now, open.inquiry.question, Arc::clone(&finding)));
        for waiting in open.waiting {
            // Whoever asked may have gone away.
            let _ = waiting.send(Arc::clone(&finding));
        }
    }

    /// Inquiries that nobody waits for any more, and findings that are too old.
    fn forget_old(&mut self, now: Instant) {
        self.open.retain(|open| now.duration_since(open.since) < PATIENCE);
        self.kept.retain(|(at, _, _)| now.duration_since(*at) < FRESH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(n: u32) -> Question {
        let id = format!("dxvif-f000000{n}").parse().expect("an id");
        Question::Routes { virtual_interface_id: id }
    }

    fn account(n: u32) -> AccountId {
        AccountId::parse(&format!("11111111111{n}")).expect("an account")
    }

    fn connected() -> State {
        State { polls: 1, ..State::default() }
    }

    fn said(text: &str) -> Finding {
        Finding::Failed { reason: text.to_owned() }
    }

    #[test]
    fn an_edge_that_is_not_connected_cannot_be_asked() {
        let (mut state, now) = (State::default(), Instant::now());
        let refused = state.ask(question(1), None, 1, now).expect_err("nobody is there");
        assert_eq!(refused, AskError::NotConnected);
        state.last_poll = Some(now);
        assert!(state.ask(question(1), None, 1, now + Duration::from_secs(4)).is_ok());
        let later = now + BETWEEN_POLLS;
        assert_eq!(
            state.ask(question(2), None, 1, later).expect_err("too long"),
            AskError::NotConnected
        );
    }

    #[test]
    fn the_same_question_is_asked_once_and_its_finding_serves_for_a_moment() {
        let (mut state, now) = (connected(), Instant::now());
        let Ok(Asked::Open(mut one)) = state.ask(question(1), None, 100, now) else { panic!() };
        let Ok(Asked::Open(mut two)) = state.ask(question(1), None, 100, now) else { panic!() };
        assert_eq!(state.open.len(), 1);
        state.answer(99, said("not asked"), now);
        assert!(one.try_recv().is_err());
        state.answer(100, said("found"), now);
        for waiting in [&mut one, &mut two] {
            assert_eq!(*waiting.try_recv().expect("told"), said("found"));
        }
        let again = state.ask(question(1), None, 100, now + Duration::from_secs(1));
        assert!(matches!(again, Ok(Asked::Known(found)) if *found == said("found")));
        let later = state.ask(question(1), None, 100, now + FRESH);
        assert!(matches!(later, Ok(Asked::Open(_))));
        assert_eq!(state.open[0].inquiry.number, 101, "numbers rise");
    }

    #[test]
    fn neither_an_account_nor_all_of_them_take_every_place() {
        let (mut state, now) = (connected(), Instant::now());
        let mut ask = |n: u32, account: Option<u32>, at: Instant| {
            let account = account.map(self::account);
            state.ask(question(n), account.as_ref(), 1, at).map(drop)
        };
        for n in 0..6 {
            assert_eq!(ask(n, Some(n / 2), now), Ok(()), "{n}");
        }
        assert_eq!(ask(6, Some(0), now), Err(AskError::BusyForAccount));
        assert_eq!(ask(6, Some(3), now), Err(AskError::Busy));
        assert_eq!((ask(6, None, now), ask(7, None, now)), (Ok(()), Ok(())));
        assert_eq!(ask(8, None, now), Err(AskError::Busy));
        // What was not answered in time makes room.
        assert_eq!(ask(9, Some(0), now + PATIENCE), Ok(()));
    }
}
