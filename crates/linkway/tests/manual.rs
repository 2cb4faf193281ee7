//! `linkway completion` and `linkway man`: what shells and man(1) read, made from the program's own words.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn linkway<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_linkway")).args(words).output().expect("the program starts")
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Every chain of words that `--help` names, the empty one included.
fn every_word() -> Vec<Vec<String>> {
    let mut found = vec![vec![]];
    let mut next = 0;
    while let Some(words) = found.get(next).cloned() {
        let help = stdout(linkway(words.iter().map(String::as_str).chain(["--help"])));
        let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        // Descriptions that continue on the next line are further in than names.
        let names = commands
            .lines()
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help");
        found.extend(names.map(|name| [words.clone(), vec![name.to_owned()]].concat()));
        next += 1;
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

fn pages() -> TempDir {
    let dir = TempDir::new().expect("a directory");
    // The directory need not exist: packages make it.
    stdout(linkway([OsStr::new("man"), dir.path().join("man1").as_os_str()]));
    dir
}

fn page(dir: &Path, words: &[String]) -> String {
    let name = [vec!["linkway".to_owned()], words.to_vec()].concat().join("-");
    let path = dir.join(format!("man1/{name}.1"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_word_has_a_page_with_its_options_and_examples() {
    let dir = pages();
    let words = every_word();
    for words in &words {
        let page = page(dir.path(), words);
        let help = stdout(linkway(words.iter().map(String::as_str).chain(["--help"])));
        for option in help.split_whitespace().filter(|word| word.starts_with("--")) {
            let option = option.trim_end_matches([',', '.', ')']).replace('-', "\\-");
            assert!(page.contains(&option), "{words:?}: no {option} in\n{page}");
        }
        assert_eq!(help.contains("Example"), page.contains(".SH EXAMPLES"), "{words:?}\n{page}");
    }
    let made = fs::read_dir(dir.path().join("man1")).expect("made").count();
    assert_eq!(made, words.len(), "a page for each word, and none besides");
}

/// Examples are pasted: each of their lines stays a line of its own, as it is in the help.
#[test]
fn examples_keep_their_lines() {
    if Command::new("man").arg("--version").output().is_err() {
        eprintln!("no man here: what it would show of the examples is not compared");
        return;
    }
    let dir = pages();
    for words in every_word() {
        let help = stdout(linkway(words.iter().map(String::as_str).chain(["--help"])));
        let Some((_, examples)) = help.split_once("Example") else { continue };
        let name = [vec!["linkway".to_owned()], words.clone()].concat().join("-");
        let shown = Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-P", "cat", "-l"])
            .arg(dir.path().join(format!("man1/{name}.1")))
            .envs([("LC_ALL", "C.UTF-8"), ("MANWIDTH", "100"), ("MAN_KEEP_FORMATTING", "")])
            .output()
            .expect("man runs");
        assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "{name}");
        let shown = String::from_utf8(shown.stdout).expect("text");
        let lines: Vec<_> = shown.lines().map(str::trim).collect();
        for line in examples.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()) {
            assert!(lines.contains(&line), "{name}: {line:?} is no line of\n{shown}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    let run = linkway([OsStr::new("man"), file.join("man1").as_os_str()]);
    assert_eq!(run.status.code(), Some(1));
    let told = String::from_utf8(run.stderr).expect("text");
    assert!(told.contains(file.to_str().expect("text")), "{told}");
}

/// What bash offers after these words.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let ask = format!(
        "source '{}'; COMP_WORDS=({line}); COMP_CWORD={}; \
         _linkway linkway '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let asked = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&asked.stderr), "");
    stdout(asked).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_words_options_and_values() {
    let dir = TempDir::new().expect("a directory");
    let script = dir.path().join("linkway");
    fs::write(&script, stdout(linkway(["completion", "bash"]))).expect("written");
    let parsed = Command::new("bash").arg("-n").arg(&script).output().expect("bash runs");
    assert_eq!((parsed.status.code(), &*parsed.stderr), (Some(0), &b""[..]));

    assert_eq!(offered(&script, &["linkway", "adm"]), ["admin"]);
    assert_eq!(offered(&script, &["linkway", "admin", "acce"]), ["access-key"]);
    assert_eq!(
        offered(&script, &["linkway", "admin", "access-key", "create", "--acc"]),
        ["--account"]
    );
    let forms = offered(&script, &["linkway", "admin", "account", "list", "--output", ""]);
    assert_eq!(forms, ["table", "json"]);
    for words in every_word().iter().filter(|words| !words.is_empty()) {
        let (last, before) = words.split_last().expect("not empty");
        let mut line = vec!["linkway"];
        line.extend(before.iter().map(String::as_str));
        line.push(last);
        assert!(offered(&script, &line).contains(last), "{words:?}");
    }
}

#[test]
fn each_shell_gets_a_script_and_another_word_is_refused() {
    for (shell, mark) in [("zsh", "#compdef linkway"), ("fish", "complete -c linkway")] {
        let script = stdout(linkway(["completion", shell]));
        assert!(script.contains(mark), "{shell}: {script:.200}");
        // Debian's shells may be missing here; where they are, they judge the script themselves.
        let dir = TempDir::new().expect("a directory");
        let file = dir.path().join("script");
        fs::write(&file, script).expect("written");
        if let Ok(judged) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(
                judged.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&judged.stderr)
            );
        }
    }
    let run = linkway(["completion", "csh"]);
    assert_eq!(run.status.code(), Some(2));
    let told = String::from_utf8(run.stderr).expect("text");
    assert!(told.contains("bash") && told.contains("zsh") && told.contains("fish"), "{told}");
}
