//! What real BIRDs (2.0.12) said of a session, and what is read from it.

use expect_test::{Expect, expect};
use linkway_edge::bird::parse::{is_shut, loaded, peers, protocols};
use linkway_edge::bird::version::Dialect;

/// One session's lines: the line of the table, then those of its details.
fn check(lines: &str, expected: Expect) {
    let head = "Name       Proto      Table      State  Since         Info";
    let found = protocols([head].into_iter().chain(lines.lines()));
    let text: String = peers(&found)
        .iter()
        .map(|(id, p)| {
            let (state, counts) =
                (p.state, (p.prefixes_accepted, p.prefixes_rejected, p.prefixes_advertised));
            let error = p.last_error.as_deref().unwrap_or("-");
            assert_eq!(p.address_family, id.family);
            format!("{id} {state:?} {counts:?}: {error}\n")
        })
        .collect();
    expected.assert_eq(&text);
}

#[test]
fn sessions_in_every_state() {
    check(
        "dxvif_f0000001 BGP        ---        up     04:11:06.261  Established   \n  BGP state:          Established\n    Neighbor address: 169.254.0.2%dxvif-f0000001\n    Local capabilities\n      Multiprotocol\n        AF announced: ipv4\n    Hold timer:       62.891/90\n  Channel ipv4\n    State:          UP\n    Routes:         99 imported, 1 filtered, 2 exported, 99 preferred\n    Route change stats:     received   rejected   filtered    ignored   accepted\n      Import updates:            100          0          1          0         99\n    BGP Next hop:   169.254.0.1\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Established (99, 1, 2): -
        "#]],
    );
    check(
        "dxvif_f0000001_2 BGP     ---        down   04:11:39.234  Automatic shutdown: Route limit exceeded\n  BGP state:          Down\n    Last error:       Automatic shutdown: Route limit exceeded\n  Channel ipv4\n    State:          DOWN\n    Receive limit:  100 [HIT]\n      Action:       disable\n",
        expect![[r#"
            dxvif-f0000001 ipv4 PrefixLimit (0, 0, 0): Automatic shutdown: Route limit exceeded
        "#]],
    );
    check(
        "dxvif_f0000001_v6 BGP     ---        down   04:11:39.234\n  Description:    shut: prefix limit\n  BGP state:          Down\n  Channel ipv6\n    State:          DOWN\n",
        expect![[r#"
            dxvif-f0000001 ipv6 PrefixLimit (0, 0, 0): the customer's router announced more prefixes than the limit; the session stays shut until it is reset
        "#]],
    );
    check(
        "dxvif_f0000001 BGP        ---        start  04:13:10.777  Connect       \n  BGP state:          Connect\n  Channel ipv4\n    State:          DOWN\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Connect (0, 0, 0): no answer yet; check that the customer's router is on, has this VLAN and addresses, and the same BGP key
        "#]],
    );
    check(
        "dxvif_f0000001 BGP        ---        start  04:13:35.814  Active        Socket: Connection reset by peer\n  BGP state:          Active\n    Connect delay:    0.223/1\n    Last error:       Socket: Connection reset by peer\n  Channel ipv4\n    State:          DOWN\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Active (0, 0, 0): Socket: Connection reset by peer
        "#]],
    );
    check(
        "dxvif_f0000001 BGP        ---        start  04:13:51.834  Idle          Received: Administrative shutdown\n  BGP state:          Idle\n    Error wait:       2.066/5\n    Last error:       Received: Administrative shutdown\n  Channel ipv4\n    State:          DOWN\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Idle (0, 0, 0): Received: Administrative shutdown
        "#]],
    );
    check(
        "dxvif_f0000001 BGP        ---        start  04:13:30.794  Idle          Error: Neighbor lost\n  BGP state:          Idle\n    Last error:       Error: Neighbor lost\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Idle (0, 0, 0): Error: Neighbor lost
        "#]],
    );
    check(
        "dxvif_f0000001 BGP        ---        start  04:14:01.846  Connect       Socket: Connection closed\n  BGP state:          Connect\n    Neighbor graceful restart active\n    Restart timer:    117.996/-\n    Last error:       Socket: Connection closed\n  Channel ipv4\n    State:          START\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Connect (0, 0, 0): Socket: Connection closed
        "#]],
    );
    check(
        "dxvif_f0000001 Static     vgw_00000001_v4 down   04:11:39.234\n  Description:    refused: the key\n  Channel ipv4\n    State:          DOWN\n",
        expect![[r#"
            dxvif-f0000001 ipv4 Idle (0, 0, 0): the key
        "#]],
    );
}

#[test]
fn while_a_reset_goes_on_the_new_session_counts() {
    check(
        "dxvif_f0000001_1 BGP ---  start 04:14:01.846\n  BGP state: OpenSent\ndxvif_f0000001 BGP ---  stop 04:14:01.846\n  BGP state: Close\nstrange BGP --- up 04:14:01\n  BGP state: Established\n",
        expect![[r#"
            dxvif-f0000001 ipv4 OpenSent (0, 0, 0): -
        "#]],
    );
}

#[test]
fn the_marker_is_known_by_its_dialect() {
    let check = |name: &str, expected: Option<&str>| {
        let found =
            protocols([format!("{name} Static     master4    up     04:11:05.349").as_str()]);
        let digest = loaded(&found, Dialect::Classic).map(|d| d.to_string());
        assert_eq!(digest.as_deref(), expected, "{name}");
        assert!(!found.iter().any(is_shut));
    };
    check("linkway_00ab000000000001_c", Some("00ab000000000001"));
    check("linkway_00ab000000000001_n", None);
    check("linkway_00ab_c", None);
    check("linkway_00ab000000000001", None);
    check("static1", None);
}
