//! The control socket of BIRD: commands as lines, answers as lines with a code (BIRD's programmer's documentation, "Command
//! line interface"). `NNNN-text` goes on, ` text` belongs to the line before, `NNNN text` is the last. Codes below 8000 are
//! answers, 8xxx refusals, 9xxx errors of the command itself.
//!
//! A connection lives for one operation. Everything is bounded: the time of each command, the length of a line and of
//! an answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::version::Version;
use crate::session::DaemonError;
use crate::waiting::waiting;

/// How long a command may take. Checking and loading the configuration of thousands of sessions takes about a second; BIRD
/// has one thread for all, so it may be busy before that.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest line. BIRD cuts its own at a few hundred bytes.
const LONGEST_LINE: usize = 64 * 1024;
/// The longest answer: about 2 KB for each session.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A connection to a BIRD.
#[derive(Debug)]
pub struct Control {
    stream: BufReader<UnixStream>,
    patience: Duration,
    /// What the banner says.
    pub version: Version,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The last line's code.
    pub code: u16,
    /// All lines without codes; continuation lines keep their indentation.
    pub lines: Vec<String>,
}

impl Control {
    /// Connects to the BIRD behind this socket; `None` if there is none (no socket, or one that nobody listens on).
    pub fn connect(path: &Path) -> Result<Option<Self>, DaemonError> {
        Self::connect_within(path, PATIENCE)
    }

    /// The same with another limit for each answer.
    pub fn connect_within(path: &Path, patience: Duration) -> Result<Option<Self>, DaemonError> {
        let doing = || format!("connect to BIRD's socket {}", path.display());
        let stream = match waiting(|| open(path)) {
            Ok(stream) => stream,
            Err(e) if is_nobody(&e) => return Ok(None),
            // As many wait already as BIRD lets wait.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                return Err(DaemonError::Silent { what: "a connection", seconds: 0 });
            }
            Err(why) => return Err(DaemonError::Io { doing: doing(), why }),
        };
        let version = Version { major: 0, minor: 0 };
        let mut control = Self { stream: BufReader::new(stream), patience, version };
        let banner = match control.answer("a connection") {
            Ok(banner) => banner,
            // It ended while we came.
            Err(DaemonError::Io { why, .. }) if is_gone(&why) => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = banner.lines.join(" ");
        control.version = Version::find(&text).ok_or(DaemonError::Refused {
            what: "a connection: its banner names no version",
            text: text.chars().take(200).collect(),
        })?;
        Ok(Some(control))
    }

    /// Gives a command and waits for the answer, of whatever code. `what` names it in errors.
    pub fn ask(&mut self, what: &'static str, command: &str) -> Result<Answer, DaemonError> {
        debug_assert!(!command.contains('\n'), "one command is one line");
        let (patience, stream) = (self.patience, self.stream.get_mut());
        let written = waiting(|| {
            stream.set_write_timeout(Some(patience))?;
            stream.write_all(format!("{command}\n").as_bytes())
        });
        written.map_err(|why| self.fault(what, why))?;
        self.answer(what)
    }

    /// Gives a command that answers with information; "nothing of that name" (8003) is an empty answer.
    pub fn show(&mut self, what: &'static str, command: &str) -> Result<Answer, DaemonError> {
        let answer = self.ask(what, command)?;
        match answer.code {
            0..=7999 => Ok(answer),
            8003 => Ok(Answer::default()),
            8000.. => Err(DaemonError::Refused { what, text: answer.lines.join("; ") }),
        }
    }

    fn answer(&mut self, what: &'static str) -> Result<Answer, DaemonError> {
        let deadline = Instant::now() + self.patience;
        let (mut answer, mut size) = (Answer::default(), 0);
        loop {
            let line = self.line(deadline).map_err(|why| self.fault(what, why))?;
            size += line.len();
            if size > LONGEST_ANSWER {
                let why = io::Error::new(io::ErrorKind::InvalidData, "the answer is too long");
                return Err(self.fault(what, why));
            }
            match Line::parse(&line) {
                Some(Line::Last(code, text)) => {
                    if !text.is_empty() {
                        answer.lines.push(text.to_owned());
                    }
                    return Ok(Answer { code, lines: answer.lines });
                }
                Some(Line::More(text)) => answer.lines.push(text.to_owned()),
                None => {}
            }
        }
    }

    fn line(&mut self, deadline: Instant) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            // The clock is looked at and the limit set for each piece that comes, not for each line of it.
            if self.stream.buffer().is_empty() {
                waiting(|| self.fill(deadline))?;
            }
            let there = self.stream.buffer();
            let end = there.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&there[..end.unwrap_or(there.len())]);
            let used = end.map_or(there.len(), |end| end + 1);
            self.stream.consume(used);
            if line.len() >= LONGEST_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if end.is_some() {
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    /// Waits for more; an end in the middle of an answer is an error.
    fn fill(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.get_ref().set_read_timeout(Some(left))?;
            match self.stream.fill_buf() {
                Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => (),
                Err(why) => return Err(why),
            }
        }
    }

    fn fault(&self, what: &'static str, why: io::Error) -> DaemonError {
        match why.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                DaemonError::Silent { what, seconds: self.patience.as_secs() }
            }
            _ => DaemonError::Io { doing: format!("ask BIRD for {what}"), why },
        }
    }
}

/// A line of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Last(u16, &'a str),
    More(&'a str),
}

impl<'a> Line<'a> {
    /// `None`: neither (`+` begins what BIRD logs meanwhile).
    fn parse(line: &'a str) -> Option<Self> {
        if let Some(text) = line.strip_prefix(' ') {
            return Some(Self::More(text));
        }
        let (code, rest) = line.split_at_checked(4)?;
        let code = code.bytes().all(|b| b.is_ascii_digit()).then(|| code.parse().ok()).flatten()?;
        match rest.split_at_checked(1) {
            None | Some((" ", _)) => Some(Self::Last(code, rest.trim())),
            Some(("-", text)) => Some(Self::More(text)),
            Some(_) => None,
        }
    }
}

/// A connection that never waits to be taken: BIRD's queue of them may be full for as long as it hangs.
fn open(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// No socket, or a file that a BIRD which died has left.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn lines_are_read_as_documented() {
        let check = |line: &str, expected: Option<Line<'_>>| {
            assert_eq!(Line::parse(line), expected, "{line:?}");
        };
        check("0001 BIRD 2.0.12 ready.", Some(Line::Last(1, "BIRD 2.0.12 ready.")));
        check("0000 ", Some(Line::Last(0, "")));
        check("0000", Some(Line::Last(0, "")));
        check("1002-linkway_00 Static", Some(Line::More("linkway_00 Static")));
        check("   BGP state: Down", Some(Line::More("  BGP state: Down")));
        check("+0002 logged", None);
        check("", None);
        check("äöü", None);
        check("12345", None);
    }

    /// A BIRD that says this, whatever it is asked, and then hangs up or not.
    fn said(text: &'static [u8], hang_up: bool) -> Result<Answer, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ctl");
        let listener = UnixListener::bind(&path).unwrap();
        let bird = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"0001 BIRD 2.0.12 ready.\n").unwrap();
            let mut asked = String::new();
            BufReader::new(&stream).read_line(&mut asked).unwrap();
            // Who asks may have enough before everything is said.
            let _ = stream.write_all(text);
            (!hang_up).then_some(stream)
        });
        let patience = Duration::from_millis(300);
        let mut control = Control::connect_within(&path, patience).unwrap().unwrap();
        assert_eq!(control.version, Version { major: 2, minor: 0 });
        let answer = control.ask("its state", "show status").map_err(|e| e.to_string());
        drop(control);
        bird.join().unwrap();
        answer
    }

    #[test]
    fn whatever_is_answered_is_bounded() {
        let answer = said(b"1000-a\n b\n1001-c\n0013 d\n", false).unwrap();
        assert_eq!(
            (answer.code, answer.lines),
            (13, ["a", "b", "c", "d"].map(String::from).into())
        );
        let check = |text: &'static [u8], hang_up, expected: &str| {
            let error = said(text, hang_up).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(b"1000-a\n", false, "did not answer");
        check(b"1000-a\n", true, "ask BIRD for its state");
        check(b"1000-a", true, "unexpected end of file");
        let endless: &'static [u8] = Box::leak(vec![b'x'; 1 << 17].into_boxed_slice());
        check(endless, false, "invalid data");
    }

    #[test]
    fn nobody_there_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ctl");
        assert!(Control::connect(&path).unwrap().is_none());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && Control::connect(&path).unwrap().is_none());
    }

    #[test]
    fn a_full_queue_is_silence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ctl");
        let _hangs = UnixListener::bind(&path).unwrap();
        let mut waiting = Vec::new();
        let full = loop {
            match open(&path) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let error = Control::connect(&path).unwrap_err();
        assert!(matches!(error, DaemonError::Silent { .. }), "{error}");
    }
}
