//! What can go wrong with the kernel, in words for an operator.

use std::fmt;
use std::io;

/// The kernel could not be read, or refused a change.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The socket itself failed.
    #[error("{doing}: {}", Plain(.why))]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// The system's error.
        why: io::Error,
    },
    /// The kernel refused.
    #[error("{doing}: {}{}", Plain(.why), Bracketed(.detail))]
    Refused {
        /// What was tried.
        doing: String,
        /// The kernel's error.
        why: io::Error,
        /// What the kernel adds (`NLMSGERR_ATTR_MSG`), and what we know of the cause; may be empty.
        detail: String,
    },
    /// A link that the change needs is not there.
    #[error("{doing}: there is no link {link}")]
    NoLink {
        /// What was tried.
        doing: String,
        /// The link's name.
        link: String,
    },
    /// There is another link of that name.
    #[error("{doing}: there is another link of that name, {found}")]
    Taken {
        /// What was tried.
        doing: String,
        /// What the other link is.
        found: String,
    },
    /// A link that we did not make is not removed.
    #[error("{link} is not removed: it is {found}; ours are VLANs and VRFs of group {ours}")]
    NotOurs {
        /// The link's name.
        link: String,
        /// What it is.
        found: String,
        /// The group of our links.
        ours: u32,
    },
    /// No link can have this name.
    #[error("{doing}: {name:?} is not a link's name (1 to 15 bytes, no slash, space or colon)")]
    Name {
        /// What was tried.
        doing: String,
        /// The name.
        name: String,
    },
    /// No route can have a next hop of the other family.
    #[error("{doing}: an IPv6 prefix cannot have an IPv4 next hop")]
    Family {
        /// What was tried.
        doing: String,
    },
    /// The link is in no VRF.
    #[error("{doing}: {link} is in no VRF")]
    NoVrf {
        /// What was tried.
        doing: String,
        /// The link's name.
        link: String,
    },
    /// A rule that the agent never makes.
    #[error("{doing}: no such rule is made")]
    OddRule {
        /// What was tried.
        doing: String,
    },
    /// The kernel would remove another rule, which comes before and has all that this one has.
    #[error("{doing}: a rule of the same preference that selects more comes before it")]
    Shadowed {
        /// What was tried.
        doing: String,
    },
    /// A program that makes a change refused, or is not there.
    #[error("{doing}: {why}")]
    Program {
        /// What was tried.
        doing: String,
        /// What it said.
        why: String,
    },
    /// The kernel's answer is not what rtnetlink(7) says.
    #[error("{doing}: the kernel's answer cannot be read: {why}")]
    Garbled {
        /// What was tried.
        doing: String,
        /// What is wrong with it.
        why: String,
    },
    /// A dump was interrupted by changes each time.
    #[error("{what} kept changing while being read, {times} times in a row")]
    Unsettled {
        /// What was read.
        what: &'static str,
        /// How often.
        times: u32,
    },
    /// The kernel's answer did not come, or was lost for want of memory: it may have done it or not.
    #[error("{doing}: the kernel's answer is missing")]
    Unanswered {
        /// What was tried.
        doing: String,
    },
}

/// An error of the system without Rust's "(os error N)".
struct Plain<'a>(&'a io::Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words))
    }
}

struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_like_a_sentence() {
        let check = |detail: &str, expected: &str| {
            let error = KernelError::Refused {
                doing: "port eth1: MTU 9001 for dxvif-1".into(),
                why: io::Error::from_raw_os_error(34),
                detail: detail.into(),
            };
            assert_eq!(error.to_string(), expected);
        };
        check("", "port eth1: MTU 9001 for dxvif-1: Numerical result out of range");
        check(
            "eth1 itself has MTU 1500",
            "port eth1: MTU 9001 for dxvif-1: Numerical result out of range (eth1 itself has MTU 1500)",
        );
    }
}
