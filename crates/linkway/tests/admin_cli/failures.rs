//! Exit codes and what they are accompanied by.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use serde_json::json;

use super::server::{Answer, Server};
use super::{Desk, SECRET, bare, ended};

#[test]
fn refusal_of_the_server_is_code_1_and_its_own_words() {
    let server = Server::always(Answer::error(
        400,
        "DirectConnectClientException",
        "accountId \"12\" is not 12 digits",
    ));
    let run = Desk::new(&server.endpoint()).run(["account", "create", "--id", "12", "--name", ""]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr, "error: --id \"12\" is not 12 digits\n");
}

fn fabric(handoff: &'static str, peer: &'static str) -> Vec<&'static str> {
    let words = "gateway create --account 1 --vpc v --cidr c --handoff";
    words.split(' ').chain([handoff, "--fabric-peer", peer]).collect()
}

#[test]
fn wrong_usage_is_code_2() {
    let server = Server::always(Answer::json(json!({})));
    let desk = Desk::new(&server.endpoint());
    let table: &[(&[&str], &str)] = &[
        (&[], "Usage: linkway admin"),
        (&["account"], "Usage: linkway admin account"),
        (&["account", "create", "--id", "1"], "--name"),
        (&["account", "drop"], "unrecognized subcommand 'drop'"),
        (&["account", "list", "--output", "yaml"], "[possible values: table, json]"),
        (&["connection", "approve"], "<ID>"),
        (&["connection", "approve", "dxcon-1", "--edge", "e"], "--interface"),
        (&["connection", "approve", "dxcon-1", "--interface", "i"], "--edge"),
        (&["gateway", "create", "--account", "1", "--vpc", "v"], "--cidr"),
        (
            &["gateway", "create", "--account", "1", "--vpc", "v", "--cidr", "c", "--asn", "x"],
            "--asn",
        ),
        (
            &[
                "gateway",
                "create",
                "--account",
                "1",
                "--vpc",
                "v",
                "--cidr",
                "c",
                "--handoff",
                "e:i",
            ],
            "EDGE:INTERFACE:NEXTHOP",
        ),
        (
            &[
                "gateway",
                "create",
                "--account",
                "1",
                "--vpc",
                "v",
                "--cidr",
                "c",
                "--handoff",
                "e::n",
            ],
            "EDGE:INTERFACE:NEXTHOP",
        ),
        (&fabric("e:i:192.0.2.1", "192.0.2.1"), "[EDGE:INTERFACE:]ADDRESS:ASN[:KEY-FILE]"),
        (&fabric("e:i:2001:db8::1", "2001:db8::1:65010"), "[2001:db8::1]:65010"),
        (&fabric("e:i:192.0.2.1", "192.0.2.2:65010"), "no --handoff has this next hop"),
        (&fabric("e:i:192.0.2.1", "f:i:192.0.2.1:65010"), "there is no --handoff f:i"),
        (&["access-key", "create"], "--account"),
        (&["access-key", "create", "--account", "1", "--edge", "e"], "cannot be used with"),
        (&["access-key", "create", "--edge", "e", "--aws-profile", "p"], "cannot be used with"),
        (&["access-key", "list", "--account", "1", "--edge", "e"], "cannot be used with"),
        (&["access-key", "create", "--account", "1", "--aws-profile", "a]b"], "a profile's name"),
        (&["access-key", "create", "--account", "1", "--aws-profile", ""], "a profile's name"),
        (&["access-key", "create", "--account", "1", "--overwrite"], "--aws-profile"),
        (&["events", "--count", "many"], "--count"),
        (&["events", "--since", "yesterday"], "RFC 3339"),
        (&["events", "--last", "1", "--follow"], "cannot be used with"),
        (&["gateway", "update", "vgw-1"], "--name"),
        (
            &["gateway", "update", "vgw-1", "--handoff", "a:b:::", "--no-handoffs"],
            "cannot be used with",
        ),
        (&["port", "delete", "--edge", "e"], "--interface"),
        (&["backup"], "<FILE>"),
        (&["check"], "--data-dir"),
        (&["check", "a", "--data-dir", "b"], "cannot be used with"),
        (&["store", "rekey"], "--data-dir"),
    ];
    for (words, says) in table {
        let run = desk.run(*words);
        assert_eq!(run.code, Some(2), "{words:?}");
        assert!(run.stderr.contains(says), "{words:?}: no {says} in\n{}", run.stderr);
    }
    assert_eq!(server.received(), []);
    let run = ended(&mut bare(["account", "list"]));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("LINKWAY_CREDENTIALS"), "{}", run.stderr);
}

#[test]
fn unusable_credentials_are_code_3_and_name_the_file() {
    let desk = Desk::new("http://127.0.0.1:1");
    let other = |text: &str| {
        format!(
            r#"{{"endpoint":"{text}","region":"r","accessKeyId":"A","secretAccessKey":"{SECRET}"}}"#
        )
    };
    let table = [
        ("{".to_owned(), "line 1, column 1"),
        (String::new(), "line 1"),
        (r#"{"endpoint":"http://h","region":"r"}"#.to_owned(), "secretAccessKey"),
        (format!(r#"{{"endpoint":"{SECRET}","region":"r","accessKeyId":1}}"#), "accessKeyId"),
        (other("127.0.0.1:8580"), "not of the form http://host:port"),
        (other("ftp://h"), "not of the form http://host:port"),
        (other("http://h/path"), "not of the form http://host:port"),
        (other("http://user@h"), "not of the form http://host:port"),
        (other(""), "endpoint \"\""),
    ];
    for (text, says) in table {
        desk.write_credentials(&text);
        let run = desk.run(["account", "list"]);
        assert_eq!(run.code, Some(3), "{text}");
        assert!(run.stderr.contains(says), "{text}: no {says} in\n{}", run.stderr);
        assert!(run.stderr.contains(&desk.credentials().display().to_string()), "{}", run.stderr);
        assert!(!run.stderr.contains(SECRET), "{text}");
    }
    fs::remove_file(desk.credentials()).expect("removed");
    let run = desk.run(["account", "list"]);
    assert_eq!(run.code, Some(3));
    for says in [&*desk.credentials().display().to_string(), "No such file", "--credentials"] {
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
}

#[test]
fn credentials_that_others_can_read_are_warned_of() {
    let server = Server::always(Answer::json(json!({"accounts": []})));
    let desk = Desk::new(&server.endpoint());
    for (mode, warns) in [(0o600, false), (0o400, false), (0o640, true), (0o644, true)] {
        fs::set_permissions(desk.credentials(), Permissions::from_mode(mode)).expect("set");
        let run = desk.run(["account", "list"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr.contains("chmod 600"), warns, "{mode:o}: {}", run.stderr);
    }
}

#[test]
fn server_that_is_not_there_is_code_3_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let desk = Desk::new(&endpoint);
    let run = desk.run(["account", "list"]);
    assert_eq!(run.code, Some(3));
    for says in [&*endpoint, "refused", &desk.credentials().display().to_string()] {
        assert!(run.stderr.contains(says), "no {says} in {}", run.stderr);
    }
}

#[test]
fn answers_that_make_no_sense_are_code_3() {
    let table = [
        (Answer::bytes(200, "application/x-amz-json-1.1", b"{\"acc".to_vec()), "not understood"),
        (Answer::json(json!({"accounts": [{"accountId": 1}]})), "not understood"),
        (Answer::bytes(404, "text/html", b"<html>".to_vec()), "status 404"),
        (Answer::bytes(302, "text/html", Vec::new()), "status 302"),
        (Answer::json(json!({"accounts": [], "nextToken": "same"})), "never ends"),
        (
            Answer {
                length: 100,
                ..Answer::bytes(200, "application/x-amz-json-1.1", b"{".to_vec())
            },
            "cannot talk to the server",
        ),
    ];
    for (answer, says) in table {
        let server = Server::always(answer);
        let run = Desk::new(&server.endpoint()).run(["account", "list"]);
        assert_eq!(run.code, Some(3), "{says}: {}", run.stderr);
        assert!(run.stderr.contains(says), "no {says} in {}", run.stderr);
        assert!(run.stderr.contains(&server.endpoint()), "{}", run.stderr);
    }
}

#[test]
fn tls_trusts_what_ca_cert_names_and_nothing_else() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![pair.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(pair.signing_key.serialize_der().into()),
        )
        .expect("a certificate and its key");
    let config = Arc::new(config);
    let server = Server::start_with(
        |_, _| Answer::json(json!({"accounts": []})),
        move |stream| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
            Box::new(rustls::StreamOwned::new(session, stream))
        },
    );
    let desk = Desk::new(&format!("https://localhost:{}", server.port()));
    let ca = desk.path("ca.pem");
    fs::write(&ca, pair.cert.pem()).expect("written");

    let run =
        desk.run(["account", "list", "--output", "json", "--ca-cert", ca.to_str().expect("text")]);
    assert_eq!((run.code, &*run.stdout), (Some(0), "[]\n"), "{}", run.stderr);

    let run = desk.run(["account", "list"]);
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("--ca-cert"), "{}", run.stderr);

    for (text, says) in [("", "no PEM certificate"), ("-----BEGIN CERTIFICATE-----\n", "ca.pem")] {
        fs::write(&ca, text).expect("written");
        let run = desk.run(["account", "list", "--ca-cert", ca.to_str().expect("text")]);
        assert_eq!(run.code, Some(3), "{text:?}");
        assert!(run.stderr.contains(says), "{text:?}: {}", run.stderr);
    }
}

/// A code is told where it says more than that the server refused or failed.
#[test]
fn codes_are_told_where_they_say_something() {
    let table = [
        ("DirectConnectClientException", "error: no\n"),
        ("DirectConnectServerException", "error: no\n"),
        ("UnrecognizedClientException", "error: UnrecognizedClientException: no\n"),
        ("ThrottlingException", "error: ThrottlingException: no\n"),
    ];
    for (code, expected) in table {
        let server = Server::always(Answer::error(400, code, "no"));
        let run = Desk::new(&server.endpoint()).run(["account", "list"]);
        assert_eq!((run.code, &*run.stderr), (Some(1), expected));
    }
}

/// Whoever types a command knows its arguments, not the members of the API.
#[test]
fn refusals_speak_of_the_arguments() {
    let table = [
        (
            "gateway create --account 1 --vpc v --cidr c",
            "vpcId \"v\" is no VPC.",
            "--vpc \"v\" is no VPC.",
        ),
        ("gateway list --account 1", "accountId \"1\" is short.", "--account \"1\" is short."),
        ("account delete 1", "accountId \"1\" is short.", "ID \"1\" is short."),
        ("edge delete r", "edgeId \"r\" does not exist.", "EDGE \"r\" does not exist."),
        ("edge give-up r", "edgeId \"r\" was heard.", "EDGE \"r\" was heard."),
        ("edge create --id r --location L", "edgeId \"r\" is taken.", "--id \"r\" is taken."),
        (
            "edge create --id r --location L",
            "locationCode \"L\" does not exist.",
            "--location \"L\" does not exist.",
        ),
        (
            "port create --edge r --interface i --bandwidth b",
            "edgeId \"r\" does not exist.",
            "--edge \"r\" does not exist.",
        ),
        (
            "location update L --name edgeId",
            "locationName \"edgeId\" is odd.",
            "--name \"edgeId\" is odd.",
        ),
    ];
    for (words, said, expected) in table {
        let server = Server::always(Answer::error(400, "DirectConnectClientException", said));
        let run = Desk::new(&server.endpoint()).run(words.split(' '));
        assert_eq!((run.code, run.stderr), (Some(1), format!("error: {expected}\n")), "{words}");
    }
}
