//! The control socket of BIRD: commands as lines, answers as lines with a code (BIRD's programmer's documentation, "Command
//! line interface"). `NNNN-text` goes on, ` text` belongs to the line before, `NNNN text` is the last. Codes below 8000 are
//! answers, 8xxx refusals, 9xxx errors of the command itself.
//!
//! A connection lives for one operation. Everything is bounded: the time of each command, the length of a line and of
//! an answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use memchr::memchr;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::version::Version;
use crate::session::DaemonError;

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
    /// All lines without codes, each with its end; continuation lines keep their indentation.
    pub text: String,
}

impl Answer {
    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// The lines as one.
    #[must_use]
    pub fn joined(&self) -> String {
        self.lines().collect::<Vec<_>>().join("; ")
    }

    /// What was received, without the codes. They are taken out of it where it is: many sessions make it long.
    fn read(mut received: Vec<u8>) -> Self {
        let (mut last, mut kept, mut begin) = (0, 0, 0);
        while begin < received.len() {
            let rest = &received[begin..];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            if let Some((code, text)) = line(&rest[..length]) {
                last = code.unwrap_or(last);
                if code.is_none() || !text.is_empty() {
                    received.copy_within(begin + text.start..begin + text.end, kept);
                    kept += text.len();
                    received[kept] = b'\n';
                    kept += 1;
                }
            }
            begin += length + 1;
        }
        received.truncate(kept);
        let text = String::from_utf8(received);
        let text = text.unwrap_or_else(|not| String::from_utf8_lossy(not.as_bytes()).into_owned());
        Self { code: last, text }
    }
}

impl Control {
    /// Connects to the BIRD behind this socket; `None` if there is none (no socket, or one that nobody listens on).
    pub fn connect(path: &Path) -> Result<Option<Self>, DaemonError> {
        Self::connect_within(path, PATIENCE)
    }

    /// The same with another limit for each answer.
    pub fn connect_within(path: &Path, patience: Duration) -> Result<Option<Self>, DaemonError> {
        let doing = || format!("connect to BIRD's socket {}", path.display());
        let stream = match open(path) {
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
        let text = banner.joined();
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
        let written = stream
            .set_write_timeout(Some(patience))
            .and_then(|()| stream.write_all(format!("{command}\n").as_bytes()));
        written.map_err(|why| self.fault(what, why))?;
        self.answer(what)
    }

    /// Gives a command that answers with information; "nothing of that name" (8003) is an empty answer.
    pub fn show(&mut self, what: &'static str, command: &str) -> Result<Answer, DaemonError> {
        let answer = self.ask(what, command)?;
        match answer.code {
            0..=7999 => Ok(answer),
            8003 => Ok(Answer::default()),
            8000.. => Err(DaemonError::Refused { what, text: answer.joined() }),
        }
    }

    fn answer(&mut self, what: &'static str) -> Result<Answer, DaemonError> {
        let received = self.receive(Instant::now() + self.patience);
        let received = received.map_err(|why| self.fault(what, why))?;
        Ok(Answer::read(received))
    }

    /// The bytes of an answer, to the end of its last line; an end in the middle is an error.
    fn receive(&mut self, deadline: Instant) -> io::Result<Vec<u8>> {
        let (mut received, mut line) = (Vec::new(), 0);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.get_ref().set_read_timeout(Some(left))?;
            let mut piece = match self.stream.fill_buf() {
                Ok([]) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(piece) => piece,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => return Err(why),
            };
            let came = piece.len();
            let mut is_last = false;
            while !piece.is_empty() && !is_last {
                piece.read_until(b'\n', &mut received)?;
                if received.ends_with(b"\n") {
                    is_last = ends_answer(&received[line..]);
                    line = received.len();
                }
            }
            let used = came - piece.len();
            self.stream.consume(used);
            if is_last {
                return Ok(received);
            }
            if received.len() > LONGEST_ANSWER || received.len() - line > LONGEST_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
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

/// Whether a line is the last one of an answer.
fn ends_answer(line: &[u8]) -> bool {
    code(line).is_some() && matches!(line.get(4), Some(b' ' | b'\n' | b'\r'))
}

/// The code of a line, if it is the last one of an answer, and where its text is; `None`: it is none of an answer (`+` begins
/// what BIRD logs meanwhile).
fn line(line: &[u8]) -> Option<(Option<u16>, Range<usize>)> {
    if line.starts_with(b" ") {
        return Some((None, 1..line.len()));
    }
    let code = code(line)?;
    let rest = &line[4..];
    match rest.first() {
        None | Some(b' ') => {
            let begin = line.len() - rest.trim_ascii_start().len();
            Some((Some(code), begin..begin + rest.trim_ascii().len()))
        }
        Some(b'-') => Some((None, 5..line.len())),
        Some(_) => None,
    }
}

/// The four digits that a line begins with.
fn code(line: &[u8]) -> Option<u16> {
    let digits = line.first_chunk::<4>().filter(|four| four.iter().all(u8::is_ascii_digit))?;
    Some(digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
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
        let check = |given: &str, expected: Option<(Option<u16>, &str)>| {
            let found = line(given.as_bytes()).map(|(code, text)| (code, &given[text]));
            assert_eq!(found, expected, "{given:?}");
        };
        check("0001 BIRD 2.0.12 ready.", Some((Some(1), "BIRD 2.0.12 ready.")));
        check("0000  spaces \r", Some((Some(0), "spaces")));
        check("0000 ", Some((Some(0), "")));
        check("0000", Some((Some(0), "")));
        check("1002-linkway_00 Static", Some((None, "linkway_00 Static")));
        check("1002-", Some((None, "")));
        check("   BGP state: Down", Some((None, "  BGP state: Down")));
        check(" ", Some((None, "")));
        check("+0002 logged", None);
        check("", None);
        check("äöü", None);
        check("12345", None);
    }

    #[test]
    fn an_answer_is_its_lines_without_codes() {
        let check = |received: &[u8], code, text: &str| {
            let expected = Answer { code, text: text.to_owned() };
            assert_eq!(Answer::read(received.to_vec()), expected);
        };
        check(b"", 0, "");
        check(b"2002-Name\n1002-a\n b\n \n0000 \n", 0, "Name\na\nb\n\n");
        check(b"+0002 logged\n0013 up\n", 13, "up\n");
        check(b"1000-a\xff\n0000", 0, "a\u{fffd}\n");
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
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!((answer.code, lines), (13, vec!["a", "b", "c", "d"]));
        let check = |text: &'static [u8], hang_up, expected: &str| {
            let error = said(text, hang_up).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(b"1000-a\n", false, "did not answer");
        check(b"1000-a\n", true, "ask BIRD for its state");
        check(b"1000-a", true, "unexpected end of file");
        let endless: &'static [u8] = Box::leak(vec![b'x'; 1 << 17].into_boxed_slice());
        check(endless, false, "the answer is too long");
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
