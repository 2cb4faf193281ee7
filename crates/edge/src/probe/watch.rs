//! What was seen of one peer, frame by frame. Pure.

use linkway_domain::edge::{NeighborSeen, PeerConfig, SegmentsSeen};
use linkway_domain::net::AuthKey;

use super::frames::{Frame, Segment, Signature};

/// The most other addresses that are kept.
const MOST: usize = 16;

/// A peer that is looked at.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    pub(super) peer: &'a PeerConfig,
    pub(super) neighbor: NeighborSeen,
    pub(super) segments: SegmentsSeen,
    is_up: bool,
}

impl<'a> Watch<'a> {
    /// Of this peer, whose session is up or not. Nothing has been answered until something is seen.
    pub(super) fn new(peer: &'a PeerConfig, is_up: bool) -> Self {
        let neighbor = NeighborSeen { answered: Some(false), ..NeighborSeen::default() };
        Self { peer, neighbor, segments: SegmentsSeen::default(), is_up }
    }

    /// Whether looking on would tell nothing more.
    pub(super) fn is_known(&self) -> bool {
        let SegmentsSeen { badly_signed, unsigned, resets, .. } = self.segments;
        self.neighbor.answered == Some(true) && (self.is_up || badly_signed + unsigned + resets > 0)
    }

    /// A frame came.
    pub(super) fn see(&mut self, frame: &[u8]) {
        let customer = self.peer.addresses.customer().addr();
        match Frame::read(frame) {
            Some(Frame::Claim(address)) if address == customer => {
                self.neighbor.answered = Some(true)
            }
            Some(Frame::Claim(address)) => {
                // Every router has link-local addresses too.
                let is_link_local =
                    matches!(address, std::net::IpAddr::V6(six) if six.is_unicast_link_local());
                let same_family = address.is_ipv4() == customer.is_ipv4();
                if same_family && !is_link_local && self.neighbor.others.len() < MOST {
                    self.neighbor.others.insert(address);
                }
            }
            Some(Frame::EchoReply(from)) if from == customer => {
                self.neighbor.answered = Some(true);
                self.neighbor.pinged = true;
            }
            Some(Frame::Segment(segment))
                if segment.source == customer
                    && segment.destination == self.peer.addresses.amazon().addr() =>
            {
                self.neighbor.answered = Some(true);
                self.count(&segment);
            }
            Some(Frame::EchoReply(_) | Frame::Segment(_)) | None => {}
        }
    }

    fn count(&mut self, segment: &Segment<'_>) {
        let seen = &mut self.segments;
        let of = |key: &AuthKey| segment.signature(key.reveal().as_bytes());
        let signature = match (of(&self.peer.auth_key), &self.peer.new_key) {
            // Either of the two is tried.
            (Signature::Wrong, Some(new)) => of(&new.auth_key),
            (signature, _) => signature,
        };
        let counter = match signature {
            // A router that has no such session refuses without a signature.
            Signature::Absent if segment.is_reset() => &mut seen.resets,
            Signature::Absent => &mut seen.unsigned,
            Signature::Wrong => &mut seen.badly_signed,
            Signature::Right if segment.is_reset() => &mut seen.resets,
            Signature::Right | Signature::Unknown => &mut seen.signed,
        };
        *counter = counter.saturating_add(1);
    }
}
