//! Answers inquiries in threads of their own, so that neither configurations nor reports wait for them. What was found goes
//! with the next report, which is sent at once.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use linkway_domain::edge::{EdgeConfig, Finding, Inquiry, InquiryAnswer, Question};

use super::reporter::Reporter;

/// How many inquiries are worked on at a time.
const AT_ONCE: usize = 4;
/// How many wait beside these; the server has no more open.
const WAITING: usize = 8;

/// Finds out what is asked. Blocking; bounded in time by the implementation.
pub trait Investigator: Send + Sync + 'static {
    /// What is found, on a router that is to have this configuration.
    fn investigate(&self, question: &Question, config: &EdgeConfig) -> Finding;
}

/// Where inquiries are left to be answered.
#[derive(Clone)]
pub struct Inquiries {
    waiting: SyncSender<(Inquiry, Arc<EdgeConfig>)>,
    reporter: Reporter,
}

impl Inquiries {
    /// Starts the threads, which end with the last of the senders.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(investigator: impl Investigator, reporter: &Reporter) -> io::Result<Self> {
        let (waiting, received) = sync_channel(WAITING);
        let received = Arc::new(Mutex::new(received));
        let investigator = Arc::new(investigator);
        for _ in 0..AT_ONCE {
            let (received, reporter) = (Arc::clone(&received), reporter.clone());
            let investigator = Arc::clone(&investigator);
            let work = move || work(&received, &*investigator, &reporter);
            thread::Builder::new().name("inquiries".to_owned()).spawn(work)?;
        }
        Ok(Self { waiting, reporter: reporter.clone() })
    }

    /// Leaves inquiries to be answered, about the configuration that is held; without one nothing is known of any interface.
    pub fn ask(&self, inquiries: Vec<Inquiry>, config: Option<&Arc<EdgeConfig>>) {
        for inquiry in inquiries {
            let number = inquiry.number;
            let refuse = |reason: &str| {
                let finding = Finding::Failed { reason: reason.to_owned() };
                self.reporter.answer(InquiryAnswer { number, finding });
            };
            let Some(config) = config else {
                refuse("the router has no configuration yet");
                continue;
            };
            match self.waiting.try_send((inquiry, Arc::clone(config))) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    refuse("the router is being asked too much");
                }
            }
        }
    }
}

fn work(
    received: &Mutex<Receiver<(Inquiry, Arc<EdgeConfig>)>>,
    investigator: &impl Investigator,
    reporter: &Reporter,
) {
    loop {
        let next = received.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((Inquiry { number, question }, config)) = next else { return };
        let finding = investigator.investigate(&question, &config);
        reporter.answer(InquiryAnswer { number, finding });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use linkway_domain::edge::EdgeStatus;
    use serde_json::json;

    use super::*;
    use crate::agent::server::{FeedResponse, Server};
    use crate::agent::stored_config::StoredConfig;

    /// Finds nothing, when it is let.
    struct Slow(Mutex<Receiver<()>>);

    impl Investigator for Slow {
        fn investigate(&self, _: &Question, config: &EdgeConfig) -> Finding {
            let _ = self.0.lock().unwrap().recv();
            Finding::Failed { reason: format!("of generation {}", config.generation) }
        }
    }

    struct Told(mpsc::Sender<EdgeStatus>);

    impl Server for Told {
        fn config(
            &mut self,
            _: Option<&StoredConfig>,
            _: Duration,
        ) -> Result<FeedResponse, String> {
            Err("it is not asked".to_owned())
        }

        fn report(&mut self, status: &EdgeStatus) -> Result<(), String> {
            self.0.send(status.clone()).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn findings_go_with_reports_which_do_not_wait_for_them() {
        let reporter = Reporter::default();
        let (sent, reports) = mpsc::channel();
        let sends = reporter.clone();
        thread::spawn(move || sends.work(Told(sent)));
        let (go_on, slow) = mpsc::channel();
        let inquiries = Inquiries::start(Slow(Mutex::new(slow)), &reporter).unwrap();
        let config = json!({ "edgeId": "e", "epoch": 1, "generation": 7, "ports": [], "routingDomains": [], "interfaces": [] });
        let config: Arc<EdgeConfig> = Arc::new(serde_json::from_value(config).unwrap());
        let inquiry = |number| Inquiry { number, question: Question::Unknown };
        inquiries.ask(vec![inquiry(1)], Some(&config));
        let status = |generation| {
            let status =
                json!({ "generation": generation, "sequence": 0, "ports": [], "interfaces": [] });
            serde_json::from_value::<EdgeStatus>(status).unwrap()
        };
        let next = || reports.recv_timeout(Duration::from_secs(20)).unwrap();
        reporter.send(status(8));
        let first = next();
        assert_eq!((first.generation, first.answers.len()), (8, 0));
        go_on.send(()).unwrap();
        let second = next();
        let answer = &second.answers[0];
        assert_eq!((second.generation, second.answers.len(), answer.number), (8, 1, 1));
        assert_eq!(answer.finding, Finding::Failed { reason: "of generation 7".to_owned() });
        assert!(second.sequence > first.sequence);
        // More than can wait, and one before there is a configuration: all are answered.
        let many = AT_ONCE + WAITING + 3;
        inquiries.ask((0..many as u64).map(inquiry).collect(), Some(&config));
        inquiries.ask(vec![inquiry(99)], None);
        (0..many).for_each(|_| go_on.send(()).unwrap());
        let mut numbers = Vec::new();
        while numbers.len() < many + 1 {
            numbers.extend(next().answers.into_iter().map(|answer| answer.number));
        }
        numbers.sort_unstable();
        let expected: Vec<u64> = (0..many as u64).chain([99]).collect();
        assert_eq!(numbers, expected);
    }
}
