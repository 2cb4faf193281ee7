//! What a frame on a customer's link says of the router that sent it. Pure; whatever the bytes are, it reads nothing beyond them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use md5::{Digest as _, Md5};

const ETHERNET: usize = 14;
const TCP: u8 = 6;

/// A frame that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Somebody says in ARP (RFC 826) or neighbor discovery (RFC 4861) that an address is its own.
    Claim(IpAddr),
    /// An answer to a ping.
    EchoReply(IpAddr),
    /// A TCP segment.
    Segment(Segment<'a>),
}

impl<'a> Frame<'a> {
    /// Reads a frame that begins with its Ethernet header, without a tag; `None`: it says nothing.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let kind = u16_at(bytes, 12)?;
        let body = bytes.get(ETHERNET..)?;
        match kind {
            0x0806 => arp(body),
            0x0800 => ipv4(body),
            0x86dd => ipv6(body),
            _ => None,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn ipv4_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?))
}

fn ipv6_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    Some(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?))
}

/// Questions name their sender too, but for probes of an address that is not taken yet (RFC 5227).
fn arp<'a>(body: &[u8]) -> Option<Frame<'a>> {
    let sender = ipv4_at(body, 14).filter(|sender| !sender.is_unspecified())?;
    Some(Frame::Claim(sender.into()))
}

fn ipv4(body: &[u8]) -> Option<Frame<'_>> {
    let header = usize::from(body.first()? & 0xf) * 4;
    let length = usize::from(u16_at(body, 2)?);
    // Only a first fragment has a header.
    let is_first = u16_at(body, 6)? & 0x1fff == 0;
    let (source, destination) = (ipv4_at(body, 12)?.into(), ipv4_at(body, 16)?.into());
    let carried = body.get(header..).filter(|_| is_first)?;
    match *body.get(9)? {
        1 if carried.first() == Some(&0) => Some(Frame::EchoReply(source)),
        TCP => Segment::read(source, destination, carried, length.checked_sub(header)?),
        _ => None,
    }
}

fn ipv6(body: &[u8]) -> Option<Frame<'_>> {
    const HEADER: usize = 40;
    let length = usize::from(u16_at(body, 4)?);
    let source = ipv6_at(body, 8)?;
    let (from, to) = (source.into(), ipv6_at(body, 24)?.into());
    let carried = body.get(HEADER..)?;
    match (*body.get(6)?, carried.first()?) {
        (58, 129) => Some(Frame::EchoReply(from)),
        // An advertisement is about its target, a solicitation comes from its sender.
        (58, 136) => Some(Frame::Claim(ipv6_at(carried, 8)?.into())),
        (58, 135) if !source.is_unspecified() => Some(Frame::Claim(from)),
        (TCP, _) => Segment::read(from, to, carried, length),
        _ => None,
    }
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sends it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's.
    pub destination_port: u16,
    /// Header and data.
    bytes: &'a [u8],
    /// How long these are by the packet's own header.
    length: usize,
}

/// How a segment is signed (RFC 2385).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// With this key.
    Right,
    /// With another one.
    Wrong,
    /// Not at all.
    Absent,
    /// It was not caught whole.
    Unknown,
}

impl<'a> Segment<'a> {
    const LEAST: usize = 20;

    fn read(
        source: IpAddr,
        destination: IpAddr,
        bytes: &'a [u8],
        length: usize,
    ) -> Option<Frame<'a>> {
        let bytes = bytes.get(..length).unwrap_or(bytes);
        let whole = bytes.len() >= Self::LEAST;
        let (source_port, destination_port) = (u16_at(bytes, 0)?, u16_at(bytes, 2)?);
        let segment = Self { source, destination, source_port, destination_port, bytes, length };
        whole.then_some(Frame::Segment(segment))
    }

    /// Whether it refuses a connection.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.bytes[13] & 0x04 != 0
    }

    /// How it is signed, by this key.
    #[must_use]
    pub fn signature(&self, key: &[u8]) -> Signature {
        let Some(digest) = self.digest_option() else { return Signature::Absent };
        let header = self.header();
        if self.bytes.len() < self.length.max(header) {
            return Signature::Unknown;
        }
        let mut hash = Md5::new();
        self.hash_pseudo_header(&mut hash);
        // The checksum counts as zero, options are left out.
        hash.update(&self.bytes[..16]);
        hash.update([0, 0]);
        hash.update(&self.bytes[18..Self::LEAST]);
        hash.update(&self.bytes[header..]);
        hash.update(key);
        let expected: [u8; 16] = hash.finalize().into();
        if digest == expected { Signature::Right } else { Signature::Wrong }
    }

    fn header(&self) -> usize {
        (usize::from(self.bytes[12] >> 4) * 4).max(Self::LEAST)
    }

    /// The digest of the option of kind 19.
    fn digest_option(&self) -> Option<[u8; 16]> {
        let mut options = self.bytes.get(Self::LEAST..self.header())?;
        loop {
            match *options {
                [19, 18, ref rest @ ..] => return rest.first_chunk().copied(),
                [1, ref rest @ ..] => options = rest,
                [0, ..] | [] => return None,
                [_, length, ..] => options = options.get(usize::from(length).max(2)..)?,
                [_] => return None,
            }
        }
    }

    /// RFC 2385, section 2.0; for IPv6 the pseudo-header is that of RFC 8200, section 8.1.
    fn hash_pseudo_header(&self, hash: &mut Md5) {
        let length = u16::try_from(self.length).unwrap_or(u16::MAX);
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                hash.update(source.octets());
                hash.update(destination.octets());
                hash.update([0, TCP]);
                hash.update(length.to_be_bytes());
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                hash.update(source.octets());
                hash.update(destination.octets());
                hash.update(u32::from(length).to_be_bytes());
                hash.update([0, 0, 0, TCP]);
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
        [&[0; 12][..], &kind.to_be_bytes(), body].concat()
    }

    /// An IPv4 packet with a TCP segment of these flags and options.
    fn segment(flags: u8, options: &[u8], data: &[u8]) -> Vec<u8> {
        let header = 20 + options.len();
        let total = u16::try_from(20 + header + data.len()).expect("small");
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 1, TCP, 0, 0, 169, 254, 0, 2, 169, 254, 0, 1]);
        packet.extend(40_000_u16.to_be_bytes());
        packet.extend(179_u16.to_be_bytes());
        packet.extend([1, 2, 3, 4, 0, 0, 0, 0]);
        packet.extend([
            u8::try_from(header / 4 * 16).expect("small"),
            flags,
            0xfa,
            0xf0,
            0xab,
            0xcd,
            0,
            0,
        ]);
        packet.extend(options);
        packet.extend(data);
        frame(0x0800, &packet)
    }

    fn read(bytes: &[u8]) -> Segment<'_> {
        let Some(Frame::Segment(segment)) = Frame::read(bytes) else { panic!("a segment") };
        segment
    }

    /// The option with the digest of this segment by this key, worked out as the RFC says, from its own bytes.
    fn signed(key: &str, flags: u8, data: &[u8]) -> Vec<u8> {
        let options = |digest: &[u8]| [&[1, 1, 19, 18][..], digest].concat();
        let plain = segment(flags, &options(&[0; 16]), data);
        let tcp = &plain[34..];
        let mut text = vec![169, 254, 0, 2, 169, 254, 0, 1, 0, 6];
        text.extend(u16::try_from(tcp.len()).expect("small").to_be_bytes());
        text.extend(&tcp[..16]);
        text.extend([0, 0, 0, 0]);
        text.extend(data);
        text.extend(key.as_bytes());
        segment(flags, &options(&Md5::digest(&text)), data)
    }

    #[test]
    fn a_signature_is_compared_with_the_keys() {
        for (flags, data) in [(0x02, &b""[..]), (0x18, b"OPEN")] {
            let bytes = signed("the-right-key", flags, data);
            assert_eq!(read(&bytes).signature(b"the-right-key"), Signature::Right);
            assert_eq!(read(&bytes).signature(b"another-key"), Signature::Wrong);
            let cut = &bytes[..bytes.len() - data.len().min(1)];
            let expected = if data.is_empty() { Signature::Right } else { Signature::Unknown };
            assert_eq!(read(cut).signature(b"the-right-key"), expected);
        }
        let plain = segment(0x02, &[2, 4, 5, 180, 1, 0, 0, 0], b"");
        assert_eq!(read(&plain).signature(b"the-right-key"), Signature::Absent);
        let segment = read(&plain);
        assert_eq!((segment.source_port, segment.destination_port), (40_000, 179));
        assert!(!segment.is_reset());
        let refused = self::segment(0x14, &[], b"");
        assert!(read(&refused).is_reset());
    }

    #[test]
    fn who_claims_an_address_is_read() {
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 169, 254, 0, 10];
        arp.extend([0; 10]);
        let claims = |address: &str| Some(Frame::Claim(address.parse().expect("an address")));
        assert_eq!(Frame::read(&frame(0x0806, &arp)), claims("169.254.0.10"));
        arp[14..18].fill(0);
        assert_eq!(Frame::read(&frame(0x0806, &arp)), None, "a probe");
        let source: Ipv6Addr = "fd00::2".parse().expect("an address");
        let target: Ipv6Addr = "fd00::9".parse().expect("an address");
        let mut six = vec![0x60, 0, 0, 0, 0, 24, 58, 255];
        six.extend(source.octets());
        six.extend(source.octets());
        six.extend([136, 0, 0, 0, 0, 0, 0, 0]);
        six.extend(target.octets());
        assert_eq!(Frame::read(&frame(0x86dd, &six)), claims("fd00::9"));
        six[40] = 135;
        assert_eq!(Frame::read(&frame(0x86dd, &six)), claims("fd00::2"));
        six[40] = 129;
        assert_eq!(Frame::read(&frame(0x86dd, &six)), Some(Frame::EchoReply(source.into())));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read(kind in prop::sample::select(vec![0x0806_u16, 0x0800, 0x86dd, 0]),
                              first in any::<u8>(), protocol in prop::sample::select(vec![1_u8, 6, 58]),
                              mut body in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Some(byte) = body.first_mut() { *byte = 0x40 | first & 0xf }
            for at in [6, 9] {
                if let Some(byte) = body.get_mut(at) { *byte = protocol }
            }
            if let Some(Frame::Segment(segment)) = Frame::read(&frame(kind, &body)) {
                let _ = (segment.is_reset(), segment.signature(b"key"));
            }
        }
    }
}
