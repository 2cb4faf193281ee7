//! What `--help` says: of every word there is an example, in lines that fit into a terminal, and each example is one that can
//! be pasted.

use std::collections::BTreeSet;
use std::process::Command;

use super::Desk;
use super::server::{Answer, Server};

/// What a program prints for these words and `--help`.
fn help(words: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkway"));
    let output = command.args(words).arg("--help").env_clear().output().expect("it starts");
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Every word with its help, found by walking from the first.
fn all() -> Vec<(Vec<String>, String)> {
    let mut found: Vec<(Vec<String>, String)> = Vec::new();
    let mut left = vec![Vec::new()];
    while let Some(words) = left.pop() {
        let text = help(&words);
        let commands = text.split("\nCommands:\n").nth(1).unwrap_or_default();
        let names = commands.lines().take_while(|line| !line.is_empty());
        let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in
            names.filter_map(|line| line.split_whitespace().next()).filter(|it| *it != "help")
        {
            left.push(words.iter().cloned().chain([name.to_owned()]).collect());
        }
        found.push((words, text));
    }
    found
}

/// The commands of the examples, each without its line breaks and without what another program is to do with its output.
fn examples(text: &str) -> Vec<String> {
    let behind = text.split("\nExample").nth(1).unwrap_or_default().replace("\\\n", " ");
    let lines = behind.lines().filter_map(|line| line.strip_prefix("  "));
    let plain =
        lines.map(|line| line.split(['|', '>']).next().unwrap_or_default().trim().to_owned());
    plain.filter(|line| line.starts_with("linkway ")).collect()
}

#[test]
fn every_help_fits_into_80_columns() {
    let all = all();
    assert!(all.len() > 40, "{} words: the walk has lost its way", all.len());
    for (words, text) in all {
        // A usage line is no example, and clap does not break it.
        for line in text.lines().filter(|line| !line.starts_with("Usage: ")) {
            assert!(line.chars().count() <= 80, "{words:?}:\n{line}");
        }
    }
}

#[test]
fn every_word_of_admin_has_examples_that_can_be_pasted() {
    let server = Server::always(Answer::error(400, "TestRefusal", "understood"));
    let desk = Desk::new(&server.endpoint());
    let home = desk.path("home");
    std::fs::create_dir(&home).expect("made");
    let mut tried = BTreeSet::new();
    for (words, text) in all() {
        if words.first().map(String::as_str) != Some("admin") {
            continue;
        }
        let command = format!("linkway {}", words.join(" "));
        let is_group = text.contains("\nCommands:\n");
        let examples = examples(&text);
        // What is done as the service's user is not tried here.
        let as_user = format!("\n  sudo -u linkway {command}");
        let own =
            examples.iter().any(|example| example.starts_with(&command)) || text.contains(&as_user);
        assert!(is_group || own, "{command} has no example:\n{text}");
        for example in examples.into_iter().filter(|example| example.starts_with("linkway admin "))
        {
            let program = env!("CARGO_BIN_EXE_linkway");
            let script = example.replacen("linkway", program, 1);
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin");
            shell.env("LINKWAY_CREDENTIALS", desk.credentials()).env("HOME", &home);
            let output = shell.current_dir(&home).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // What the server refuses was understood; files that are not there are none of the example's fault.
            assert!(matches!(output.status.code(), Some(1 | 3)), "{example}: {said}");
            tried.insert(example);
        }
    }
    assert!(tried.len() > 40, "only {tried:#?}");
}
