//! Requests and their answers, matched by sequence number.

use std::collections::HashMap;

use super::Netlink;
use super::record::LinkRecord;
use super::reply::{self, Body, Outcome};
use super::reply_link;
use super::socket::Silence;

/// What the kernel says to one request.
pub(super) enum Answer {
    Outcome(Outcome),
    Link(LinkRecord),
}

impl Netlink {
    /// Sends messages and collects the answer to each. What is missing in the end was lost, or could not be sent.
    pub(super) fn exchange(&mut self, messages: &[u8], sequences: &[u32]) -> HashMap<u32, Answer> {
        let mut answers = HashMap::with_capacity(sequences.len());
        if let Err(error) = self.socket.send(messages) {
            tracing::warn!(%error, "a batch of changes could not be sent");
            return answers;
        }
        let mut lost = false;
        while answers.len() < sequences.len() {
            let frames = match self.socket.receive(lost) {
                Ok(datagram) => reply::frames(datagram),
                // What was not lost is there already.
                Err(Silence::Lost) => {
                    lost = true;
                    continue;
                }
                Err(Silence::Quiet) => break,
                Err(Silence::Failed(error)) => {
                    tracing::warn!(%error, "the kernel's answers cannot be received");
                    break;
                }
            };
            for frame in frames.unwrap_or_default() {
                if !sequences.contains(&frame.sequence) {
                    continue;
                }
                let answer = match frame.body {
                    Body::Outcome(outcome) => Some(Answer::Outcome(outcome)),
                    Body::Link(body) => reply_link::link(body).ok().flatten().map(Answer::Link),
                    Body::Address(_)
                    | Body::Route(_)
                    | Body::Rule(_)
                    | Body::Filter(_)
                    | Body::Qdisc(_)
                    | Body::Netconf(_)
                    | Body::End(_)
                    | Body::Something => None,
                };
                answers.extend(answer.map(|answer| (frame.sequence, answer)));
            }
        }
        answers
    }
}
