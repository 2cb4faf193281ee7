//! Standard output, for programs that may end a pipe early.

use std::io::{self, ErrorKind, Write as _};

/// Prints text as it is. Whoever stopped reading wants no more, and nothing else can be done about an output that takes
/// nothing.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("error: cannot write the output: {error}");
    }
}
