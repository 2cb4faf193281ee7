//! `linkway admin store`: what is done to a data directory that no server has open.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use linkway_server::boot::DataDir;
use linkway_server::rekey::{self, Progress, Rekeyed};

use super::output::Form;

/// What `rekey` exits with where the directory cannot be used.
const UNUSABLE: u8 = 3;
/// After how long it is told how far it is, and how often on a terminal and elsewhere.
const QUIET: Duration = Duration::from_secs(1);
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub enum StoreWord {
    Rekey(RekeyArgs),
}

/// Replace linkway.key, and encrypt every secret anew with the new key
#[derive(Debug, Args)]
#[command(
    after_help = "The server must be stopped. Access keys and BGP keys stay what they are. A run
that was interrupted is finished by the next one; until then nothing opens the
directory. The disk must have room for a second database. Backups from before
need the old key file. The audit trail has it.

Exit codes: 0 done, 2 wrong usage, 3 the directory or a file cannot be used.

Examples:
  sudo -u linkway linkway admin store rekey --data-dir /var/lib/linkway
  sudo -u linkway linkway admin store rekey --data-dir /var/lib/linkway \\
    --keep-old /var/lib/linkway-keys/2026-11.key"
)]
pub struct RekeyArgs {
    /// Data directory of the server
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Keep the old key in this file, which must not exist (0600)
    #[arg(long, value_name = "FILE")]
    keep_old: Option<PathBuf>,
}

/// Replaces the key file. Exit status 0: done; 3: the directory cannot be used.
pub fn rekey(args: &RekeyArgs, form: Form) -> ExitCode {
    let dir = &args.data_dir;
    match try_rekey(dir, args.keep_old.as_deref()) {
        Ok(rekeyed) => {
            crate::print::print(&text(&rekeyed, form));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let standing = match DataDir::new(dir).next_key_file().symlink_metadata() {
                Ok(_) => "the change of the key file has begun: repeat the command",
                Err(_) => "nothing was changed",
            };
            eprintln!("error: {}; {standing}", crate::cli::told(&error));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn try_rekey(dir: &Path, keep_old: Option<&Path>) -> anyhow::Result<Rekeyed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start")?;
    let mut teller = Teller::new();
    let rekeyed = runtime.block_on(rekey::run(dir, keep_old, |progress| teller.tell(progress)));
    teller.end();
    Ok(rekeyed?)
}

fn text(rekeyed: &Rekeyed, form: Form) -> String {
    let Rekeyed { records, sealed, key_file, old_key_file } = rekeyed;
    match form {
        Form::Json => {
            let answer = serde_json::json!({
                "keyFile": key_file, "oldKeyFile": old_key_file, "records": records,
                "sealedRecords": sealed,
            });
            format!("{answer:#}\n")
        }
        Form::Table => {
            let old = match old_key_file {
                Some(file) => format!("the old key file, which is {}", file.display()),
                None => "the old key file, of which this directory has no copy".to_owned(),
            };
            format!(
                "{} is new: {sealed} of {records} records are encrypted with it\n\
                 backups from before need {old}\n",
                key_file.display()
            )
        }
    }
}

/// Says on standard error how far it is, once it takes long.
struct Teller {
    is_terminal: bool,
    begun: Instant,
    told: Option<Instant>,
}

impl Teller {
    fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), begun: Instant::now(), told: None }
    }

    fn tell(&mut self, progress: Progress) {
        let since = self.told.map(|told| told.elapsed());
        if !is_due(self.begun.elapsed(), since, self.is_terminal) {
            return;
        }
        self.told = Some(Instant::now());
        let text = match progress {
            Progress::Read(done) => format!("{done} records read"),
            Progress::Written { done, of } => format!("{done} of {of} records written"),
        };
        match self.is_terminal {
            // Clears the line (ECMA-48, erase in line).
            true => eprint!("\r\x1b[K{text}"),
            false => eprintln!("{text}"),
        }
    }

    fn end(&self) {
        if self.is_terminal && self.told.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

/// Whether it is to be said after so long how far it is, so long after it was said last.
fn is_due(running: Duration, told: Option<Duration>, is_terminal: bool) -> bool {
    let pause = if is_terminal { OFTEN } else { SELDOM };
    running >= QUIET && told.is_none_or(|told| told >= pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quick_says_nothing_and_what_takes_long_says_it_now_and_then() {
        let millis = Duration::from_millis;
        for (running, told, on_a_terminal, elsewhere) in [
            (0, None, false, false),
            (999, None, false, false),
            (1000, None, true, true),
            (1100, Some(100), false, false),
            (1200, Some(200), true, false),
            (10_999, Some(9999), true, false),
            (11_000, Some(10_000), true, true),
        ] {
            let due = |is_terminal| is_due(millis(running), told.map(millis), is_terminal);
            assert_eq!((due(true), due(false)), (on_a_terminal, elsewhere), "{running} {told:?}");
        }
    }
}
