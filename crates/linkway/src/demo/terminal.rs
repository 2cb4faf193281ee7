//! The demo's output: plain text, with colours on a terminal.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The terminal, shared by the scenario and the thread that polls states. Every line is one write.
#[derive(Clone)]
pub struct Terminal {
    is_plain: bool,
    began: Instant,
    lock: Arc<Mutex<()>>,
}

impl Terminal {
    /// Colours are off when stdout is no terminal, or when `NO_COLOR` is set.
    pub fn new() -> Self {
        let is_plain = !io::stdout().is_terminal() || env::var_os("NO_COLOR").is_some();
        Self { is_plain, began: Instant::now(), lock: Arc::default() }
    }

    /// Time since the demo began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The headline of a step.
    pub fn title(&self, text: &str) {
        self.write(&format!("\n{}\n", self.styled("1", text)));
    }

    /// An explanation of a step.
    pub fn say(&self, text: &str) {
        for line in text.lines() {
            self.write(&format!("  {line}\n"));
        }
    }

    /// A command, and who runs it.
    pub fn command(&self, who: &str, line: &str) {
        let prompt = self.styled("36", &format!("{who} $"));
        self.write(&format!("  {prompt} {line}\n"));
    }

    /// The output of a command.
    pub fn answer(&self, text: &str) {
        let bar = self.styled("2", "|");
        for line in text.lines() {
            self.write(&format!("    {bar} {line}\n"));
        }
    }

    /// A row of the table of states.
    pub fn row(&self, text: &str) {
        self.write(&format!("  {}\n", self.styled("33", text)));
    }

    /// A check that passed.
    pub fn good(&self, text: &str) {
        self.write(&format!("  {}\n", self.styled("32", text)));
    }

    /// A failure.
    pub fn bad(&self, text: &str) {
        self.write(&format!("{}\n", self.styled("31", text)));
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.is_plain { text.to_owned() } else { format!("\x1b[{code}m{text}\x1b[0m") }
    }

    fn write(&self, text: &str) {
        let _one = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        // A closed stdout does not stop the demo: the exit status still gives the result.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// A command quoted for a shell.
pub fn shell_line(words: &[&str]) -> String {
    let is_plain = |word: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:@%+".contains(c);
        !word.is_empty() && word.chars().all(fits)
    };
    let quoted = |word: &&str| {
        if is_plain(word) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::shell_line;

    #[test]
    fn a_line_can_be_typed() {
        let words = ["aws", "a=1,b=2/30", "two words", "it's", ""];
        assert_eq!(shell_line(&words), r"aws a=1,b=2/30 'two words' 'it'\''s' ''");
    }
}
