//! The same over TLS, with a certificate that the operator made.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::process::client::get;
use crate::process::{Desk, Ended, QUICK, wait_for};

/// A self-signed certificate for this machine, and its key, beside the data directory.
fn certificate(desk: &Desk, name: &str) -> [String; 2] {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.expect("a certificate");
    let texts = [("cert", made.cert.pem()), ("key", made.signing_key.serialize_pem())];
    texts.map(|(what, pem)| {
        let path = desk.beside(&format!("{name}-{what}.pem"));
        fs::write(&path, pem).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        path.to_str().expect("text").to_owned()
    })
}

#[test]
fn admin_talks_tls_to_a_certificate_that_it_is_told_to_trust() {
    let desk = Desk::new(QUICK);
    let [cert, key] = certificate(&desk, "own");
    let [other, other_key] = certificate(&desk, "other");
    let server = desk.start_with(["--tls-cert", &cert, "--tls-key", &key]);
    let endpoint = format!("https://{}", server.address());
    let operator = fs::read_to_string(desk.file("operator.json")).expect("there");
    assert!(operator.contains(&endpoint), "no {endpoint}");
    // As an operator on another machine does: the listener on loopback has no TLS.
    let mut remote: Value = serde_json::from_str(&operator).expect("JSON");
    remote.as_object_mut().expect("an object").remove("adminEndpoint").expect("there is one");
    fs::write(desk.file("operator.json"), remote.to_string()).expect("written");
    let list = ["location", "list", "--output", "json"];
    let trusting = |ca: &str| desk.admin(list.into_iter().chain(["--ca-cert", ca]));
    assert_eq!(trusting(&cert).json(), json!([]));
    for refused in [trusting(&other), desk.admin(list)] {
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains("--ca-cert"), "{}", refused.stderr);
    }
    // Renewed without a restart.
    fs::copy(&other, &cert).expect("copied");
    fs::copy(&other_key, &key).expect("copied");
    server.signal("HUP");
    wait_for("the new certificate", || (trusting(&other).code == Some(0)).then_some(()));
    server.stop();
}

/// The moment at which the certificate expires, as the metrics have it.
fn expiry(desk: &Desk) -> Option<i64> {
    let name = "linkway_tls_certificate_expiry_timestamp_seconds{}";
    let text = get(desk.admin_address(), "/metrics").expect("answered").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

#[test]
fn a_key_that_others_may_read_is_refused_at_the_start_and_when_it_is_read_again() {
    let desk = Desk::new(QUICK);
    let [cert, key] = certificate(&desk, "own");
    for mode in [0o640, 0o604, 0o620, 0o644] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("set");
        let mut serve = desk.serve_command(["--tls-cert", &cert, "--tls-key", &key]);
        let ended = Ended::of(&mut serve);
        assert_eq!(ended.code, Some(1), "{mode:o}: {ended:?}");
        for says in ["own-key.pem", &format!("{mode:o}"), "chmod 600"] {
            assert!(ended.stderr.contains(says), "{mode:o}: no {says} in {}", ended.stderr);
        }
        assert!(!desk.data().exists(), "nothing is made for a server that cannot serve");
    }
    fs::set_permissions(&key, Permissions::from_mode(0o400)).expect("set");
    let server = desk.start_with(["--tls-cert", &cert, "--tls-key", &key]);
    let first = expiry(&desk).expect("there is a certificate");

    // A renewal whose key is open leaves the old certificate in use.
    let [new, new_key] = expiring(&desk, 2031);
    let renew = |mode| {
        fs::copy(&new, &cert).expect("copied");
        fs::remove_file(&key).expect("removed");
        fs::copy(&new_key, &key).expect("copied");
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("set");
        server.signal("HUP");
    };
    renew(0o644);
    wait_for("the refusal", || server.logs().contains("the old certificate stays").then_some(()));
    assert_eq!(expiry(&desk), Some(first));
    renew(0o600);
    // 2031-01-01T00:00:00Z
    wait_for("the new one", || (expiry(&desk) == Some(1_924_992_000)).then_some(()));
    assert_ne!(first, 1_924_992_000);
    server.stop();
}

/// A certificate that expires when that year begins.
fn expiring(desk: &Desk, year: i32) -> [String; 2] {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    let cert = params.self_signed(&key).expect("a certificate");
    let texts = [("cert", cert.pem()), ("key", key.serialize_pem())];
    texts.map(|(what, pem)| {
        let path = desk.beside(&format!("{year}-{what}.pem"));
        fs::write(&path, pem).expect("written");
        path.to_str().expect("text").to_owned()
    })
}

#[test]
fn certificates_that_cannot_serve_are_refused_by_name() {
    let desk = Desk::new(QUICK);
    let [cert, key] = certificate(&desk, "own");
    let [_, other_key] = certificate(&desk, "other");
    let table = [
        ([&*cert, &*other_key], "is not the key of the first certificate"),
        ([&*key, &*key], "own-key.pem"),
        (["/nowhere/cert.pem", &*key], "/nowhere/cert.pem"),
    ];
    for ([cert, key], says) in table {
        let mut serve = desk.serve_command(["--tls-cert", cert, "--tls-key", key]);
        let ended = Ended::of(&mut serve);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(says), "no {says} in {}", ended.stderr);
        assert!(!desk.data().exists(), "nothing is made for a server that cannot serve");
    }
}
