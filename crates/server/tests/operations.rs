//! `docs/operations.md` is the table of operations, for people and for the tests of the real clients: it cannot differ from
//! the program's own. `LINKWAY_WRITE_DOCS=1 cargo nextest run -p linkway-server --test operations` writes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use linkway_domain::arn::ArnKind;
use linkway_domain::operator::Role;
use linkway_server::api::operation::{Callers, Effect, Row};
use linkway_server::api::table::rows;
use linkway_wire::operation::Target;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");

const HEAD: &str = "\
# Operations

Every operation of both services, with what the server does by it: who may call it, whether it reads or changes, what it is
about, which types of resources a policy may restrict its IAM action to, how its calls are throttled, and how long it may
take. The IAM action is the service's name and the operation's, as in `directconnect:CreateConnection`. Where no time is
given, the setting `request_timeout_seconds` holds.

* The role is the least that an operator needs. Each role may do what those before it may: *read*, *operate*, *admin*.
* *read*: a successful call is in the journal. *change*: it is in the store, written with the change itself; one that had
  nothing to change is in the journal. *disclosure*: the store has each call, and without its record there is no answer.
  *counted*: the store has the first call of a key and address in a day, and how many more there were.
* Refused calls: those about what is another's are in the store, the first of each kind in an hour with a count of the
  others; the rest is in the journal, and in the file of strangers where the caller is not known.
* Throttled *per key and account*: `[throttle]` in the configuration. *unlimited*: not throttled.

This page is made from the program's own table; a test compares the two.
";

fn section(text: &mut String, title: &str, rows: &[Row]) {
    let columns = [
        "Operation",
        "Built",
        "Callers",
        "Role",
        "Effect",
        "About",
        "IAM resource types",
        "Throttled",
        "Time limit",
    ];
    writeln!(text, "\n## {title}\n\n| {} |", columns.join(" | ")).expect("a string takes all");
    writeln!(text, "|{}", "---|".repeat(columns.len())).expect("a string takes all");
    for row in rows {
        let types: Vec<&str> = row.iam_resources.iter().copied().map(ArnKind::as_str).collect();
        let limit = row.time_limit.map(|limit| format!("{} s", limit.as_secs()));
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.target.name(),
            if row.is_built { "yes" } else { "no" },
            row.callers,
            row.role().map_or("", Role::as_str),
            row.effect,
            row.subject,
            if types.is_empty() { "`*`".to_owned() } else { types.join(", ") },
            row.throttle_class(),
            limit.unwrap_or_default(),
        )
        .expect("a string takes all");
    }
}

fn document() -> String {
    let (tenants, linkway): (Vec<Row>, Vec<Row>) =
        rows().partition(|row| matches!(row.target, Target::Tenant(_)));
    let mut text = HEAD.to_owned();
    section(&mut text, "Direct Connect (`OvertureService`)", &tenants);
    section(&mut text, "Operator API and edge feed (`Linkway`)", &linkway);
    writeln!(text).expect("a string takes all");
    for row in linkway {
        if let Effect::NotRecorded(reason) = row.effect {
            writeln!(text, "{} is not recorded: {reason}.", row.target.name()).expect("as above");
        }
    }
    text
}

#[test]
fn the_document_is_the_table() {
    let wanted = document();
    if std::env::var_os("LINKWAY_WRITE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &wanted).expect("the document can be written");
    }
    let found = std::fs::read_to_string(DOCUMENT).expect("the document is there");
    assert!(found == wanted, "docs/operations.md differs from the table: write it again");
}

#[test]
fn there_is_one_row_for_each_operation() {
    let targets: Vec<Target> = rows().map(|row| row.target).collect();
    assert_eq!(targets, Target::all().collect::<Vec<_>>());
    let actions: BTreeSet<String> = rows().map(|row| row.action()).collect();
    assert_eq!(actions.len(), targets.len(), "two operations have one action");
}

/// The names of both services say whether an operation reads; a row that says otherwise is a mistake.
#[test]
fn effects_agree_with_names() {
    for row in rows().filter(|row| row.callers != Callers::Edges) {
        let name = row.target.name();
        let reads =
            ["Describe", "Explain", "Get", "List"].iter().any(|verb| name.starts_with(verb));
        let wanted = match name {
            "Backup" => Effect::Disclosure,
            _ if reads => Effect::Read,
            _ => Effect::Change,
        };
        assert_eq!(row.effect, wanted, "{name}");
    }
}
