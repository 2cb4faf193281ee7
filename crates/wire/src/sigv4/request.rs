//! The parts of an HTTP request that a signature covers, whatever library read them.

/// The header fields of a request, as the HTTP library keeps them.
///
/// A server whose clients speak HTTP/2 answers `host` with the `:authority` pseudo-header.
/// Values must come from an HTTP parser: no line breaks (RFC 9110, section 5.5).
pub trait HeaderLookup: Sync {
    /// Calls `each` with the value of every field called `name`, in the order they were received.
    ///
    /// `name` is lowercase; field names compare without case.
    fn visit<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8]));
}

/// Header fields as a list of names and values, names in any case.
#[derive(Debug, Clone, Copy)]
pub struct HeaderList<'a, N, V>(pub &'a [(N, V)]);

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> HeaderLookup for HeaderList<'_, N, V> {
    fn visit<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        for (field, value) in self.0 {
            if field.as_ref().eq_ignore_ascii_case(name) {
                each(value.as_ref());
            }
        }
    }
}

/// A request as it was received.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The method, `POST`.
    pub method: &'a str,
    /// The path as it stood in the request line: nothing decoded, nothing normalised.
    pub path: &'a str,
    /// What followed the `?`, nothing decoded.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a dyn HeaderLookup,
    /// The whole body.
    pub body: &'a [u8],
}

/// How often a field occurs that may occur once.
pub(super) enum Occurrence<'a> {
    Absent,
    Once(&'a [u8]),
    Repeated,
}

pub(super) fn find<'a>(headers: &'a dyn HeaderLookup, name: &str) -> Occurrence<'a> {
    let mut found = Occurrence::Absent;
    headers.visit(name, &mut |value| {
        found = match found {
            Occurrence::Absent => Occurrence::Once(value),
            Occurrence::Once(_) | Occurrence::Repeated => Occurrence::Repeated,
        };
    });
    found
}

pub(super) fn is_present(headers: &dyn HeaderLookup, name: &str) -> bool {
    !matches!(find(headers, name), Occurrence::Absent)
}
