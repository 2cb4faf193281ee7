//! The same over TLS, with a certificate that the operator made.

use std::fs;

use serde_json::json;

use crate::process::{Desk, QUICK};

/// A self-signed certificate for this machine, and its key, beside the data directory.
fn certificate(desk: &Desk, name: &str) -> [String; 2] {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.expect("a certificate");
    let texts = [("cert", made.cert.pem()), ("key", made.signing_key.serialize_pem())];
    texts.map(|(what, pem)| {
        let path = desk.beside(&format!("{name}-{what}.pem"));
        fs::write(&path, pem).expect("written");
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
    crate::process::wait_for("the new certificate", || {
        (trusting(&other).code == Some(0)).then_some(())
    });
    server.stop();
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
        let ended = crate::process::Ended::of(&mut serve);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(says), "no {says} in {}", ended.stderr);
        assert!(!desk.data().exists(), "nothing is made for a server that cannot serve");
    }
}
