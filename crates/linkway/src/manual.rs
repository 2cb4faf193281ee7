//! `linkway completion` and `linkway man`: completion scripts and manual pages, made from the words of the command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::print;

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(linkway completion bash)
  linkway completion bash > /etc/bash_completion.d/linkway
  linkway completion zsh > /usr/local/share/zsh/site-functions/_linkway
  linkway completion fish > ~/.config/fish/completions/linkway.fish")]
pub struct CompletionArgs {
    /// The shell that reads the script
    #[arg(value_enum)]
    shell: KnownShell,
}

/// The shells of a Linux machine.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

impl From<KnownShell> for Shell {
    fn from(shell: KnownShell) -> Shell {
        match shell {
            KnownShell::Bash => Shell::Bash,
            KnownShell::Zsh => Shell::Zsh,
            KnownShell::Fish => Shell::Fish,
        }
    }
}

/// Write a manual page for every command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  linkway man /usr/local/share/man/man1
  linkway man ./man && man -l ./man/linkway-serve.1")]
pub struct ManArgs {
    /// Directory for the pages; made if it does not exist
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Prints the script for a shell.
pub fn completion(args: &CompletionArgs, mut cli: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(Shell::from(args.shell), &mut cli, "linkway", &mut script);
    print::print(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Writes the pages.
///
/// # Errors
///
/// The directory or a page in it cannot be written.
pub fn man(args: &ManArgs, cli: Command) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&args.dir)
        .with_context(|| format!("cannot make the directory {}", args.dir.display()))?;
    let mut cli = cli.disable_help_subcommand(true);
    cli.build();
    pages(cli, &args.dir)?;
    Ok(ExitCode::SUCCESS)
}

fn pages(command: Command, dir: &Path) -> anyhow::Result<()> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        pages(inner.clone(), dir)?;
    }
    let man = Man::new(command.clone()).source("Linkway").manual("Linkway");
    let path = dir.join(man.get_filename());
    let text = page(&command, &man).context("cannot make a manual page")?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A whole page. The generator's own form of what follows the options fills paragraphs, in which examples would run into
/// each other.
fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        after_options(&after.to_string()).to_writer(&mut text)?;
    }
    Ok(text)
}

/// Notes, and under a heading of their own the examples, line by line as they are.
fn after_options(text: &str) -> Roff {
    let mut roff = Roff::default();
    let is_heading = |line: &&str| matches!(line.trim(), "Example:" | "Examples:");
    let notes: Vec<_> = text.lines().take_while(|line| !is_heading(line)).collect();
    let examples: Vec<_> = text.lines().skip(notes.len()).skip(1).collect();
    for (heading, lines) in [("NOTES", notes), ("EXAMPLES", examples)] {
        if lines.is_empty() {
            continue;
        }
        roff.control("SH", [heading]);
        roff.control("nf", []);
        for line in lines {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff
}
