//! What is seen of each mistake, and what is said of it.

use serde_json::{Value, json};

use super::*;

/// An accepted interface with one IPv4 peer, 169.254.0.2 with AS 65000.
fn interface() -> VirtualInterface {
    serde_json::from_value(json!({
        "id": "dxvif-f0000001", "name": "x", "kind": "private", "lender": "111111111111", "owner": "222222222222",
        "connection": "dxcon-f0000001", "location": "PAR1", "edge": "r1", "port": "eth1", "jumbo": false, "simulated": false,
        "vlan": 101, "mtu": 1500,
        "options": { "rate_limit": null, "site_link": false, "prefix_pool": { "ipv4": null, "ipv6": null }, "route_filter_prefixes": [], "drain": null },
        "peers": [{
            "id": "dxpeer-f0000001", "asn": 65000, "auth_key": "fjord-Secret-1",
            "addresses": { "amazon": "169.254.0.1/30", "customer": "169.254.0.2/30" }, "phase": "live", "session_resets": 0,
        }],
        "attachment": { "gateway": { "Virtual": "vgw-f0000001" }, "routing_domain": "vgw-f0000001", "asn": 64512 },
        "phase": "accepted", "created": 0, "expires": null, "ended": null,
    }))
    .expect("an interface")
}

/// Everything as it should be.
fn up() -> Value {
    json!({
        "at": 5000, "milliseconds": 1500,
        "port": { "carrier": true, "received": 100, "receivedMeanwhile": 10 },
        "vlan": { "carrier": true, "received": 50, "receivedMeanwhile": 5 },
        "peers": [{
            "family": "ipv4", "neighbor": { "answered": true, "pinged": true }, "segments": { "signed": 2 },
            "session": { "state": "established", "accepted": 3, "rejected": 1, "advertised": 1, "prefixLimit": 100 },
        }],
        "handoffs": [{ "interface": "eth9", "carrier": true }],
    })
}

/// A session that does not come up, with more of what was seen.
fn down(peer: &Value) -> Value {
    let mut seen = up();
    let one = &mut seen["peers"][0];
    one["segments"] = json!({});
    one["session"] = json!({ "state": "active", "prefixLimit": 100 });
    for (name, value) in peer.as_object().expect("an object") {
        match one[name].as_object_mut() {
            Some(old) => old.extend(value.as_object().expect("an object").clone()),
            None => one[name] = value.clone(),
        }
    }
    seen
}

fn checks(seen: &Value) -> Vec<Check> {
    checks_of(&interface(), seen)
}

fn checks_of(interface: &VirtualInterface, seen: &Value) -> Vec<Check> {
    let seen: Observations = serde_json::from_value(seen.clone()).expect("observations");
    explain(&Facts {
        interface,
        now: Time::from_millis(6000),
        heard: Some(Time::from_millis(4000)),
        is_silent: false,
        error: None,
        seen: Ok(&seen),
    })
}

#[test]
fn a_new_key_that_waits_is_told_of() {
    let mut interface = interface();
    let (key, until) = ("fjord-Secret-2", Time::from_millis(6000 + 90_000));
    let key = crate::net::AuthKey::parse("authKey", key).expect("a key");
    interface.peers[0].rotation = Some(crate::bgp_peer::Rotation { key, until });
    let seen_as = |seen: &Value, name: CheckName| {
        let checks = checks_of(&interface, seen);
        checks.iter().find(|check| check.name == name).expect("is there").seen.clone()
    };
    let waits = "; a new key waits for 2 min at most, and while the session is down the router tries it and the one before in turns";
    assert_eq!(seen_as(&up(), CheckName::Md5), format!("their signature is right{waits}"));
    let wrong = down(&json!({ "segments": { "badlySigned": 3 } }));
    assert!(seen_as(&wrong, CheckName::Md5).ends_with(waits));
    assert!(seen_as(&down(&json!({})), CheckName::Tcp).ends_with(waits));
}

#[test]
fn an_interface_that_is_up_passes_every_check_in_order() {
    let checks = checks(&up());
    let names: Vec<CheckName> = checks.iter().map(|check| check.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), 15);
    for check in &checks {
        assert_eq!((check.state, check.advice.is_none()), (CheckState::Ok, true), "{check:?}");
    }
    assert_eq!(reason(&checks), None);
}

#[test]
fn each_mistake_is_named() {
    use CheckName::{Asn, Bfd, HoldTimer, Md5, Neighbor, Open, PrefixLimit, Tcp, Vlan};
    let table = [
        (json!({ "segments": { "badlySigned": 3 } }), Md5, "another key"),
        (json!({ "segments": { "unsigned": 1 } }), Md5, "no MD5 signature"),
        (json!({ "segments": { "resets": 2 } }), Tcp, "refuses connections"),
        (
            json!({ "neighbor": { "answered": false, "pinged": false, "others": ["169.254.0.10"] } }),
            Neighbor,
            "169.254.0.10 instead",
        ),
        (
            json!({ "neighbor": { "answered": false, "pinged": false } }),
            Neighbor,
            "does not answer ARP",
        ),
        (json!({}), Tcp, "answers nothing"),
        (
            json!({ "session": { "lastError": "BGP Error: Bad peer AS", "lastLog": "Error: Bad peer AS: 65099" } }),
            Asn,
            "65099",
        ),
        (
            json!({ "session": { "lastError": "Received: Bad peer AS" } }),
            Asn,
            "Received: Bad peer AS",
        ),
        (
            json!({ "session": { "lastError": "Received: Hold timer expired" } }),
            HoldTimer,
            "Hold timer",
        ),
        (
            json!({ "session": { "lastError": "BGP Error: Unacceptable hold time" } }),
            HoldTimer,
            "hold time",
        ),
        (
            json!({ "session": { "state": "prefixLimit", "lastError": "Route limit exceeded" } }),
            PrefixLimit,
            "more than 100",
        ),
        (json!({ "session": { "lastError": "BFD session down", "bfdUp": false } }), Bfd, "BFD"),
        (
            json!({ "session": { "lastError": "Received: Administrative shutdown" } }),
            Open,
            "Administrative",
        ),
        (json!({ "session": { "lastError": "Socket: Connection refused" } }), Tcp, "refused"),
        (json!({ "session": { "lastError": "Socket: No route to host" } }), Tcp, "answers nothing"),
    ];
    for (seen, name, words) in table {
        let checks = checks(&down(&seen));
        let reason = reason(&checks).unwrap_or_else(|| panic!("{seen}: {checks:?}"));
        assert_eq!(reason.name, name, "{seen}: {reason:?}");
        assert!(reason.seen.contains(words), "{seen}: {}", reason.seen);
        assert!(reason.advice.is_some());
        // What comes before is as it should be, what comes after is not said to be.
        for check in &checks {
            let expected_ok = check.name < name || !(Neighbor..=Bfd).contains(&check.name);
            let is_last = check.name == CheckName::AllowedPrefixes;
            if check.name != name && !is_last {
                assert_eq!(check.state == CheckState::Ok, expected_ok, "{seen}: {check:?}");
            }
        }
    }
    let mut silent = down(&json!({ "neighbor": { "answered": false, "pinged": false } }));
    silent["vlan"] = json!({ "carrier": true, "received": 0, "receivedMeanwhile": 0 });
    let all = checks(&silent);
    let first = reason(&all).expect("one");
    assert_eq!(first.name, Vlan);
    assert!(
        first.seen.contains("no frame with VLAN 101 has ever arrived; 10 other frames"),
        "{}",
        first.seen
    );
}

#[test]
fn what_was_seen_last_goes_before_older_words() {
    let seen = json!({ "segments": { "badlySigned": 1 }, "session": { "lastError": "BGP Error: Bad peer AS" } });
    let checks = checks(&down(&seen));
    assert_eq!(reason(&checks).expect("one").name, CheckName::Md5);
    let drained =
        json!({ "session": { "state": "idle", "lastError": "shut: drained by the operator" } });
    let checks = self::checks(&down(&drained));
    assert_eq!(reason(&checks).expect("one").name, CheckName::Open);
    // A log of another error than the last is not shown as this one's.
    let seen = json!({ "session": { "lastError": "Received: Cease", "lastLog": "Error: Bad peer AS: 65099" } });
    let checks = self::checks(&down(&seen));
    assert_eq!(reason(&checks).expect("one").seen, "Received: Cease");
}

#[test]
fn what_is_not_on_a_router_is_not_looked_at() {
    let seen: Observations = serde_json::from_value(up()).expect("observations");
    let accepted = interface();
    let confirming = VirtualInterface { phase: Phase::Confirming, attachment: None, ..interface() };
    let expired = VirtualInterface { expires: Some(Time::from_millis(10)), ..confirming.clone() };
    let heard = Some(Time::from_millis(4000));
    let table = [
        (&confirming, heard, false, CheckName::Accepted, "222222222222 has not accepted"),
        (&expired, heard, false, CheckName::Accepted, "is over"),
        (&accepted, heard, true, CheckName::Edge, "silent"),
        (&accepted, None, false, CheckName::Edge, "never"),
    ];
    for (interface, heard, is_silent, name, words) in table {
        let now = Time::from_millis(6000);
        let facts = Facts { interface, now, heard, is_silent, error: None, seen: Ok(&seen) };
        let checks = explain(&facts);
        assert_eq!(checks.len(), 15);
        let reason = reason(&checks).expect("one");
        assert!(reason.name == name && reason.seen.contains(words), "{reason:?}");
        let rest = checks.iter().filter(|check| check.name > CheckName::Edge);
        assert!(rest.clone().all(|check| check.state == CheckState::Unknown));
    }
    let facts = Facts {
        interface: &accepted,
        now: Time::from_millis(6000),
        heard,
        is_silent: false,
        error: None,
        seen: Err("it is not connected to this server"),
    };
    let checks = explain(&facts);
    assert_eq!(reason(&checks), None);
    assert!(checks.iter().skip(2).all(|check| check.seen.contains("not connected")));
}
