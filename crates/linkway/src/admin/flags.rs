//! The server's refusals in the words of the command line: its texts name members of the API, and whoever typed a command
//! knows its arguments.

use std::ffi::OsString;

use clap::{Arg, Command};

/// A member of the API, and the arguments that it may have come from: the first that the word has is meant.
const MEMBERS: [(&str, &[&str]); 22] = [
    ("accountId", &["account", "id"]),
    ("accessKeyId", &["id"]),
    ("amazonSideAsn", &["asn"]),
    ("bandwidth", &["bandwidth"]),
    ("cidrs", &["cidr"]),
    ("connectionId", &["id"]),
    ("directConnectGatewayId", &["id"]),
    ("edgeId", &["edge", "id"]),
    ("fabricPeer", &["fabric_peer"]),
    ("handoffs", &["handoff"]),
    ("interface", &["interface"]),
    ("kind", &["all"]),
    ("locationCode", &["location", "code"]),
    ("locationName", &["name"]),
    ("maxResults", &["count"]),
    ("name", &["name"]),
    ("state", &["state"]),
    ("transitGatewayId", &["id"]),
    ("virtualGatewayId", &["id"]),
    ("virtualInterfaceId", &["id"]),
    ("vpcId", &["vpc"]),
    ("webhookUrl", &["url"]),
];

/// The text, with the arguments of the command that these words of a command line belong to in place of the members.
pub fn translate(root: Command, words: &[OsString], text: &str) -> String {
    let command = command(root, words);
    let name = &|path: &str| argument(&command, path);
    let mut parts = Vec::new();
    // What is quoted is a value that somebody gave.
    for (nth, part) in text.split('"').enumerate() {
        parts.push(if nth % 2 == 0 { outside(part, nth == 0, name) } else { part.to_owned() });
    }
    parts.join("\"")
}

/// The deepest command that the words name.
fn command(mut command: Command, words: &[OsString]) -> Command {
    command.build();
    for word in words {
        if let Some(next) = word.to_str().and_then(|word| command.find_subcommand(word)) {
            command = next.clone();
        }
    }
    command
}

/// Replaces the members in a text without quotes. A member that is an English word is one only where a text begins with it.
fn outside(text: &str, is_start: bool, name: &impl Fn(&str) -> Option<String>) -> String {
    let mut words = Vec::new();
    for (nth, word) in text.split(' ').enumerate() {
        let path = word.trim_end_matches([',', ':', ';', '.', ')']);
        let end = &word[path.len()..];
        let is_member =
            is_start && nth == 0 || path.contains(|c: char| c == '[' || c.is_uppercase());
        let named = name(path).filter(|_| is_member);
        words.push(named.map_or_else(|| word.to_owned(), |name| format!("{name}{end}")));
    }
    words.join(" ")
}

/// The argument that a path of members came from: `handoffs[1].edgeId` from the second `--handoff`.
fn argument(command: &Command, path: &str) -> Option<String> {
    let (first, rest) =
        path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let (member, index) = first.split_once('[').map_or((first, None), |(member, index)| {
        (member, index.strip_suffix(']').and_then(|index| index.parse::<usize>().ok()))
    });
    let inner = rest.map(|rest| rest.split('.').next().unwrap_or(rest));
    let member = if inner == Some("fabricPeer") { "fabricPeer" } else { member };
    let named = find(command, member)?;
    let which = index.filter(|_| rest.is_some()).map(|index| format!(" number {}", index + 1));
    let part = rest.and_then(|rest| rest.rsplit('.').next()).map(|part| match part {
        "edgeId" => ", EDGE",
        "interface" => ", INTERFACE",
        "nextHop" => ", NEXTHOP",
        "address" => ", ADDRESS",
        "asn" => ", ASN",
        "authKey" => ", KEY-FILE",
        _ => "",
    });
    Some(format!("{named}{}{}", which.unwrap_or_default(), part.unwrap_or_default()))
}

fn find(command: &Command, member: &str) -> Option<String> {
    let (_, candidates) = MEMBERS.iter().find(|(name, _)| *name == member)?;
    let own = |id: &&str| command.get_arguments().find(|arg| arg.get_id().as_str() == *id);
    candidates.iter().find_map(own).map(shown)
}

/// As a person types it.
fn shown(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.to_string(),
        (None, _) => arg.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_as_the_arguments_that_they_came_from() {
        let id = || Arg::new("id").long("id");
        let flag = |name: &'static str, long: &'static str| Arg::new(name).long(long);
        let root = Command::new("linkway").subcommand(
            Command::new("admin")
                .subcommand(Command::new("account").subcommand(Command::new("create").arg(id())))
                .subcommand(
                    Command::new("edge").subcommand(
                        Command::new("create").args([id(), flag("location", "location")]),
                    ),
                )
                .subcommand(Command::new("gateway").subcommand(Command::new("update").args([
                    Arg::new("id").value_name("ID"),
                    flag("handoff", "handoff"),
                    flag("fabric_peer", "fabric-peer"),
                ]))),
        );
        let check = |words: &str, text: &str, expected: &str| {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            assert_eq!(translate(root.clone(), &words, text), expected);
        };
        check("admin account create --id 1", "accountId \"1\" is short.", "--id \"1\" is short.");
        check(
            "--output json admin edge create --id e --location L",
            "locationCode \"edgeId\" does not exist; edgeId, as given.",
            "--location \"edgeId\" does not exist; --id, as given.",
        );
        check(
            "admin gateway update v",
            "handoffs[1].edgeId \"r9\" does not exist.",
            "--handoff number 2, EDGE \"r9\" does not exist.",
        );
        check(
            "admin gateway update v",
            "handoffs[0].fabricPeer.asn \"0\" is no number.",
            "--fabric-peer number 1, ASN \"0\" is no number.",
        );
        check(
            "admin gateway update v",
            "virtualGatewayId \"v\" is unknown.",
            "ID \"v\" is unknown.",
        );
        // What the word does not have stays as it is, and so do words of English.
        check(
            "admin gateway update v",
            "accountId and name: the name is it.",
            "ID and name: the name is it.",
        );
        check("admin gateway update v", "state is interface \"x\".", "state is interface \"x\".");
    }
}
