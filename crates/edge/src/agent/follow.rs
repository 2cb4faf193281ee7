//! Waits for the server's configurations.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::inquiries::Inquiries;
use super::reporter::Reporter;
use super::run::{Event, LONGEST_PAUSE};
use super::server::Server;
use super::stored_config::StoredConfig;

/// How long the server may keep the agent waiting for a configuration.
const WAIT: Duration = Duration::from_secs(30);

/// Waits for configurations, without end, in a thread of its own.
pub fn follow(
    mut server: impl Server,
    mut held: Option<StoredConfig>,
    events: &SyncSender<Event>,
    reporter: &Reporter,
    inquiries: &Inquiries,
) {
    let mut pause = Pause::default();
    loop {
        let answer = server.config(held.as_ref(), WAIT).map(|answer| {
            reporter.known(answer.last_sequence);
            // About the configuration that the router has been told of: a new one is not carried out yet.
            inquiries.ask(answer.inquiries, held.as_ref().map(|held| &held.config));
            answer.config
        });
        match answer {
            Ok(None) => pause.reset(),
            Ok(Some(fresh)) => {
                let (answer, taken) = sync_channel(1);
                if events.send(Event::Config(Box::new(fresh.clone()), answer)).is_err() {
                    return;
                }
                match taken.recv() {
                    Ok(true) => {
                        held = Some(fresh);
                        pause.reset();
                    }
                    // It would come again at once.
                    Ok(false) => pause.longer(),
                    Err(_) => return,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no configuration from the server; the router goes on as it is");
                pause.longer();
            }
        }
    }
}

/// A pause that doubles.
#[derive(Default)]
struct Pause(Duration);

impl Pause {
    fn reset(&mut self) {
        self.0 = Duration::ZERO;
    }

    fn longer(&mut self) {
        self.0 = (self.0 * 2).clamp(Duration::from_millis(500), LONGEST_PAUSE);
        thread::sleep(self.0);
    }
}
